//! Bounded decompression and archive reading for hostile files.
mod archive;
mod budget;
mod decode;
mod detect;
mod parse;
mod reason;
mod source;

pub use archive::{
    Anomaly, Flow, Gap, MAX_LISTED, Member, MemberKind, Summary, WalkError, WalkOptions,
    walk_archive,
};
pub use budget::{Budget, Limits, Total};
pub use decode::Decoder;
pub use detect::{Codec, Container, DETECT_BYTES, Format, detect};
pub use reason::{Interrupt, Reason};
