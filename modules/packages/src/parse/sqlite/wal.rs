//! SQLite: the write-ahead log, which holds pages that are newer than those in the database.
//!
//! Source: <https://sqlite.org/fileformat2.html>, section 4.

use std::collections::HashMap;

use crate::{
    Storage, StorageError,
    parse::bytes::{array_at, be32, le32},
};

/// What a log begins with; the lowest bit says in which order checksums take their bytes.
const MAGIC: u32 = 0x377f_0682;
/// The only version of the format.
const VERSION: u32 = 3_007_000;
const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// A write-ahead log.
#[derive(Debug)]
pub struct Wal<'a, S: Storage + ?Sized> {
    storage: &'a S,
    /// Where the newest version of each page lies.
    pages: HashMap<u32, u64>,
}

/// A page in the log.
#[derive(Debug)]
pub struct WalPage<'a, S: Storage + ?Sized> {
    storage: &'a S,
    offset: u64,
}

impl<S: Storage + ?Sized> WalPage<'_, S> {
    /// Reads a part of it.
    ///
    /// # Errors
    ///
    /// [`StorageError`].
    pub fn read(&self, offset: usize, part: &mut [u8]) -> Result<(), StorageError> {
        self.storage.read_at(self.offset + offset as u64, part)
    }
}

impl<'a, S: Storage + ?Sized> Wal<'a, S> {
    /// Finds the committed pages of a log; none when it has none for a database with pages of this size.
    #[must_use]
    pub fn open(storage: &'a S, page_bytes: usize) -> Option<Self> {
        let header: [u8; HEADER_BYTES] = array_at(storage, 0).ok()?;
        let magic = be32(&header, 0)?;
        let is_log = magic & !1 == MAGIC && be32(&header, 4)? == VERSION;
        if !is_log || usize::try_from(be32(&header, 8)?).ok()? != page_bytes {
            return None;
        }
        let mut checksum = Checksum {
            big_endian: magic & 1 == 1,
            sums: (0, 0),
        };
        checksum.add(&header[..24]);
        if !checksum.equals(&header[24..]) {
            return None;
        }
        let mut wal = Self {
            storage,
            pages: HashMap::new(),
        };
        wal.find(page_bytes, &header[16..24], checksum);
        (!wal.pages.is_empty()).then_some(wal)
    }

    /// Goes through the frames until one is not valid. A frame counts once a later one, or it itself, commits.
    fn find(&mut self, page_bytes: usize, salt: &[u8], mut checksum: Checksum) {
        let mut page = vec![0; page_bytes];
        let mut pending = Vec::new();
        let mut offset = HEADER_BYTES as u64;
        while let Ok(header) = array_at::<FRAME_HEADER_BYTES, S>(self.storage, offset) {
            let start = offset + FRAME_HEADER_BYTES as u64;
            if header[8..16] != *salt || self.storage.read_at(start, &mut page).is_err() {
                return;
            }
            checksum.add(&header[..8]);
            checksum.add(&page);
            let (Some(number), Some(committed_pages)) = (be32(&header, 0), be32(&header, 4)) else {
                return;
            };
            if !checksum.equals(&header[16..]) {
                return;
            }
            pending.push((number, start));
            if committed_pages > 0 {
                self.pages.extend(pending.drain(..));
            }
            offset = start + page_bytes as u64;
        }
    }

    /// The newest version of a page, if it is in the log.
    #[must_use]
    pub fn page(&self, number: u32) -> Option<WalPage<'a, S>> {
        let offset = *self.pages.get(&number)?;
        Some(WalPage {
            storage: self.storage,
            offset,
        })
    }
}

/// The running checksum (section 4.2).
struct Checksum {
    big_endian: bool,
    sums: (u32, u32),
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        let word = |bytes, offset| {
            let read = if self.big_endian { be32 } else { le32 };
            read(bytes, offset).unwrap_or(0)
        };
        let (mut first, mut second) = self.sums;
        for pair in bytes.chunks_exact(8) {
            first = first.wrapping_add(word(pair, 0)).wrapping_add(second);
            second = second.wrapping_add(word(pair, 4)).wrapping_add(first);
        }
        self.sums = (first, second);
    }

    fn equals(&self, bytes: &[u8]) -> bool {
        be32(bytes, 0) == Some(self.sums.0) && be32(bytes, 4) == Some(self.sums.1)
    }
}
