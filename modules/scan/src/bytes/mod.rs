//! Literals, hex patterns and regexes over raw bytes, for the memory of processes.
//!
//! What is scanned comes in *segments*: runs of adjacent bytes, each at an address. A segment is one text: `^` and `\A`
//! hold at its start only, `$` and `\z` at its end only, and no match spans two segments. Matches of one pattern are
//! leftmost, do not overlap, and are reported once, with their address. A match up to
//! [`ByteSet::max_match_bytes`] long is found wherever it lies; of a longer match, parts may be reported, or nothing.
//!
//! ```
//! use gumshoe_scan::bytes::{ByteScan, ByteSet, Pattern};
//! use std::sync::Arc;
//!
//! let patterns = [Pattern::regex("(?i)password=").also_wide(true), Pattern::hex("DE AD ?? EF")];
//! let set = Arc::new(ByteSet::new(&patterns)?);
//! let selection = set.select(&[0, 1]);
//! let mut scan = ByteScan::new(&set);
//!
//! let mut matches = Vec::new();
//! scan.begin(&selection);
//! scan.segment(0x7f00_0000_1000, &mut matches);
//! for chunk in [&b"..Pass"[..], b"word=\xde\xad", b"\xbe\xef"] {
//!     scan.space(chunk.len()).copy_from_slice(chunk);
//!     scan.filled(chunk.len(), &mut matches);
//! }
//! scan.end_segment(&mut matches);
//! let found: Vec<(usize, u64)> = matches.iter().map(|found| (found.pattern, found.address)).collect();
//! assert_eq!(found, [(0, 0x7f00_0000_1002), (1, 0x7f00_0000_100b)]);
//! # Ok::<(), gumshoe_scan::PatternError>(())
//! ```
//!
//! # How
//!
//! Each pattern becomes one or two needles (its wide form is the second). For nearly all of them literals are known of
//! which each match contains one; all those of all needles are looked for together in one vectorised pass over a
//! cache-sized block, and only where one occurs the needle itself is tried. Needles without such literals share a lazily
//! built automaton. Which is used is decided in one place, `plan.rs`.
//!
//! A hit that is tried costs a bounded number of bytes; when in a block that sums up to more than the block, the needle is
//! searched directly there, in time linear in the block. A pattern that has its matches is settled; when settled patterns
//! keep causing hits, a plan without them takes over.

mod needle;
mod plan;
mod scan;
mod search;
mod set;

pub use plan::ByteSelection;
pub use scan::ByteScan;
pub use search::{Match, Sink};
pub use set::{ByteSet, MAX_MATCH_BYTES, MAX_MATCHES, Pattern};

#[cfg(test)]
mod tests;
