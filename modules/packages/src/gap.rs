//! What was in scope and could not be looked at.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::StorageError;

/// A file, folder or record that should have been read and was not, or not as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// What kind of thing, such as `package database`.
    pub what: &'static str,
    /// Where it lies in its tree.
    pub path: PathBuf,
    /// Why it was not read.
    pub reason: Reason,
    /// How many things are missed; 1 for a whole file.
    pub count: u64,
}

impl Gap {
    /// One thing that was not read.
    #[must_use]
    pub fn new(what: &'static str, path: &Path, reason: Reason) -> Self {
        Self {
            what,
            path: path.to_owned(),
            reason,
            count: 1,
        }
    }
}

/// Why something was not read. The words are few, so that gaps can be added up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The system refused access.
    #[error("permission denied")]
    PermissionDenied,
    /// It is not there.
    #[error("not found")]
    NotFound,
    /// It lies on a remote file system, which may never answer.
    #[error("remote file system")]
    Remote,
    /// A symbolic link, device, pipe or folder lies where a file should be.
    #[error("not a regular file")]
    NotAFile,
    /// Links lead in a circle, or through too many others.
    #[error("too many symbolic links")]
    Links,
    /// It is larger than what is read of such a file.
    #[error("limit reached: {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// There are more than are looked at in one place.
    #[error("limit reached: {limit} {of}")]
    TooMany {
        /// The limit.
        limit: usize,
        /// What is counted.
        of: &'static str,
    },
    /// It is not in the format that belongs there.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// It changed again and again while it was read.
    #[error("changed while it was read")]
    Changed,
    /// Its version is kept where it cannot be read, such as in an image that is not mounted.
    #[error("version not readable")]
    NoVersion,
    /// The system reported another error.
    #[error("{0}")]
    System(Errno),
}

impl From<Errno> for Reason {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ACCESS | Errno::PERM => Self::PermissionDenied,
            Errno::NOENT | Errno::NOTDIR => Self::NotFound,
            Errno::LOOP => Self::Links,
            other => Self::System(other),
        }
    }
}

impl From<StorageError> for Reason {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::OutOfBounds => Self::Malformed("ends too early"),
            StorageError::System(errno) => errno.into(),
        }
    }
}
