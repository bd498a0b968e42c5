//! Bounded decompression and archive reading for hostile files.
//!
//! * [`detect`] recognises formats by their bytes.
//! * [`Decoder`] reads one compressed stream: gzip, bzip2, xz, zstd, lz4.
//! * [`walk_archive`] shows the members of zips and tars, and of what is nested in them.
//! * [`Budget`] is the account that all of this draws on; [`Reason`] says which limit was hit, or what is
//!   wrong with the data, with numbers.
//!
//! Nothing is cut silently: a reader ends with `Ok(0)` only when the data was complete and its checksums held;
//! a walk returns every [`Gap`]. Nothing is written to disk. Names are bytes to be shown, never paths.
//!
//! # Memory
//!
//! A decoder holds its window ([`Limits::window_bytes`]) and some hundred kilobytes; a zip its central directory
//! ([`Limits::directory_bytes`]); nested archives in streams are kept for as far as they have to be read twice or at
//! random ([`Limits::buffer_bytes`] for all levels together).
//!
//! # Foundations
//!
//! The codecs are `flate2` on `miniz_oxide`, `bzip2` on `libbz2-rs-sys`, `lzma-rust2`, `ruzstd` and `lz4_flex`: all
//! Rust, maintained, permissively licensed. What they leave open is closed here: frames that follow each
//! other, checksums, silently accepted truncation (`lz4_flex`), output held back at a broken end (`ruzstd`), and
//! assertions that hostile bytes can reach, which cost the stream but not the process.
//!
//! The archive readers are our own. The `zip` crate keeps members by name, so that of two with the same name
//! one cannot be seen, and reads a central directory of any size; the `tar` crate reads extended headers of
//! any size into memory. Both hide what a malicious archive's author would like to hide.

mod archive;
mod budget;
mod decode;
mod detect;
pub mod fuzz;
mod parse;
mod reason;
mod source;

pub use archive::{
    Anomaly, Flow, Gap, MAX_LISTED, Member, MemberKind, Summary, WalkError, WalkOptions, walk_archive,
};
pub use budget::{Budget, Limits, Total};
pub use decode::Decoder;
pub use detect::{Codec, Container, DETECT_BYTES, Format, detect};
pub use reason::{Interrupt, Reason};
