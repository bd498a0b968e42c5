//! What the user has settled: which server, which key, which programs. And where tokens lie.

mod tokens;

pub use tokens::{StoredToken, TokenError, Tokens};

use serde::Deserialize;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// How large `config.toml` may be.
const MAX_CONFIG_BYTES: u64 = 64 << 10;

/// `config.toml`: every entry may be absent; options and variables of the environment come first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The server, such as `https://gumshoe.example.org`.
    pub server: Option<String>,
    /// PEM file of the authorities that the server's certificate may be by, in place of the system's.
    pub ca: Option<PathBuf>,
    /// Which key signs: a fingerprint, or whatever `gpg --local-user` takes.
    pub key: Option<String>,
    /// The `gpg` program.
    pub gpg: Option<PathBuf>,
    /// The `gpgconf` program, which ends the agent of a temporary keyring.
    pub gpgconf: Option<PathBuf>,
    /// The `gumshoe-agent` program, which knows the modules.
    pub agent: Option<PathBuf>,
    /// How long actions are valid, such as `1h`.
    pub expires: Option<gumshoe_protocol::units::Duration>,
}

/// Why `config.toml` is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Neither `XDG_CONFIG_HOME` nor `HOME` is set.
    #[error("no place for the configuration: set HOME, or say where it is with --config")]
    NoHome,
    /// It cannot be read.
    #[error("failed to read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// It is too large.
    #[error("`{path}` has more than {MAX_CONFIG_BYTES} bytes")]
    Size {
        /// The file.
        path: PathBuf,
    },
    /// It is no TOML, or has entries that do not exist.
    #[error("`{path}` is not acceptable: {message}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        message: String,
    },
}

impl Config {
    /// Reads the configuration at `path`; the file has to be there.
    ///
    /// # Errors
    ///
    /// [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let failed = |source| ConfigError::Read {
            path: path.to_owned(),
            source,
        };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MAX_CONFIG_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(failed)?;
        if text.len() as u64 > MAX_CONFIG_BYTES {
            return Err(ConfigError::Size {
                path: path.to_owned(),
            });
        }
        toml::from_str(&text).map_err(|error| ConfigError::Form {
            path: path.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        })
    }

    /// Reads the configuration at its usual place; nothing there is an empty configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError`].
    pub fn read_default() -> Result<Self, ConfigError> {
        let Ok(folder) = folder() else {
            return Ok(Self::default());
        };
        match Self::read(&folder.join("config.toml")) {
            Err(ConfigError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            other => other,
        }
    }
}

/// The folder for what belongs to this program: `$XDG_CONFIG_HOME/gumshoe` or `~/.config/gumshoe`; on macOS `~/Library/Application Support/gumshoe`.
///
/// Source: XDG Base Directory Specification 0.8 (a relative path is to be ignored); Apple's File System Programming Guide.
///
/// # Errors
///
/// [`ConfigError::NoHome`].
pub fn folder() -> Result<PathBuf, ConfigError> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    if let Some(folder) = variable("XDG_CONFIG_HOME") {
        return Ok(folder.join("gumshoe"));
    }
    let below_home = if cfg!(target_os = "macos") {
        "Library/Application Support/gumshoe"
    } else {
        ".config/gumshoe"
    };
    variable("HOME")
        .map(|home| home.join(below_home))
        .ok_or(ConfigError::NoHome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_the_configuration_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "server = \"https://a\"\nsrever = 1\n").unwrap();
        let error = Config::read(&path).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("srever"), "{error}");
        std::fs::write(&path, "server = \"https://a\"\nexpires = \"2h\"\n").unwrap();
        let config = Config::read(&path).unwrap();
        assert_eq!(config.expires.unwrap().milliseconds(), 7_200_000);
    }
}
