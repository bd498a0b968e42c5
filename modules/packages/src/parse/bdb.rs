//! rpm: databases of the kind Berkeley DB hash (`Packages`).
//!
//! Shape: pages of one size; the first describes the database, hash pages hold keys and values in turn, large values
//! lie on chains of overflow pages. Numbers are in the byte order of the machine that wrote it.
//! Source: Berkeley DB 5.3's `dbinc/db_page.h`, and rpm's `lib/backend/bdb_ro.c`.

use std::ops::ControlFlow;

use super::bytes::{Visited, array_at, be16, be32, le32};
use crate::{Storage, StorageError};

/// Bytes of the metadata that are read.
const META_BYTES: usize = 72;
/// Bytes of a page's own header.
const PAGE_HEADER_BYTES: usize = 26;
/// Where a page has its type.
const KIND_OFFSET: usize = 25;
const MAGIC_HASH: u32 = 0x0006_1561;
/// Versions of hash databases that have this layout.
const VERSIONS: std::ops::RangeInclusive<u32> = 8..=10;
const PAGE_HASH_META: u8 = 8;
const PAGE_HASH_UNSORTED: u8 = 2;
const PAGE_HASH: u8 = 13;
const PAGE_OVERFLOW: u8 = 7;
/// Types of entries.
const ON_PAGE: u8 = 1;
const OFF_PAGE: u8 = 3;
/// Largest database that is read: which pages were visited takes some MiB to remember.
pub const MAX_DATABASE_BYTES: u64 = 16 << 30;
/// Largest value that is read.
pub const MAX_VALUE_BYTES: usize = 64 << 20;

/// Why a database could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BdbError {
    /// Bytes could not be read.
    #[error("failed to read the database")]
    Storage(#[source] StorageError),
    /// It does not begin like a hash database, or is of another version.
    #[error("no Berkeley DB hash database of version 8 to 10")]
    NotADatabase,
    /// It is larger than what is read.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// It is encrypted.
    #[error("the database is encrypted")]
    Encrypted,
}

impl From<StorageError> for BdbError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// Visits the value of each pair whose key is a number other than 0 (which rpm uses for itself). Returns how many pairs
/// or pages could not be read.
///
/// # Errors
///
/// [`BdbError`].
pub fn values<S: Storage + ?Sized>(
    storage: &S,
    mut visit: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<u64, BdbError> {
    let mut database = Database::open(storage)?;
    let mut lost = 0;
    for number in 1..=database.last_page {
        let page = match database.hash_page(number) {
            Ok(Some(page)) => page,
            Ok(None) => continue,
            Err(_) => {
                lost += 1;
                continue;
            }
        };
        // Entries do not overlap: together they hold no more than the page does.
        let mut room = page.bytes.len();
        for pair in 0..page.entries() / 2 {
            match database.pair(&page, pair, &mut room) {
                Pair::Value(value) if visit(&value).is_break() => return Ok(lost),
                Pair::Value(_) | Pair::Own => {}
                Pair::Lost => lost += 1,
            }
        }
    }
    Ok(lost)
}

/// A key and its value.
enum Pair {
    /// The value of a package.
    Value(Vec<u8>),
    /// What rpm keeps for itself.
    Own,
    /// It is malformed.
    Lost,
}

struct Database<'a, S: Storage + ?Sized> {
    storage: &'a S,
    order: Order,
    page_bytes: usize,
    last_page: u32,
    visited: Visited,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u32(self, bytes: &[u8], offset: usize) -> Option<u32> {
        match self {
            Self::Little => le32(bytes, offset),
            Self::Big => be32(bytes, offset),
        }
    }

    fn u16(self, bytes: &[u8], offset: usize) -> Option<usize> {
        let number = be16(bytes, offset)?;
        Some(usize::from(match self {
            Self::Little => number.swap_bytes(),
            Self::Big => number,
        }))
    }
}

