//! Tokens that servers gave out: one per server, in a file that only its owner can read.

use gumshoe_protocol::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A token for one server. Has no `Debug`: it is a secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredToken {
    /// What goes into the `Authorization` header.
    pub token: String,
    /// Until when the server takes it, where it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Who logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The file with tokens, by the server's origin: a token is never shown to another server.
pub struct Tokens {
    path: PathBuf,
    entries: BTreeMap<String, StoredToken>,
}

/// Why tokens cannot be read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The file cannot be read.
    #[error("failed to read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// Others could read it.
    #[error(
        "`{path}` can be read by others (mode {mode:04o}): `chmod 600` it, or delete it and log in again"
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds something else.
    #[error("`{path}` holds no tokens: delete it and log in again")]
    Form {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: serde_json::Error,
    },
    /// It cannot be written.
    #[error("failed to write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
}

impl Tokens {
    /// Reads the tokens in `folder`; no file is no tokens.
    ///
    /// # Errors
    ///
    /// [`TokenError`], also where others could have read the file.
    pub fn read(folder: &Path) -> Result<Self, TokenError> {
        let path = folder.join("tokens.json");
        let failed = |source| TokenError::Read {
            path: path.clone(),
            source,
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self {
                    path,
                    entries: BTreeMap::new(),
                });
            }
            Err(error) => return Err(failed(error)),
        };
        let mode = std::fs::metadata(&path).map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(TokenError::Mode { path, mode });
        }
        match serde_json::from_str(&text) {
            Ok(entries) => Ok(Self { path, entries }),
            Err(source) => Err(TokenError::Form { path, source }),
        }
    }

    /// The token for a server.
    #[must_use]
    pub fn get(&self, origin: &str) -> Option<&StoredToken> {
        self.entries.get(origin)
    }

    /// Keeps a token for a server.
    ///
    /// # Errors
    ///
    /// [`TokenError::Write`].
    pub fn put(&mut self, origin: &str, token: StoredToken) -> Result<(), TokenError> {
        self.entries.insert(origin.to_owned(), token);
        self.write()
    }

    /// Forgets the token for a server; whether there was one.
    ///
    /// # Errors
    ///
    /// [`TokenError::Write`].
    pub fn remove(&mut self, origin: &str) -> Result<bool, TokenError> {
        let was_there = self.entries.remove(origin).is_some();
        if was_there {
            self.write()?;
        }
        Ok(was_there)
    }

    /// Replaces the file as a whole; a new one is the owner's alone from the beginning.
    fn write(&self) -> Result<(), TokenError> {
        let failed = |source| TokenError::Write {
            path: self.path.clone(),
            source,
        };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        let text = serde_json::to_vec_pretty(&self.entries).map_err(|error| failed(error.into()))?;
        file.write_all(&text).map_err(failed)?;
        file.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> StoredToken {
        StoredToken {
            token: text.to_owned(),
            expires: None,
            name: None,
        }
    }

    #[test]
    fn tokens_are_the_owner_s_alone_and_go_to_their_server_only() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new");
        let mut tokens = Tokens::read(&place).unwrap();
        tokens.put("https://a", token("1")).unwrap();
        tokens.put("https://b", token("2")).unwrap();
        let mode = std::fs::metadata(place.join("tokens.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o600);
        let again = Tokens::read(&place).unwrap();
        assert_eq!(again.get("https://a").unwrap().token, "1");
        assert!(again.get("https://a:8443").is_none());
        assert!(tokens.remove("https://a").unwrap() && !tokens.remove("https://a").unwrap());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        std::fs::write(&path, "{}").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            Tokens::read(folder.path()),
            Err(TokenError::Mode { mode: 0o644, .. })
        ));
    }
}
