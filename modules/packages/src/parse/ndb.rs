//! rpm: databases of the kind `ndb` (`Packages.db`).
//!
//! Shape: pages of 4096 bytes with slots of 16 bytes, the first two of which are the header; then blobs in units of 16
//! bytes. All numbers are little-endian. Source: rpm's `lib/backend/ndb/rpmpkg.c`.

use std::ops::ControlFlow;

use super::bytes::{array_at, le32};
use crate::{Storage, StorageError};

const PAGE_BYTES: u64 = 4096;
/// Bytes of a slot, of a unit of blobs, and of the head of a blob.
const UNIT_BYTES: usize = 16;
/// Slots that the header takes.
const HEADER_SLOTS: u64 = 2;
const MAGIC_FILE: u32 = u32::from_le_bytes(*b"RpmP");
const MAGIC_SLOT: u32 = u32::from_le_bytes(*b"Slot");
const MAGIC_BLOB: u32 = u32::from_le_bytes(*b"BlbS");
/// Largest blob that is read.
pub const MAX_BLOB_BYTES: usize = 64 << 20;

/// Why a database could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NdbError {
    /// Bytes could not be read.
    #[error("failed to read the database")]
    Storage(#[source] StorageError),
    /// It does not begin like a database, or is of another version.
    #[error("no ndb database of version 0")]
    NotADatabase,
}

impl From<StorageError> for NdbError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// Visits the blob of each package. Returns how many packages could not be read.
///
/// # Errors
///
/// [`NdbError`].
pub fn blobs<S: Storage + ?Sized>(
    storage: &S,
    mut visit: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<u64, NdbError> {
    let header: [u8; UNIT_BYTES] = array_at(storage, 0).map_err(|_| NdbError::NotADatabase)?;
    let word = |index: usize| le32(&header, index * 4);
    // Magic, version, generation, number of slot pages.
    if word(0) != Some(MAGIC_FILE) || word(1) != Some(0) {
        return Err(NdbError::NotADatabase);
    }
    let slots = word(3).map_or(0, u64::from) * PAGE_BYTES / UNIT_BYTES as u64;
    // The blobs that are read cannot be more than the file holds, however often slots name the same.
    let mut left = storage.size();
    let mut lost = 0;
    for slot in HEADER_SLOTS..slots {
        let slot: [u8; UNIT_BYTES] = match array_at(storage, slot * UNIT_BYTES as u64) {
            Ok(slot) => slot,
            // The file was cut: how many slots there were is not known.
            Err(StorageError::OutOfBounds) => return Ok(lost + 1),
            Err(error) => return Err(error.into()),
        };
        if le32(&slot, 0) == Some(MAGIC_SLOT) && le32(&slot, 8) == Some(0) {
            continue;
        }
        match blob(storage, &slot, &mut left) {
            Some(blob) if visit(&blob).is_break() => break,
            Some(_) => {}
            None => lost += 1,
        }
    }
    Ok(lost)
}

/// The blob that a slot (magic, package, place and number of units) points to: magic, package, time stamp, length,
/// then the bytes.
fn blob<S: Storage + ?Sized>(storage: &S, slot: &[u8], left: &mut u64) -> Option<Vec<u8>> {
    let start = u64::from(le32(slot, 8)?) * UNIT_BYTES as u64;
    let room = u64::from(le32(slot, 12)?) * UNIT_BYTES as u64;
    let head: [u8; UNIT_BYTES] = array_at(storage, start).ok()?;
    let length = le32(&head, 12)?;
    let fits =
        le32(&head, 0)? == MAGIC_BLOB && le32(&head, 4)? == le32(slot, 4)? && u64::from(length) <= room;
    *left = left.checked_sub(u64::from(length)).filter(|_| fits)?;
    let length = usize::try_from(length)
        .ok()
        .filter(|&length| length <= MAX_BLOB_BYTES)?;
    let mut bytes = vec![0; length];
    storage.read_at(start + UNIT_BYTES as u64, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// A database whose slots name blobs by place and length; one blob of 20 bytes lies at unit 256.
    fn database(slots: &[[u32; 3]]) -> Vec<u8> {
        let mut bytes = words(&[MAGIC_FILE, 0, 1, 1, 9, 0, 0, 0]);
        for [package, start, units] in slots {
            bytes.extend(words(&[MAGIC_SLOT, *package, *start, *units]));
        }
        while bytes.len() < 4096 {
            bytes.extend(words(&[MAGIC_SLOT, 0, 0, 0]));
        }
        bytes.extend(words(&[MAGIC_BLOB, 7, 1, 20]));
        bytes.extend([b'x'; 20]);
        bytes.resize(4096 + 64, 0);
        bytes
    }

    fn read(slots: &[[u32; 3]]) -> (Vec<Vec<u8>>, u64) {
        let mut blobs = Vec::new();
        let lost = super::blobs(database(slots).as_slice(), |blob| {
            blobs.push(blob.to_vec());
            ControlFlow::Continue(())
        });
        (blobs, lost.unwrap())
    }

    #[test]
    fn slots_lead_to_blobs() {
        assert_eq!(read(&[[7, 256, 4]]), (vec![vec![b'x'; 20]], 0));
        assert_eq!(read(&[[7, 0, 4]]), (vec![], 0), "an empty slot");
        assert_eq!(read(&[[8, 256, 4], [7, 256, 1], [7, u32::MAX, 4]]), (vec![], 3));
    }

    #[test]
    fn a_blob_that_is_named_a_thousand_times_is_not_read_as_often() {
        let (blobs, lost) = read(&[[7, 256, 4]; 250]);
        assert_eq!((blobs.len() as u64 + lost, blobs.len()), (250, 4160 / 20));
    }

    proptest! {
        #[test]
        fn any_slots_are_survived(slots: Vec<[u32; 3]>, cut in 0_usize..5000) {
            let bytes = database(&slots[..slots.len().min(200)]);
            let _ = blobs(&bytes[..cut.min(bytes.len())], |_| ControlFlow::Continue(()));
        }
    }
}