impl<'a, S: Storage + ?Sized> Database<'a, S> {
    fn open(storage: &'a S) -> Result<Self, BdbError> {
        let meta: [u8; META_BYTES] = array_at(storage, 0).map_err(|_| BdbError::NotADatabase)?;
        let order = match (le32(&meta, 12), be32(&meta, 12)) {
            (Some(MAGIC_HASH), _) => Order::Little,
            (_, Some(MAGIC_HASH)) => Order::Big,
            _ => return Err(BdbError::NotADatabase),
        };
        let word = |offset| order.u32(&meta, offset).unwrap_or(0);
        let page_bytes = usize::try_from(word(20)).unwrap_or(0);
        let is_page_size = page_bytes.is_power_of_two() && (512..=65_536).contains(&page_bytes);
        if !VERSIONS.contains(&word(16)) || meta[KIND_OFFSET] != PAGE_HASH_META || !is_page_size {
            return Err(BdbError::NotADatabase);
        }
        if storage.size() > MAX_DATABASE_BYTES {
            return Err(BdbError::TooLarge {
                limit: MAX_DATABASE_BYTES,
            });
        }
        if meta[24] != 0 {
            return Err(BdbError::Encrypted);
        }
        let in_file = u32::try_from(storage.size() / page_bytes as u64).unwrap_or(u32::MAX);
        let last_page = word(32).min(in_file.saturating_sub(1));
        Ok(Self {
            storage,
            order,
            page_bytes,
            last_page,
            visited: Visited::new(last_page),
        })
    }

    /// A page, if it is one of keys and values.
    fn hash_page(&self, number: u32) -> Result<Option<Page>, StorageError> {
        let header: [u8; PAGE_HEADER_BYTES] = array_at(self.storage, self.offset(number))?;
        match header[KIND_OFFSET] {
            PAGE_HASH | PAGE_HASH_UNSORTED => self.page(number).map(Some),
            _ => Ok(None),
        }
    }

    /// A pair on a page.
    fn pair(&mut self, page: &Page, pair: usize, room: &mut usize) -> Pair {
        match page.item(2 * pair) {
            Some([ON_PAGE, 0, 0, 0, 0]) => return Pair::Own,
            Some([ON_PAGE, _, _, _, _]) => {}
            _ => return Pair::Lost,
        }
        let item = page.item(2 * pair + 1).filter(|item| item.len() <= *room);
        let value = item.and_then(|item| {
            *room -= item.len();
            self.value(item)
        });
        value.map_or(Pair::Lost, Pair::Value)
    }

    fn offset(&self, number: u32) -> u64 {
        u64::from(number) * self.page_bytes as u64
    }

    fn page(&self, number: u32) -> Result<Page, StorageError> {
        let mut bytes = vec![0; self.page_bytes];
        self.storage.read_at(self.offset(number), &mut bytes)?;
        Ok(Page {
            bytes,
            order: self.order,
        })
    }

    /// The value of an entry, which is on its page or on a chain of others.
    fn value(&mut self, item: &[u8]) -> Option<Vec<u8>> {
        match item {
            [ON_PAGE, value @ ..] => Some(value.to_vec()),
            [OFF_PAGE, ..] => {
                // Type, three unused bytes, page, length.
                let first = self.order.u32(item, 4)?;
                let length = usize::try_from(self.order.u32(item, 8)?).ok()?;
                self.chain(first, length)
            }
            _ => None,
        }
    }

    fn chain(&mut self, first: u32, length: usize) -> Option<Vec<u8>> {
        if length > MAX_VALUE_BYTES {
            return None;
        }
        let (mut next, mut value) = (first, Vec::new());
        while value.len() < length {
            if next == 0 || !self.visited.enter(next) {
                return None;
            }
            let header: [u8; PAGE_HEADER_BYTES] = array_at(self.storage, self.offset(next)).ok()?;
            // On an overflow page the place of the free space tells how many bytes there are.
            let here = self.order.u16(&header, 22)?;
            if header[KIND_OFFSET] != PAGE_OVERFLOW || here == 0 || here > self.page_bytes - PAGE_HEADER_BYTES
            {
                return None;
            }
            let start = value.len();
            value.resize(start + here, 0);
            let data = self.offset(next) + PAGE_HEADER_BYTES as u64;
            self.storage.read_at(data, &mut value[start..]).ok()?;
            next = self.order.u32(&header, 16)?;
        }
        value.truncate(length);
        Some(value)
    }
}

struct Page {
    bytes: Vec<u8>,
    order: Order,
}

