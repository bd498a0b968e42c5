//! Who the processes of a host are: program, user, start time, container.
//!
//! For modules that look at processes or name them in findings. [`Host`] lists processes and describes them; on Linux
//! it reads everything below a root folder, so that it runs on a fixture, and [`Dir`] keeps hold of one process while
//! its number may go to another.
//!
//! **Invariant:** only looks; never stops, signals or attaches to a process.

mod error;
pub mod parse;
mod roots;
mod time;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::{Dir, Host};
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
pub use macos::Host;

pub use error::ProcessError;
pub use parse::accounts::Names;
pub use parse::cgroup::{Container, container};
pub use roots::{Root, Roots, Unseen};
pub use time::rfc3339;

/// A process as it was when it was described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, in milliseconds since 1970; with `pid` it identifies the process.
    pub start_ms: i64,
    /// Path of its program as the system shows it, ` (deleted)` included; none where that is denied or it has none.
    pub exe: Option<Vec<u8>>,
    /// Its name as set by itself or by the system, at most 15 bytes on Linux.
    pub comm: Vec<u8>,
    /// Its effective user.
    pub uid: u32,
    /// The container that it belongs to.
    pub container: Option<Container>,
    /// What can be expected of it.
    pub kind: Kind,
}

/// What can be expected of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It runs a program.
    Program,
    /// A thread of the kernel: it has neither program nor memory of its own.
    Kernel,
    /// It has ended and waits to be reaped.
    Zombie,
}

/// Replaces what is not UTF-8, and control characters, which could upset a terminal, for showing a name.
#[must_use]
pub fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).replace(char::is_control, "\u{fffd}")
}
