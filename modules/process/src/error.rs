//! Why a process could not be described.

use std::io;

/// Why a process, or the list of processes, could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// The list of processes could not be read.
    #[error("failed to list processes in `{place}`")]
    List {
        /// Folder or system call.
        place: String,
        /// Cause.
        source: io::Error,
    },
    /// Something about one process could not be read.
    #[error("failed to read `{what}` of process {pid}")]
    Read {
        /// The process.
        pid: u32,
        /// File or system call.
        what: &'static str,
        /// Cause.
        source: io::Error,
    },
    /// What the system says about one process is not understood.
    #[error("`{what}` of process {pid} is not understood")]
    Malformed {
        /// The process.
        pid: u32,
        /// File or system call.
        what: &'static str,
    },
}

impl ProcessError {
    /// Whether the process has ended: nothing is missed by leaving it out.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        // ESRCH, which `ErrorKind` has no name for, is 3 on Linux and macOS.
        const ESRCH: i32 = 3;
        match self {
            ProcessError::List { source, .. } | ProcessError::Read { source, .. } => {
                source.kind() == io::ErrorKind::NotFound || source.raw_os_error() == Some(ESRCH)
            }
            ProcessError::Malformed { .. } => false,
        }
    }

    /// Whether access was denied.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        match self {
            ProcessError::List { source, .. } | ProcessError::Read { source, .. } => {
                source.kind() == io::ErrorKind::PermissionDenied
            }
            ProcessError::Malformed { .. } => false,
        }
    }
}
