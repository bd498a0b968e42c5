//! Files that investigators pass along: actions that nobody has signed yet, and envelopes.

use gumshoe_plugin_api::json;
use gumshoe_protocol::bounds::ENVELOPE_BYTES;
use gumshoe_protocol::envelope::{ACTION_TYPE, CANCEL_TYPE};
use gumshoe_protocol::{Action, ActionError, Cancel, ContentDigest, Envelope, EnvelopeError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    /// An action that nobody has signed.
    Draft(Box<Action>),
    /// An envelope with at least one signature, none of which has been verified.
    Signed(Box<Signed>),
}

/// An envelope, and what it carries.
#[derive(Debug, Clone, PartialEq)]
pub struct Signed {
    /// The envelope.
    pub envelope: Envelope,
    /// Its payload, read.
    pub content: Content,
}

/// What investigators sign.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A question.
    Action(Box<Action>),
    /// The wish to stop one.
    Cancel(Cancel),
}

/// Why a file holds nothing that can be worked with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// It cannot be read.
    #[error("failed to read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// It cannot be written.
    #[error("failed to write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// It is larger than an action can be.
    #[error("`{path}` has more than {ENVELOPE_BYTES} bytes")]
    Size {
        /// The file.
        path: PathBuf,
    },
    /// It is no JSON.
    #[error("`{path}` is neither an action nor an envelope")]
    Json {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: json::StrictError,
    },
    /// It is no envelope.
    #[error("`{path}` is not acceptable")]
    Envelope {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: EnvelopeError,
    },
    /// It is no action.
    #[error("`{path}` is not acceptable")]
    Action {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: ActionError,
    },
    /// It is an envelope of something that investigators do not sign.
    #[error("`{path}` is an envelope of the type {found:?}: neither an action nor a cancellation")]
    Type {
        /// The file.
        path: PathBuf,
        /// Its payload type.
        found: String,
    },
}

impl Document {
    /// Reads a file; `-` is standard input.
    ///
    /// Limits: [`ENVELOPE_BYTES`].
    ///
    /// # Errors
    ///
    /// [`DocumentError`].
    pub fn read(path: &Path) -> Result<Self, DocumentError> {
        let bytes = read_bounded(path)?;
        let path = path.to_owned();
        let value = match json::parse(&bytes) {
            Ok(value) => value,
            Err(source) => return Err(DocumentError::Json { path, source }),
        };
        if value.get("payloadType").is_none() {
            return match Action::parse(&bytes) {
                Ok(action) => Ok(Self::Draft(Box::new(action))),
                Err(source) => Err(DocumentError::Action { path, source }),
            };
        }
        match Envelope::parse(&bytes, ENVELOPE_BYTES) {
            Ok(envelope) => Signed::open(envelope, &path).map(|signed| Self::Signed(Box::new(signed))),
            Err(source) => Err(DocumentError::Envelope { path, source }),
        }
    }
}

impl Signed {
    fn open(envelope: Envelope, path: &Path) -> Result<Self, DocumentError> {
        let failed = |source| DocumentError::Action {
            path: path.to_owned(),
            source,
        };
        let content = match envelope.payload_type.as_str() {
            ACTION_TYPE => Content::Action(Box::new(Action::parse(&envelope.payload).map_err(failed)?)),
            CANCEL_TYPE => Content::Cancel(Cancel::parse(&envelope.payload).map_err(failed)?),
            other => {
                return Err(DocumentError::Type {
                    path: path.to_owned(),
                    found: other.to_owned(),
                });
            }
        };
        Ok(Self { envelope, content })
    }

    /// SHA-256 of what is signed: what reports refer to.
    #[must_use]
    pub fn digest(&self) -> ContentDigest {
        ContentDigest::of(&self.envelope.payload)
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, DocumentError> {
    let failed = |source| DocumentError::Read {
        path: path.to_owned(),
        source,
    };
    let source: Box<dyn std::io::Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).map_err(failed)?)
    };
    let mut bytes = Vec::new();
    source
        .take(ENVELOPE_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() > ENVELOPE_BYTES {
        return Err(DocumentError::Size {
            path: path.to_owned(),
        });
    }
    Ok(bytes)
}

/// Writes a file as a whole or not at all, in place of what was there; `-` is standard output.
///
/// # Errors
///
/// [`DocumentError::Write`].
pub fn write(path: &Path, text: &str) -> Result<(), DocumentError> {
    let failed = |source| DocumentError::Write {
        path: path.to_owned(),
        source,
    };
    if path == Path::new("-") {
        return writeln!(std::io::stdout().lock(), "{text}").map_err(failed);
    }
    let folder = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    writeln!(file, "{text}").map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_not_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for (text, expected) in [
            ("", "neither an action nor an envelope"),
            ("{}", "missing field"),
            (r#"{"payloadType": "t"}"#, "missing field"),
            (
                r#"{"payloadType": "application/x", "payload": "AA==", "signatures": [{"sig": "AA=="}]}"#,
                "application/x",
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = anyhow::Error::from(Document::read(&path).unwrap_err());
            let told = crate::terminal::chain(error.as_ref());
            assert!(told.contains(expected), "{told}");
        }
        std::fs::write(&path, vec![b' '; ENVELOPE_BYTES + 1]).unwrap();
        assert!(matches!(Document::read(&path), Err(DocumentError::Size { .. })));
    }
}
