//! A private GnuPG keyring: real keys and signatures, made by `gpg` as investigators use it.
//!
//! Each [`Gpg`] has a home of its own in a folder with a short name (the path of a socket has at most 108 bytes) and
//! an agent of its own, both of which end with it. Keys have no passphrase.
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, thread};

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use tempfile::TempDir;

/// Whether `gpg` writes its output as ASCII armour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Base64 between `-----BEGIN …-----` lines.
    Armoured,
    /// Packets as they are.
    Binary,
}

/// Why a key is revoked; RFC 9580, section 5.2.3.31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Somebody else has the secret key: a hard revocation.
    Compromised,
    /// Another key took its place: a soft revocation.
    Superseded,
}

/// A private keyring with the `gpg` that works on it.
#[derive(Debug)]
pub struct Gpg {
    home: TempDir,
    time: Option<DateTime<Utc>>,
}

impl Gpg {
    /// Makes an empty keyring.
    ///
    /// # Errors
    ///
    /// When `gpg` is not installed, or no folder can be made in `/tmp`.
    pub fn new() -> Result<Gpg> {
        // gpg warns about a folder that others may read.
        let private = fs::Permissions::from_mode(0o700);
        let home = tempfile::Builder::new()
            .prefix("gpg-")
            .permissions(private)
            .tempdir_in("/tmp")
            .context("failed to make a folder in /tmp")?;
        let gpg = Gpg { home, time: None };
        gpg.run(&["--list-keys"], b"")?;
        Ok(gpg)
    }

    /// The folder of the keyring (`GNUPGHOME`), readable by its owner alone.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Lets `gpg` believe that it is `time`; `None` is the real time again.
    pub fn set_time(&mut self, time: Option<DateTime<Utc>>) {
        self.time = time;
    }

    /// Makes a key without subkeys and returns its fingerprint.
    ///
    /// `algorithm`, `usage` and `expire` are those of `gpg --quick-generate-key`: `rsa3072`, `ed25519`, `nistp256`;
    /// `sign`, `cert`; `never`, `1y`, `seconds=60`. A key can always certify.
    ///
    /// # Errors
    ///
    /// When `gpg` refuses.
    pub fn generate(&self, user_id: &str, algorithm: &str, usage: &str, expire: &str) -> Result<String> {
        let before = self.fingerprints("fpr")?;
        self.run(&["--quick-generate-key", user_id, algorithm, usage, expire], b"")?;
        newest(&before, self.fingerprints("fpr")?)
    }

    /// Adds a subkey for signing to the key and returns the subkey's fingerprint; arguments as for [`Gpg::generate`].
    ///
    /// # Errors
    ///
    /// When `gpg` refuses.
    pub fn add_signing_subkey(&self, key: &str, algorithm: &str, expire: &str) -> Result<String> {
        self.add_subkey(key, algorithm, "sign", expire)
    }

    /// Adds a subkey for any usage (`sign`, `encr`, `auth`) to the key and returns the subkey's fingerprint.
    ///
    /// # Errors
    ///
    /// When `gpg` refuses.
    pub fn add_subkey(&self, key: &str, algorithm: &str, usage: &str, expire: &str) -> Result<String> {
        let before = self.fingerprints("fpr")?;
        self.run(&["--quick-add-key", key, algorithm, usage, expire], b"")?;
        newest(&before, self.fingerprints("fpr")?)
    }

    /// Adds a user id to the key, behind those that it has.
    ///
    /// # Errors
    ///
    /// When `gpg` refuses.
    pub fn add_user_id(&self, key: &str, user_id: &str) -> Result<()> {
        self.run(&["--quick-add-uid", key, user_id], b"").map(drop)
    }

    /// Removes the user id at a position, counted from 1, from the keyring.
    ///
    /// # Errors
    ///
    /// When `gpg` refuses.
    pub fn delete_user_id(&self, key: &str, position: usize) -> Result<()> {
        let answers = format!("uid {position}\ndeluid\ny\nsave\n");
        self.converse(&["--edit-key", key], &answers).map(drop)
    }

    /// The public key, alone.
    ///
    /// # Errors
    ///
    /// When there is no such key.
    pub fn export(&self, key: &str, form: Form) -> Result<Vec<u8>> {
        self.exported(&["--export", key], form)
    }

