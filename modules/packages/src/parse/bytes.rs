//! Small readers that several formats share.

use std::collections::HashSet;

use crate::{Storage, StorageError};

/// Bytes as text, with replacement characters for what is not UTF-8.
#[must_use]
pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The lines of a text, without their ends.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest);
        let (line, after) = end.map_or((rest, &[][..]), |end| (&rest[..end], &rest[end + 1..]));
        rest = after;
        Some(line)
    })
}

/// Bytes without the white space around them.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}

/// The number that decimal digits stand for.
pub(crate) fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(trim(digits)).ok()?.parse().ok()
}

/// `N` bytes at an offset.
pub(crate) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset.checked_add(N)?)?.try_into().ok()
}

/// `N` bytes of a storage.
pub(crate) fn array_at<const N: usize, S: Storage + ?Sized>(
    storage: &S,
    offset: u64,
) -> Result<[u8; N], StorageError> {
    let mut bytes = [0; N];
    storage.read_at(offset, &mut bytes)?;
    Ok(bytes)
}

/// The 32-bit number at an offset, most significant byte first.
pub(crate) fn be32(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_be_bytes)
}

/// The 16-bit number at an offset, most significant byte first.
pub(crate) fn be16(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_be_bytes)
}

/// The 32-bit number at an offset, least significant byte first.
pub(crate) fn le32(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_le_bytes)
}

/// Remembers which pages of a file were visited, so that no circle is followed and no page read twice.
#[derive(Debug)]
pub(crate) struct Visited {
    /// One bit per page of the file.
    file: Vec<u64>,
    /// Pages beyond those of the file.
    beyond: HashSet<u32>,
}

impl Visited {
    /// For a file with pages up to `last`, and for a few others.
    pub fn new(last: u32) -> Self {
        Self {
            file: vec![0; usize::try_from(last / 64).unwrap_or(0) + 1],
            beyond: HashSet::new(),
        }
    }

    /// Whether a page was not visited; it counts as visited from now on.
    pub fn enter(&mut self, page: u32) -> bool {
        let bit = 1 << (page % 64);
        let place = usize::try_from(page / 64).ok();
        match place.and_then(|place| self.file.get_mut(place)) {
            Some(word) => {
                let is_new = *word & bit == 0;
                *word |= bit;
                is_new
            }
            None => self.beyond.insert(page),
        }
    }
}
