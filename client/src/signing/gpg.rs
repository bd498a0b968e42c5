//! Runs `gpg`.

use super::status::Status;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::{NamedTempFile, TempDir};

/// `gpg`, with the key to sign with.
#[derive(Debug)]
pub struct Gpg {
    program: PathBuf,
    key: Option<String>,
    keyring: Keyring,
}

/// Which keyring is used.
#[derive(Debug)]
enum Keyring {
    /// The user's.
    Own,
    /// One with a single key, which ends with this value, and with it the agent that holds the key.
    Temporary { folder: TempDir, gpgconf: PathBuf },
}

/// A signature that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The packet, in binary.
    pub signature: Vec<u8>,
    /// Fingerprint of the primary key, in uppercase.
    pub fingerprint: String,
}

/// What `gpg` says about a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Good, by a key in the keyring.
    Good {
        /// Fingerprint of the primary key.
        fingerprint: String,
        /// The key's first user id; whoever made the key wrote it.
        user: String,
    },
    /// Made by that key, and not to be relied on.
    Doubtful {
        /// Fingerprint of the primary key.
        fingerprint: String,
        /// The key's first user id.
        user: String,
        /// What is wrong.
        why: String,
    },
    /// By a key that is not in the keyring.
    UnknownKey {
        /// What the signature says about it.
        key: String,
    },
    /// Of something else, or no signature.
    Bad,
}

/// Why `gpg` did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GpgError {
    /// It cannot be started.
    #[error("failed to start `{program}`: install GnuPG, or say where it is with `gpg = …` in config.toml")]
    Start {
        /// The program.
        program: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// A temporary file or folder cannot be made.
    #[error("failed to make a temporary file for gpg")]
    Temporary(#[source] std::io::Error),
    /// There is no such secret key.
    #[error(
        "gpg has no secret key {}: see `gpg --list-secret-keys`, and choose one with --key or `key = …` in config.toml",
        .key.as_deref().unwrap_or("at all")
    )]
    NoKey {
        /// The key that was asked for.
        key: Option<String>,
    },
    /// The file holds no secret key.
    #[error("`{path}` holds no secret key that gpg can import: {message}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What gpg wrote.
        message: String,
    },
    /// It failed otherwise, or the user cancelled.
    #[error("gpg made no signature: {0}")]
    Failed(String),
}

impl Gpg {
    /// The user's keyring; `key` is what `--local-user` takes, the keyring's default key when absent.
    #[must_use]
    pub fn own(program: Option<&Path>, key: Option<String>) -> Self {
        Self {
            program: program.unwrap_or(Path::new("gpg")).to_owned(),
            key,
            keyring: Keyring::Own,
        }
    }

    /// A keyring with the secret key in a file, in a folder that only this user can enter and that is gone afterwards.
    ///
    /// A passphrase is asked for by `gpg` in its usual way.
    ///
    /// # Errors
    ///
    /// [`GpgError`].
    pub fn with_key_file(
        program: Option<&Path>,
        gpgconf: Option<&Path>,
        file: &Path,
    ) -> Result<Self, GpgError> {
        // In /tmp, because the path of a socket has at most 108 bytes.
        let folder = tempfile::Builder::new()
            .prefix("gumshoe-")
            .tempdir_in("/tmp")
            .map_err(GpgError::Temporary)?;
        let gpgconf = gpgconf.unwrap_or(Path::new("gpgconf")).to_owned();
        let mut gpg = Self {
            program: program.unwrap_or(Path::new("gpg")).to_owned(),
            key: None,
            keyring: Keyring::Temporary { folder, gpgconf },
        };
        let mut command = gpg.command();
        command
            .args(["--batch", "--status-fd", "2", "--import", "--"])
            .arg(file);
        let status = Status::parse(&gpg.run(command, b"")?.stderr);
        // Bit 4 of the reasons says that the key has a secret part.
        let secret = status.all("IMPORT_OK").find_map(|words| {
            let reasons: u32 = words.first()?.parse().ok()?;
            (reasons & 16 != 0).then(|| words.get(1).map(|fpr| (*fpr).to_owned()))?
        });
        let Some(fingerprint) = secret else {
            return Err(GpgError::KeyFile {
                path: file.to_owned(),
                message: status.told(),
            });
        };
        gpg.key = Some(fingerprint);
        Ok(gpg)
    }