    /// The public keys of everybody in the keyring, in one file.
    ///
    /// # Errors
    ///
    /// When the keyring is empty.
    pub fn export_all(&self, form: Form) -> Result<Vec<u8>> {
        self.exported(&["--export"], form)
    }

    /// The secret key, without a passphrase.
    ///
    /// # Errors
    ///
    /// When there is no such key.
    pub fn export_secret(&self, key: &str, form: Form) -> Result<Vec<u8>> {
        self.exported(&["--export-secret-keys", key], form)
    }

    /// Adds keys or revocation certificates from elsewhere.
    ///
    /// # Errors
    ///
    /// When `gpg` refuses.
    pub fn import(&self, bytes: &[u8]) -> Result<()> {
        self.run(&["--import"], bytes).map(drop)
    }

    /// Signs `message` with `key`, apart from the message; binary unless `extra` says `--armor`.
    ///
    /// `key` is a fingerprint; with `!` behind a subkey's fingerprint, that very subkey signs. `extra` are further
    /// options, for example `["--digest-algo", "SHA1"]`.
    ///
    /// # Errors
    ///
    /// When `gpg` refuses.
    pub fn detach_sign(&self, key: &str, message: &[u8], extra: &[&str]) -> Result<Vec<u8>> {
        let mut arguments = extra.to_vec();
        arguments.extend(["--local-user", key, "--detach-sign"]);
        self.run(&arguments, message)
    }

    /// Revokes the key with the certificate that `gpg` wrote when it made the key (no reason given: hard).
    ///
    /// # Errors
    ///
    /// When there is no such certificate.
    pub fn revoke(&self, key: &str) -> Result<()> {
        let path = self.home().join("openpgp-revocs.d").join(format!("{key}.rev"));
        let text = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        // A colon before the armour keeps people from importing it by mistake.
        self.import(text.replace(":-----BEGIN", "-----BEGIN").as_bytes())
    }

    /// Makes a revocation certificate with a reason; [`Gpg::import`] it to revoke the key.
    ///
    /// # Errors
    ///
    /// When `gpg` refuses.
    pub fn revocation(&self, key: &str, reason: Reason) -> Result<Vec<u8>> {
        let digit = match reason {
            Reason::Compromised => 1,
            Reason::Superseded => 2,
        };
        let answers = format!("y\n{digit}\n\ny\n");
        self.converse(&["--gen-revoke", key], &answers)
    }

    /// Revokes the subkey at a position, counted from 1.
    ///
    /// # Errors
    ///
    /// When `gpg` refuses.
    pub fn revoke_subkey(&self, key: &str, position: usize) -> Result<()> {
        let answers = format!("key {position}\nrevkey\ny\n0\n\ny\nsave\n");
        self.converse(&["--edit-key", key], &answers).map(drop)
    }

    /// Revokes the user id at a position, counted from 1.
    ///
    /// # Errors
    ///
    /// When `gpg` refuses; it keeps the last one that is valid.
    pub fn revoke_user_id(&self, key: &str, position: usize) -> Result<()> {
        let answers = format!("uid {position}\nrevuid\ny\n0\n\ny\nsave\n");
        self.converse(&["--edit-key", key], &answers).map(drop)
    }

