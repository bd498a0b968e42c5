//! rpm: the header of one package, as the database keeps it.
//!
//! Shape: number of index entries and of data bytes (big-endian), entries of 16 bytes (tag, type, offset, count), data.
//! Source: RPM file format, <https://rpm-software-management.github.io/rpm/manual/format_header.html>; tag numbers in
//! `include/rpm/rpmtag.h` of rpm.

use super::bytes::{be32, lossy};
use crate::{Kind, Package};

/// Bytes of one index entry.
const ENTRY_BYTES: usize = 16;
/// Index entries that a header may have (`hdrchkTags` in rpm's `lib/header.c`).
const MAX_ENTRIES: usize = 0xffff;
/// Longest text that is taken: no name or version comes near.
const MAX_TEXT_BYTES: usize = 4096;

const TAG_NAME: u32 = 1000;
const TAG_VERSION: u32 = 1001;
const TAG_RELEASE: u32 = 1002;
const TAG_EPOCH: u32 = 1003;
const TAG_INSTALL_TIME: u32 = 1008;
const TAG_ARCH: u32 = 1022;
const TAG_SOURCE_RPM: u32 = 1044;
const TYPE_INT32: u32 = 4;
const TYPE_STRING: u32 = 6;

/// The package that a header describes; none when it is malformed or has no name.
#[must_use]
pub fn parse(blob: &[u8]) -> Option<Package> {
    let entries = usize::try_from(be32(blob, 0)?)
        .ok()
        .filter(|&count| count <= MAX_ENTRIES)?;
    let data_bytes = usize::try_from(be32(blob, 4)?).ok()?;
    let (index, data) = blob
        .get(8..)?
        .split_at_checked(entries.checked_mul(ENTRY_BYTES)?)?;
    let header = Header {
        index,
        data: data.get(..data_bytes)?,
    };
    let name = header.string(TAG_NAME)?;
    let version = header.string(TAG_VERSION).unwrap_or_default();
    let release = header.string(TAG_RELEASE).unwrap_or_default();
    let version = match header.int32(TAG_EPOCH) {
        Some(epoch) => format!("{epoch}:{version}-{release}"),
        None => format!("{version}-{release}"),
    };
    Some(Package {
        arch: header.string(TAG_ARCH),
        source: header.string(TAG_SOURCE_RPM).as_deref().and_then(source_name),
        install_time: header.int32(TAG_INSTALL_TIME).map(i64::from),
        ..Package::new(Kind::Rpm, name, version)
    })
}

struct Header<'a> {
    index: &'a [u8],
    data: &'a [u8],
}

impl Header<'_> {
    /// The data of a tag that has the given type.
    fn data_of(&self, tag: u32, kind: u32) -> Option<&[u8]> {
        let entry = self
            .index
            .chunks_exact(ENTRY_BYTES)
            .find(|entry| be32(entry, 0) == Some(tag))?;
        let offset = usize::try_from(be32(entry, 8)?).ok()?;
        (be32(entry, 4)? == kind).then(|| self.data.get(offset..))?
    }

    fn string(&self, tag: u32) -> Option<String> {
        let data = self.data_of(tag, TYPE_STRING)?;
        let data = data.get(..MAX_TEXT_BYTES).unwrap_or(data);
        let end = memchr::memchr(0, data)?;
        Some(lossy(&data[..end]))
    }

    fn int32(&self, tag: u32) -> Option<u32> {
        be32(self.data_of(tag, TYPE_INT32)?, 0)
    }
}

/// `NAME` of `NAME-VERSION-RELEASE.src.rpm`.
fn source_name(file: &str) -> Option<String> {
    let stem = file.strip_suffix(".rpm")?;
    let name = stem.rsplitn(3, '-').nth(2)?;
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A header with these tags: texts, or numbers.
    fn header(tags: &[(u32, Result<&str, u32>)]) -> Vec<u8> {
        let (mut index, mut data) = (Vec::new(), Vec::new());
        for (tag, value) in tags {
            let kind = if value.is_ok() { TYPE_STRING } else { TYPE_INT32 };
            for word in [*tag, kind, data.len() as u32, 1] {
                index.extend(word.to_be_bytes());
            }
            match value {
                Ok(text) => data.extend([text.as_bytes(), b"\0"].concat()),
                Err(number) => data.extend(number.to_be_bytes()),
            }
        }
        let sizes = [tags.len() as u32, data.len() as u32]
            .map(u32::to_be_bytes)
            .concat();
        [sizes, index, data].concat()
    }

    #[test]
    fn epoch_source_and_time_are_found() {
        let blob = header(&[
            (TAG_NAME, Ok("bash-doc")),
            (TAG_VERSION, Ok("5.1")),
            (TAG_RELEASE, Ok("2.el9")),
            (TAG_EPOCH, Err(0)),
            (TAG_INSTALL_TIME, Err(3_000_000_000)),
            (TAG_ARCH, Ok("noarch")),
            (TAG_SOURCE_RPM, Ok("bash-5.1-2.el9.src.rpm")),
        ]);
        let package = parse(&blob).unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("bash-doc", "0:5.1-2.el9")
        );
        assert_eq!(package.source.as_deref(), Some("bash"));
        assert_eq!(package.install_time, Some(3_000_000_000));
        for end in 0..blob.len() {
            assert_eq!(parse(&blob[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn a_tag_of_the_wrong_type_is_not_taken() {
        assert_eq!(parse(&header(&[(TAG_NAME, Err(7))])), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(blob: Vec<u8>, tag in 999_u32..1010, text in "[a-z]{0,9}") {
            let _ = parse(&blob);
            let mut known = header(&[(TAG_NAME, Ok(&text)), (tag, Err(1))]);
            let _ = parse(&known);
            for (place, byte) in blob.iter().enumerate() {
                let length = known.len();
                known[usize::from(*byte) * (place + 1) % length] ^= byte;
                let _ = parse(&known);
            }
        }
    }
}