    /// Signs `message`, apart from it.
    ///
    /// # Errors
    ///
    /// [`GpgError`].
    pub fn sign(&self, message: &[u8]) -> Result<Made, GpgError> {
        let mut command = self.command();
        // The user's own options may ask for armour or text mode, which would be another signature.
        command.args(["--status-fd", "2", "--no-armor", "--no-textmode", "--output", "-"]);
        if let Some(key) = &self.key {
            command.arg("--local-user").arg(key);
        }
        command.arg("--detach-sign");
        let output = self.run(command, message)?;
        let status = Status::parse(&output.stderr);
        let made_by = status
            .words("SIG_CREATED")
            .and_then(|words| words.last().map(|word| (*word).to_owned()));
        match made_by {
            Some(fingerprint) if output.status.success() && !output.stdout.is_empty() => Ok(Made {
                fingerprint: self.primary(&fingerprint)?,
                signature: output.stdout,
            }),
            _ if status.words("INV_SGNR").is_some() || status.words("NO_SECKEY").is_some() => {
                Err(GpgError::NoKey {
                    key: self.key.clone(),
                })
            }
            _ => Err(GpgError::Failed(status.told())),
        }
    }

    /// What the keyring has to say about a signature.
    ///
    /// # Errors
    ///
    /// [`GpgError`] when `gpg` cannot be run; a bad signature is a [`Verdict`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<Verdict, GpgError> {
        let mut file = NamedTempFile::new().map_err(GpgError::Temporary)?;
        file.write_all(signature).map_err(GpgError::Temporary)?;
        let mut command = self.command();
        command.args(["--batch", "--status-fd", "1", "--verify", "--"]);
        command.arg(file.path()).arg("-");
        let output = self.run(command, message)?;
        Ok(Status::parse(&output.stdout).verdict())
    }

    /// Fingerprint of the primary key that a key or subkey belongs to.
    fn primary(&self, fingerprint: &str) -> Result<String, GpgError> {
        let mut command = self.command();
        command.args(["--batch", "--with-colons", "--list-keys", "--", fingerprint]);
        let output = self.run(command, b"")?;
        let listing = String::from_utf8_lossy(&output.stdout);
        // The first `fpr` record stands behind `pub`. Source: GnuPG's `doc/DETAILS`, "Format of the colon listings".
        let primary = listing
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|fields| fields[0] == "fpr")
            .and_then(|fields| fields.get(9).map(|field| (*field).to_owned()));
        Ok(primary.unwrap_or_else(|| fingerprint.to_owned()))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // Its messages end up in ours.
        command.env("LC_ALL", "C.UTF-8");
        // Standard input is a pipe, so that pinentry has to be told where the user is.
        if std::env::var_os("GPG_TTY").is_none()
            && let Ok(terminal) = rustix::termios::ttyname(std::io::stderr(), Vec::new())
        {
            command.env("GPG_TTY", String::from_utf8_lossy(terminal.as_bytes()).as_ref());
        }
        if let Keyring::Temporary { folder, .. } = &self.keyring {
            command.arg("--homedir").arg(folder.path());
        }
        command
    }

    /// Runs it to its end; the input is written beside, so that neither waits for the other.
    fn run(&self, mut command: Command, input: &[u8]) -> Result<Output, GpgError> {
        let failed = |source| GpgError::Start {
            program: self.program.clone(),
            source,
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let stdin = child.stdin.take();
        std::thread::scope(|scope| {
            // A gpg that ends early does not read it all, and says why.
            scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input)));
            child.wait_with_output()
        })
        .map_err(failed)
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        if let Self::Temporary { folder, gpgconf } = self {
            // Without gpgconf the agent ends by itself when it finds its folder gone.
            let _ = Command::new(gpgconf)
                .arg("--homedir")
                .arg(folder.path())
                .args(["--kill", "gpg-agent"])
                .stderr(Stdio::null())
                .status();
        }
    }
}
