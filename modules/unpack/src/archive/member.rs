//! What a walk through an archive shows and returns.

use crate::{Codec, Container, Format, reason::Reason};

/// How many gaps and anomalies a [`Summary`] lists; more are counted.
pub const MAX_LISTED: usize = 1000;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemberKind {
    /// A file with content.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; see [`Member::link`].
    Symlink,
    /// Another name of an earlier member; see [`Member::link`].
    Hardlink,
    /// A device, pipe or something this crate does not know.
    Other,
}

/// Something odd about a member or archive that was looked at all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Anomaly {
    /// An earlier member of the same archive has the same name.
    #[error("the name occurs more than once")]
    DuplicateName,
    /// The name is absolute or has a `..` part: unpacking it would write elsewhere.
    #[error("the name leaves the folder that the archive is unpacked in")]
    UnsafeName,
    /// The zip's central directory and the member's own header disagree.
    #[error("central directory and local header disagree about the {field}")]
    HeaderMismatch {
        /// What differs: `name`, `method`, `flags`, `checksum`, `compressed size`, `size`.
        field: &'static str,
    },
    /// Bytes of the archive that belong to no member: something in front, between or behind.
    #[error("{bytes} bytes belong to no member")]
    Unreferenced {
        /// How many.
        bytes: u64,
    },
    /// The archive states another number of members than it has.
    #[error("{stated} members are stated, {seen} are there")]
    MemberCount {
        /// Stated number.
        stated: u64,
        /// Met number.
        seen: u64,
    },
}

/// One member of an archive, or the content of a compressed one.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Member<'a> {
    /// Names from the outermost archive's member to this one, as stored: to be shown, never to be used as
    /// a path. Empty for the content of a merely compressed file.
    pub path: &'a [Vec<u8>],
    /// The archive that holds it; `None` for the content of a compressed file that is no member.
    pub container: Option<Container>,
    /// What it is.
    pub kind: MemberKind,
    /// Stated size in bytes of what the reader yields. May be a lie.
    pub size_hint: Option<u64>,
    /// Modification time, seconds since 1970. A zip without the extended time stamp has local time of an
    /// unknown zone, which is taken as UTC.
    pub mtime_s: Option<i64>,
    /// Unix mode bits, file type included where stored.
    pub mode: Option<u32>,
    /// Owner's id.
    pub uid: Option<u64>,
    /// Group's id.
    pub gid: Option<u64>,
    /// Target of a link, as stored.
    pub link: Option<&'a [u8]>,
    /// Codecs that were undone on the way from the member named by `path` to what the reader yields,
    /// outermost first. Not empty only for the content of compressed members.
    pub decoded: &'a [Codec],
    /// The format that the content's first bytes show. When options and depth allow, the walk goes inside after
    /// this call.
    pub format: Option<Format>,
    /// What is odd about it.
    pub anomalies: &'a [Anomaly],
}

impl Member<'_> {
    /// True for the decoded content of a compressed member: the member itself was shown before.
    #[must_use]
    pub fn is_decoded(&self) -> bool {
        !self.decoded.is_empty()
    }
}

/// What to do after a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on, inside this member too when it is an archive and options allow.
    Continue,
    /// Go on behind this member. What is inside it is not reported as a gap.
    SkipInside,
    /// End the walk.
    Stop,
}

/// How far [`crate::walk_archive`] goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkOptions {
    /// Walk archives inside archives, compressed ones too.
    pub nested: bool,
    /// Also show the decoded content of compressed members that are no archives.
    pub decompress: bool,
}

impl Default for WalkOptions {
    fn default() -> Self {
        Self {
            nested: true,
            decompress: true,
        }
    }
}

/// Something that was not, or not completely, looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Path of the member, as in [`Member::path`]; empty when it is about the file itself.
    pub path: Vec<Vec<u8>>,
    /// Why.
    pub reason: Reason,
}

/// What a walk saw.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// What the file itself is.
    pub format: Format,
    /// Members shown, nested ones and decoded contents included.
    pub members: u64,
    /// Bytes unpacked.
    pub output_bytes: u64,
    /// What was not looked at, at most [`MAX_LISTED`].
    pub gaps: Vec<Gap>,
    /// Gaps that found no room in `gaps`.
    pub gaps_not_listed: u64,
    /// Oddities with the path of their member or archive, at most [`MAX_LISTED`].
    pub anomalies: Vec<(Vec<Vec<u8>>, Anomaly)>,
    /// Oddities that found no room in `anomalies`.
    pub anomalies_not_listed: u64,
    /// True when the caller ended the walk with [`Flow::Stop`].
    pub stopped: bool,
}

impl Summary {
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            members: 0,
            output_bytes: 0,
            gaps: Vec::new(),
            gaps_not_listed: 0,
            anomalies: Vec::new(),
            anomalies_not_listed: 0,
            stopped: false,
        }
    }

    /// True when everything was looked at: no gap, not stopped.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.gaps.is_empty() && !self.stopped
    }

    pub(crate) fn add_gap(&mut self, path: &[Vec<u8>], reason: Reason) {
        if self.gaps.len() >= MAX_LISTED {
            self.gaps_not_listed += 1;
            return;
        }
        let path = path.to_vec();
        self.gaps.push(Gap { path, reason });
    }

    pub(crate) fn add_anomaly(&mut self, path: &[Vec<u8>], anomaly: Anomaly) {
        if self.anomalies.len() >= MAX_LISTED {
            self.anomalies_not_listed += 1;
            return;
        }
        self.anomalies.push((path.to_vec(), anomaly));
    }
}

/// Why a file could not be walked at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError {
    /// The file is neither an archive nor a compressed file.
    #[error("not an archive or compressed file")]
    NotAnArchive,
    /// Its beginning or end could not be read.
    #[error("failed to read the file's beginning or end")]
    Read {
        /// Cause.
        source: Reason,
    },
}
