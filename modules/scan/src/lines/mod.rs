//! Regexes applied to each line of a stream.
//!
//! A line ends at `\n`; one `\r` in front of that, or at the end of the stream, is not part of it. `^` and `\A` mean the
//! start of the line, `$` and `\z` its end, and no match spans lines. An empty stream has no line, and `"a\n"` has one.
//!
//! ```
//! use gumshoe_scan::lines::{LineScan, LineSet};
//! use std::sync::Arc;
//!
//! let set = Arc::new(LineSet::new(&["^root:", "(?i)PASSWORD"])?);
//! let selection = Arc::new(set.select(&[0, 1], &[]));
//! let mut scan = LineScan::new(&set);
//!
//! scan.begin(&selection);
//! let mut file = &b"root:x:0:0\nsync:x:4"[..];
//! while !scan.settled() {
//!     let count = std::io::Read::read(&mut file, scan.space())?;
//!     if count == 0 {
//!         break;
//!     }
//!     let _for_hashing: &[u8] = scan.filled(count);
//! }
//! scan.finish();
//! assert!(scan.any(0));
//! assert!(!scan.any(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How
//!
//! Patterns are rewritten so that they can run over whole buffers; each hit is then confirmed on its line
//! alone, so a hit too many costs time and never a wrong answer. Which search is used is decided in
//! [`LineSet::select`], see there.

mod rewrite;
mod scan;
mod search;
mod set;

pub use scan::{LineScan, MAX_LINE_BYTES, OVERLAP_BYTES};
pub use set::{LineSet, Selection};

#[cfg(test)]
mod tests;
