//! Which format a file has, judged by its bytes only. Names and extensions are never asked.

use crate::parse::tar::looks_like_tar;

/// How many bytes of a file's beginning [`detect`] looks at: one tar header block.
pub const DETECT_BYTES: usize = 512;

/// A way to store one stream of bytes in fewer bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Raw DEFLATE (RFC 1951) without any header; only met inside zip, never returned by [`detect`].
    Deflate,
    /// gzip (RFC 1952), any number of members.
    Gzip,
    /// bzip2, any number of streams.
    Bzip2,
    /// xz (not the older `.lzma`), any number of streams.
    Xz,
    /// Zstandard (RFC 8878), any number of frames, skippable frames included.
    Zstd,
    /// LZ4 frames, skippable frames and the older "legacy" frame included.
    Lz4,
}

/// A file that holds other files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Container {
    /// zip and everything built on it: jar, war, ear, apk, whl, docx and so on.
    Zip,
    /// tar: v7, ustar, pax and GNU.
    Tar,
}

/// What [`detect`] recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One compressed stream.
    Compressed(Codec),
    /// An archive with members.
    Archive(Container),
}

impl Codec {
    /// The usual lower-case name, for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deflate => "deflate",
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        }
    }
}

impl Container {
    /// The usual lower-case name, for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Tar => "tar",
        }
    }
}

impl Format {
    /// The usual lower-case name, for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Compressed(codec) => codec.name(),
            Self::Archive(container) => container.name(),
        }
    }
}

/// First bytes of each format, from the format's specification.
const MAGICS: &[(&[u8], Format)] = &[
    (&[0x1f, 0x8b, 0x08], Format::Compressed(Codec::Gzip)),
    (b"\xfd7zXZ\x00", Format::Compressed(Codec::Xz)),
    (&[0x28, 0xb5, 0x2f, 0xfd], Format::Compressed(Codec::Zstd)),
    (&[0x04, 0x22, 0x4d, 0x18], Format::Compressed(Codec::Lz4)),
    (&[0x02, 0x21, 0x4c, 0x18], Format::Compressed(Codec::Lz4)),
    (b"PK\x03\x04", Format::Archive(Container::Zip)),
    (b"PK\x05\x06", Format::Archive(Container::Zip)),
    (b"PK\x07\x08PK\x03\x04", Format::Archive(Container::Zip)),
];

/// Recognises a file by its first bytes.
///
/// `head` is the file's beginning, [`DETECT_BYTES`] of it or all there is. A file that starts with a
/// skippable frame counts as Zstandard, whose decoder also takes LZ4's (they share these numbers)
/// as long as no LZ4 frame follows. A zip with something in front of it (a self-extracting one) is
/// not recognised here; [`crate::walk_archive`] finds that from the file's end.
#[must_use]
pub fn detect(head: &[u8]) -> Option<Format> {
    let known = MAGICS.iter().find(|(magic, _)| head.starts_with(magic));
    if let Some((_, format)) = known {
        return Some(*format);
    }
    if is_bzip2(head) {
        return Some(Format::Compressed(Codec::Bzip2));
    }
    if is_skippable_frame(head) {
        return Some(Format::Compressed(Codec::Zstd));
    }
    looks_like_tar(head).then_some(Format::Archive(Container::Tar))
}

/// `BZh`, a level from 1 to 9, then a block's magic (digits of pi) or the end's (of its root).
fn is_bzip2(head: &[u8]) -> bool {
    let Some((start, rest)) = head.split_at_checked(4) else {
        return false;
    };
    let block = [0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
    let end = [0x17, 0x72, 0x45, 0x38, 0x50, 0x90];
    start.starts_with(b"BZh")
        && (b'1'..=b'9').contains(&start[3])
        && (rest.starts_with(&block) || rest.starts_with(&end))
}

/// RFC 8878, 3.1.2: 0x184D2A50 to 0x184D2A5F, little-endian.
pub(crate) fn is_skippable_frame(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_each_magic_and_nothing_shorter() {
        for (magic, format) in MAGICS {
            assert_eq!(detect(magic), Some(*format));
            assert_ne!(detect(&magic[..magic.len() - 1]), Some(*format));
        }
    }

    #[test]
    fn bzip2_needs_level_and_block_magic() {
        let empty = b"BZh9\x17\x72\x45\x38\x50\x90\0\0\0\0";
        assert_eq!(detect(empty), Some(Format::Compressed(Codec::Bzip2)));
        assert_eq!(detect(b"BZh0\x31AY&SY"), None);
        assert_eq!(detect(b"BZhello, world"), None);
    }

    #[test]
    fn text_and_zeros_are_nothing() {
        assert_eq!(detect(b""), None);
        assert_eq!(detect(&[0; DETECT_BYTES]), None);
        assert_eq!(detect(&[b'a'; DETECT_BYTES]), None);
    }
}
