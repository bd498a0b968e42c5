//! The pattern engine of Gumshoe: finds many patterns in one pass over bytes, as fast as the machine reads them.
//!
//! Two ways to scan share syntax, limits and errors:
//!
//! * [`lines`]: regexes applied to each line of a stream, for file contents. The answer is one bit per pattern.
//! * [`bytes`]: literals, hex patterns and regexes over raw memory, for processes. The answers are addresses.
//!
//! Both compile once into a set that all threads share, and scan with a reusable state per thread, so that nothing
//! is allocated per file or per process. Both look for literals that a pattern cannot match without, with SIMD, and
//! run a regex only where one was found.
//!
//! **Invariant:** this crate does no I/O and knows nothing of files, processes or reports. Bytes and patterns are
//! hostile: every search is linear in its input, every table has a limit, nothing panics.

mod automaton;
pub mod bytes;
mod caches;
mod dialect;
mod error;
mod finder;
mod group;
mod hex;
pub mod lines;
mod literals;
mod regex;
mod syntax;
mod wide;

pub use error::PatternError;
pub use regex::Regex;
pub use syntax::Limits;
