//! Linux: address spaces by `/proc/PID` and `process_vm_readv(2)`.
//!
//! What holds on to a process is its open `mem` file: it belongs to the address space and not to the number, so that
//! it says when the process has ended or runs another program, whatever has its number by then.

mod files;
mod pages;
mod resident;
mod target;

pub use files::{FileKey, NoFile};
pub use target::{OpenFiles, Target};

use gumshoe_process::{Dir, Host, Process, ProcessError};

/// Takes hold of a process, whatever its number stands for later.
///
/// # Errors
///
/// [`ProcessError::Read`].
pub fn take(host: &Host, pid: u32) -> Result<Dir, ProcessError> {
    host.dir(pid)
}

/// Describes a process.
///
/// # Errors
///
/// As [`Host::describe`].
pub fn describe(host: &Host, handle: &Dir) -> Result<Process, ProcessError> {
    host.describe(handle)
}

/// Bytes of a page.
#[must_use]
pub fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}
