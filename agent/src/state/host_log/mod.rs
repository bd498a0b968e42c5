//! The host log: what was asked of this host, by whom, and what came of it. For the host's owner.
//!
//! One JSON object per line. Every line carries the SHA-256 of the line before it (without its newline), so that
//! nothing can be changed, taken out or put in without breaking the chain; a small file beside the log holds number
//! and digest of the last line, so that a tail that was cut off is noticed too. The log says how much was
//! found, never what.
//!
//! Whoever is root can write a new chain from the beginning: copies of the head elsewhere (every heartbeat could carry
//! one) are what would tell.

mod entry;
mod head;
mod read;
mod write;

pub use entry::{Asked, Event, Line};
pub use read::{Broken, Verified, files, lines, verify};
pub use write::{HostLog, LogError};

/// Name of the file that is written to.
pub const FILE: &str = "host.log";
/// How large a file grows before the next one is begun.
pub const FILE_BYTES: u64 = 10 << 20;
/// How many files are kept, the one that is written to among them.
pub const FILES: u32 = 10;
/// How long a line may be; parameters that are longer than [`PARAMS_BYTES`] are logged as a digest.
pub const LINE_BYTES: usize = 8 << 20;
/// How many bytes of an operation's parameters are logged.
pub const PARAMS_BYTES: usize = 64 << 10;
