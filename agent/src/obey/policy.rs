//! The policy's file: judged like a plugin, since whoever may write to it may ask for anything.

use gumshoe_plugin_api::host::trust::{self, TrustError};
use gumshoe_protocol::bounds::POLICY_BYTES;
use gumshoe_protocol::policy::{Policy, PolicyError};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Name of the file in the configuration folder.
pub const FILE: &str = "policy.toml";
/// How long a key file may be.
const MAX_KEY_BYTES: u64 = 1 << 20;

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFileError {
    /// Others could write to it, or it cannot be opened.
    #[error("the policy is refused: {}", told(.0))]
    Trust(TrustError),
    /// It cannot be read.
    #[error("failed to read the policy `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// It is longer than a policy can be.
    #[error("the policy `{path}` has more than {POLICY_BYTES} bytes")]
    Size {
        /// The file.
        path: PathBuf,
    },
    /// Something in it is wrong.
    #[error("the policy `{path}` is not acceptable")]
    Content {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong.
        source: PolicyError,
    },
}

/// The judge speaks of plugins where it speaks of opening.
fn told(error: &TrustError) -> String {
    match error {
        TrustError::Open { path, source } => format!("failed to open `{}`: {source}", path.display()),
        TrustError::Kind { path } => format!("`{}` is not a regular file", path.display()),
        other => other.to_string(),
    }
}

/// Reads the policy. Keys lie in files beside it, or where it says; they are judged in the same way.
///
/// # Errors
///
/// [`PolicyFileError`].
pub fn load(path: &Path) -> Result<Policy, PolicyFileError> {
    let (file, resolved) = trust::open(path).map_err(PolicyFileError::Trust)?;
    let bytes = read(file, POLICY_BYTES as u64).map_err(|source| PolicyFileError::Read {
        path: path.to_owned(),
        source,
    })?;
    let bytes = bytes.ok_or_else(|| PolicyFileError::Size {
        path: path.to_owned(),
    })?;
    let text = String::from_utf8(bytes).map_err(|error| PolicyFileError::Read {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, error),
    })?;
    let folder = resolved.parent().unwrap_or(Path::new("/")).to_owned();
    Policy::parse(&text, &|name| key(&folder, name)).map_err(|source| PolicyFileError::Content {
        path: path.to_owned(),
        source,
    })
}

fn key(folder: &Path, name: &str) -> Result<Vec<u8>, String> {
    let path = folder.join(name);
    let (file, _) = trust::open(&path).map_err(|error| told(&error))?;
    read(file, MAX_KEY_BYTES)
        .map_err(|error| format!("failed to read `{}`: {error}", path.display()))?
        .ok_or_else(|| format!("`{}` has more than {MAX_KEY_BYTES} bytes", path.display()))
}

/// A file's content, if it has at most `most` bytes.
fn read(file: File, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}