impl Page {
    fn entries(&self) -> usize {
        let most = (self.bytes.len() - PAGE_HEADER_BYTES) / 2;
        self.order.u16(&self.bytes, 20).unwrap_or(0).min(most)
    }

    fn offset(&self, index: usize) -> Option<usize> {
        self.order.u16(&self.bytes, PAGE_HEADER_BYTES + 2 * index)
    }

    /// An entry. They fill the page from its end, so each ends where the one before it begins.
    fn item(&self, index: usize) -> Option<&[u8]> {
        let end = match index.checked_sub(1) {
            None => self.bytes.len(),
            Some(before) => self.offset(before)?,
        };
        self.bytes.get(self.offset(index)?..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGE: usize = 512;

    /// A database in either byte order: metadata, a hash page with these entries, and these overflow pages, each with
    /// the next page's number.
    fn database(order: Order, entries: &[&[u8]], overflow: &[(u32, &[u8])]) -> Vec<u8> {
        let u32 = |number: u32| match order {
            Order::Little => number.to_le_bytes(),
            Order::Big => number.to_be_bytes(),
        };
        let u16 = |number: usize| match order {
            Order::Little => (number as u16).to_le_bytes(),
            Order::Big => (number as u16).to_be_bytes(),
        };
        let mut meta = vec![0; PAGE];
        for (offset, number) in [
            (12, MAGIC_HASH),
            (16, 9),
            (20, PAGE as u32),
            (32, 1 + overflow.len() as u32),
        ] {
            meta[offset..offset + 4].copy_from_slice(&u32(number));
        }
        meta[25] = PAGE_HASH_META;
        let mut hash = vec![0; PAGE];
        hash[25] = PAGE_HASH;
        hash[20..22].copy_from_slice(&u16(entries.len()));
        let mut end = PAGE;
        for (index, entry) in entries.iter().enumerate() {
            hash[end - entry.len()..end].copy_from_slice(entry);
            end -= entry.len();
            hash[26 + 2 * index..28 + 2 * index].copy_from_slice(&u16(end));
        }
        let mut bytes = [meta, hash].concat();
        for (next, data) in overflow {
            let mut page = vec![0; PAGE];
            page[25] = PAGE_OVERFLOW;
            page[16..20].copy_from_slice(&u32(*next));
            page[22..24].copy_from_slice(&u16(data.len()));
            page[26..26 + data.len()].copy_from_slice(data);
            bytes.extend(page);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, u64) {
        let mut values = Vec::new();
        let lost = super::values(bytes, |value| {
            values.push(value.to_vec());
            ControlFlow::Continue(())
        });
        (values, lost.unwrap())
    }

    #[test]
    fn values_lie_on_the_page_or_on_a_chain() {
        let zero = [1, 0, 0, 0, 0];
        let key = [1, 9, 0, 0, 9];
        for order in [Order::Little, Order::Big] {
            let mut off_page = vec![OFF_PAGE, 0, 0, 0];
            for number in [2_u32, 12] {
                off_page.extend(match order {
                    Order::Little => number.to_le_bytes(),
                    Order::Big => number.to_be_bytes(),
                });
            }
            let entries: [&[u8]; 6] = [&zero, &[1, 1], &key, &[1, b'a'], &key, &off_page];
            let good = database(order, &entries, &[(3, b"ten bytes!"), (0, b"ok and more")]);
            assert_eq!(read(&good), (vec![b"a".to_vec(), b"ten bytes!ok".to_vec()], 0));
            let circle = database(order, &entries, &[(2, b"ten bytes!")]);
            assert_eq!(read(&circle), (vec![b"a".to_vec()], 1));
        }
    }

    proptest! {
        #[test]
        fn any_pages_are_survived(
            places in prop::collection::vec((512_usize..2048, any::<u8>()), 0..64),
            cut in 0_usize..2048
        ) {
            let entries: [&[u8]; 2] = [&[1, 1, 1, 1, 1], &[3, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0]];
            let mut bytes = database(Order::Little, &entries, &[(3, b"ten bytes!"), (0, b"more")]);
            for (place, byte) in places {
                bytes[place] = byte;
            }
            let _ = values(&bytes[..cut], |_| ControlFlow::Continue(()));
            let _ = values(bytes.as_slice(), |_| ControlFlow::Continue(()));
        }
    }
}
