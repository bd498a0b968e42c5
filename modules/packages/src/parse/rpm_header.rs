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

/// Where the data of the tags that are of interest lie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Header<'a> {
    name: Option<&'a [u8]>,
    version: Option<&'a [u8]>,
    release: Option<&'a [u8]>,
    arch: Option<&'a [u8]>,
    source_rpm: Option<&'a [u8]>,
    epoch: Option<u32>,
    install_time: Option<u32>,
}

impl<'a> Header<'a> {
    /// Reads a header; none when it is malformed.
    #[must_use]
    pub fn parse(blob: &'a [u8]) -> Option<Self> {
        let entries = usize::try_from(be32(blob, 0)?)
            .ok()
            .filter(|&count| count <= MAX_ENTRIES)?;
        let data_bytes = usize::try_from(be32(blob, 4)?).ok()?;
        let (index, data) = blob
            .get(8..)?
            .split_at_checked(entries.checked_mul(ENTRY_BYTES)?)?;
        let data = data.get(..data_bytes)?;
        let mut header = Self::default();
        for entry in index.chunks_exact(ENTRY_BYTES) {
            header.take(entry, data)?;
        }
        Some(header)
    }

    /// Takes an entry if it is of interest and not a repetition; none when it leads out of the data.
    fn take(&mut self, entry: &[u8], data: &'a [u8]) -> Option<()> {
        let (tag, kind, offset) = (be32(entry, 0)?, be32(entry, 4)?, be32(entry, 8)?);
        let data = |wanted| {
            let offset = usize::try_from(offset).ok()?;
            (kind == wanted).then(|| data.get(offset..))?
        };
        let text = match tag {
            TAG_NAME => &mut self.name,
            TAG_VERSION => &mut self.version,
            TAG_RELEASE => &mut self.release,
            TAG_ARCH => &mut self.arch,
            TAG_SOURCE_RPM => &mut self.source_rpm,
            TAG_EPOCH | TAG_INSTALL_TIME => {
                let number = be32(data(TYPE_INT32)?, 0)?;
                let place = if tag == TAG_EPOCH {
                    &mut self.epoch
                } else {
                    &mut self.install_time
                };
                place.get_or_insert(number);
                return Some(());
            }
            _ => return Some(()),
        };
        if text.is_none() {
            *text = Some(until_nul(data(TYPE_STRING)?)?);
        }
        Some(())
    }

    /// The package's name; none when it has none.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.name.filter(|name| !name.is_empty()).map(lossy)
    }

    /// The architecture; none for the public keys that rpm keeps among its packages.
    #[must_use]
    pub fn arch(&self) -> Option<String> {
        self.arch.map(lossy)
    }

    /// `EPOCH:VERSION-RELEASE`, without the epoch where there is none.
    #[must_use]
    pub fn version(&self) -> String {
        let text = |bytes: Option<&[u8]>| bytes.map(lossy).unwrap_or_default();
        let (version, release) = (text(self.version), text(self.release));
        match self.epoch {
            Some(epoch) => format!("{epoch}:{version}-{release}"),
            None => format!("{version}-{release}"),
        }
    }

    /// The source package's name.
    #[must_use]
    pub fn source(&self) -> Option<String> {
        source_name(&lossy(self.source_rpm?))
    }

    /// The package; none when it has no name.
    #[must_use]
    pub fn to_package(&self) -> Option<Package> {
        Some(Package {
            arch: self.arch(),
            source: self.source(),
            install_time: self.install_time.map(i64::from),
            ..Package::new(Kind::Rpm, self.name()?, self.version())
        })
    }
}

/// The bytes before the first that is 0; none when there is none near enough.
fn until_nul(data: &[u8]) -> Option<&[u8]> {
    let data = data.get(..MAX_TEXT_BYTES).unwrap_or(data);
    memchr::memchr(0, data).map(|end| &data[..end])
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
        let package = read(&blob).unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("bash-doc", "0:5.1-2.el9")
        );
        assert_eq!(package.source.as_deref(), Some("bash"));
        assert_eq!(package.install_time, Some(3_000_000_000));
        for end in 0..blob.len() {
            assert_eq!(Header::parse(&blob[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn a_tag_of_the_wrong_type_is_not_taken() {
        assert_eq!(Header::parse(&header(&[(TAG_NAME, Err(7))])), None);
    }

    fn read(blob: &[u8]) -> Option<Package> {
        Header::parse(blob)?.to_package()
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(blob: Vec<u8>, tag in 999_u32..1010, text in "[a-z]{0,9}") {
            let _ = read(&blob);
            let mut known = header(&[(TAG_NAME, Ok(&text)), (tag, Err(1))]);
            let _ = read(&known);
            for (place, byte) in blob.iter().enumerate() {
                let length = known.len();
                known[usize::from(*byte) * (place + 1) % length] ^= byte;
                let _ = read(&known);
            }
        }
    }
}
