//! The directory that a walk takes for `/`.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use crate::{MountTable, os};

/// Why the root directory of a walk could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaseError {
    /// The directory could not be opened.
    #[error("failed to open the root directory `{}`", path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

/// The directory that a walk takes for `/`: paths, and the symbolic links in them, never lead out of it.
#[derive(Debug)]
pub struct Base {
    dir: OwnedFd,
    mounts: MountTable,
}

impl Base {
    /// A directory of this process's own view of the files, `/` as a rule, with the mounts below it.
    ///
    /// A mount table that cannot be read counts as empty; remote file systems are then recognised once they are opened.
    ///
    /// # Errors
    ///
    /// [`BaseError::Open`] when the directory cannot be opened.
    pub fn host(root: &Path) -> Result<Self, BaseError> {
        let failed = |source: io::Error| BaseError::Open {
            path: root.to_owned(),
            source,
        };
        let real = root.canonicalize().map_err(failed)?;
        let dir = os::open_base(&real).map_err(|errno| failed(errno.into()))?;
        Ok(Self {
            dir,
            mounts: os::own_mounts().below(&real),
        })
    }

    /// A directory that is open already, such as another process's root, with the mounts as seen from it.
    pub fn new(dir: OwnedFd, mounts: MountTable) -> Self {
        Self { dir, mounts }
    }

    /// The mounts, with paths as seen from the base.
    pub fn mounts(&self) -> &MountTable {
        &self.mounts
    }
}

impl AsFd for Base {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}