    /// Runs `gpg` with any arguments on the keyring, `input` on its standard input, and returns its standard output.
    ///
    /// # Errors
    ///
    /// When it ends with an error; its messages are in the error.
    pub fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        let mut command = self.command("gpg");
        command.args([
            "--batch",
            "--yes",
            "--no-tty",
            "--quiet",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        ]);
        self.finish(command, arguments, input)
    }

    /// Runs `gpg` where it has no batch mode, and gives the answers to its questions.
    fn converse(&self, arguments: &[&str], answers: &str) -> Result<Vec<u8>> {
        let mut command = self.command("gpg");
        command.args([
            "--no-tty",
            "--quiet",
            "--pinentry-mode",
            "loopback",
            "--expert",
            "--command-fd",
            "0",
        ]);
        self.finish(command, arguments, answers.as_bytes())
    }

    fn finish(&self, mut command: Command, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        if let Some(time) = self.time {
            command
                .arg("--faked-system-time")
                .arg(time.format("%Y%m%dT%H%M%S!").to_string());
        }
        run(command.args(arguments), input)
    }

    fn exported(&self, arguments: &[&str], form: Form) -> Result<Vec<u8>> {
        let armour: &[&str] = if form == Form::Armoured { &["--armor"] } else { &[] };
        let bytes = self.run(&[armour, arguments].concat(), b"")?;
        if bytes.is_empty() {
            bail!("gpg {} exported nothing", arguments.join(" "));
        }
        Ok(bytes)
    }

    /// Fingerprints of all keys and subkeys, in the keyring's order.
    fn fingerprints(&self, record: &str) -> Result<Vec<String>> {
        let listing = String::from_utf8(self.run(
            &["--with-colons", "--with-subkey-fingerprint", "--list-keys"],
            b"",
        )?)?;
        let field = |line: &str| line.split(':').nth(9).map(str::to_owned);
        Ok(listing
            .lines()
            .filter(|line| line.split(':').next() == Some(record))
            .filter_map(field)
            .collect())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .arg("--homedir")
            .arg(self.home())
            .env("LC_ALL", "C")
            .env_remove("GNUPGHOME");
        command
    }

    /// The process id of the keyring's agent, if it has one.
    fn agent(&self) -> Option<u32> {
        let mut command = self.command("gpg-connect-agent");
        let answer = run(command.args(["--no-autostart", "GETINFO pid", "/bye"]), b"").ok()?;
        String::from_utf8(answer)
            .ok()?
            .lines()
            .find_map(|line| line.strip_prefix("D ")?.parse().ok())
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        if let Some(pid) = self.agent() {
            // The agent that listens on this keyring's own socket, and no other.
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
        // Where `/run/user/UID` exists, the sockets are there.
        let _ = run(self.command("gpgconf").arg("--remove-socketdir"), b"");
    }
}

/// The fingerprint that was not there before.
fn newest(before: &[String], after: Vec<String>) -> Result<String> {
    after
        .into_iter()
        .find(|fingerprint| !before.contains(fingerprint))
        .context("gpg made no key")
}

/// Runs a program to its end; the input is written beside, so that neither waits for the other.
fn run(command: &mut Command, input: &[u8]) -> Result<Vec<u8>> {
    let program = PathBuf::from(command.get_program());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| {
            format!(
                "failed to start {}: install Debian's package gnupg",
                program.display()
            )
        })?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    let output = thread::scope(|scope| {
        // A program that does not read all of its input is no error.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output()
    })?;
    if !output.status.success() {
        bail!(
            "{command:?} ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sign_and_are_revoked() {
        let gpg = Gpg::new().unwrap();
        let key = gpg
            .generate("Ada <ada@example.org>", "ed25519", "sign", "never")
            .unwrap();
        let subkey = gpg.add_signing_subkey(&key, "ed25519", "1y").unwrap();
        assert_eq!((key.len(), subkey.len()), (40, 40));
        assert_ne!(key, subkey);
        let signature = gpg.detach_sign(&key, b"text", &["--armor"]).unwrap();
        assert!(signature.starts_with(b"-----BEGIN PGP SIGNATURE-----"));
        assert!(
            gpg.export(&key, Form::Armoured)
                .unwrap()
                .starts_with(b"-----BEGIN PGP PUBLIC KEY BLOCK-----")
        );
        assert!(
            gpg.export_secret(&key, Form::Armoured)
                .unwrap()
                .starts_with(b"-----BEGIN PGP PRIVATE KEY BLOCK-----")
        );
        assert!(
            gpg.revocation(&key, Reason::Superseded)
                .unwrap()
                .starts_with(b"-----BEGIN")
        );
        gpg.revoke_subkey(&key, 1).unwrap();
        gpg.add_user_id(&key, "Ada Lovelace").unwrap();
        gpg.revoke_user_id(&key, 1).unwrap();
        gpg.delete_user_id(&key, 1).unwrap();
        gpg.revoke(&key).unwrap();
        assert!(gpg.detach_sign(&key, b"text", &[]).is_err());
    }

    #[test]
    fn the_agent_ends_with_its_keyring() {
        let gpg = Gpg::new().unwrap();
        gpg.generate("Ada", "ed25519", "sign", "never").unwrap();
        let pid = gpg.agent().unwrap();
        drop(gpg);
        let running =
            || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while running() {
            assert!(
                std::time::Instant::now() < deadline,
                "gpg-agent {pid} is still there"
            );
            thread::yield_now();
        }
    }
}
