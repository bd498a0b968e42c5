//! SQLite: the rows of one table.
//!
//! Reads what is committed in the database and its write-ahead log. Queries, indexes, virtual tables and databases in
//! UTF-16 are not supported. Each page is read once at most, so that work is bounded by the file's size.
//!
//! Source: SQLite's description of its file format, <https://sqlite.org/fileformat2.html>; section numbers refer to it.

mod record;
mod wal;

use std::ops::ControlFlow;

pub use record::{Row, Value};

use super::bytes::{Visited, array_at, be16, be32};
use crate::{Storage, StorageError};
use record::varint;
use wal::Wal;

/// What a database begins with (1.3.1).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Bytes of the header (1.3).
const HEADER_BYTES: usize = 100;
/// Depth of a tree. With at least two children per page, 32 bits of pages give no more.
const MAX_DEPTH: usize = 32;
/// Largest row that is read.
pub const MAX_ROW_BYTES: usize = 64 << 20;
/// Largest database that is read, and largest log: what is remembered of them stays within some MiB.
pub const MAX_DATABASE_BYTES: u64 = 16 << 30;
/// See [`MAX_DATABASE_BYTES`].
pub const MAX_LOG_BYTES: u64 = 1 << 30;
/// Types of pages (1.6).
const INTERIOR_TABLE: u8 = 5;
const LEAF_TABLE: u8 = 13;

/// Why a database could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteError {
    /// Bytes could not be read.
    #[error("failed to read the database")]
    Storage(#[source] StorageError),
    /// It does not begin like a database.
    #[error("no SQLite database")]
    NotADatabase,
    /// It, or its log, is larger than what is read.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// It is in UTF-16.
    #[error("text is not in UTF-8")]
    Encoding,
    /// A page, cell or record is not as it should be.
    #[error("malformed page or record")]
    Malformed,
}

impl From<StorageError> for SqliteError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// A database.
#[derive(Debug)]
pub struct Database<'a, S: Storage + ?Sized> {
    storage: &'a S,
    wal: Option<Wal<'a, S>>,
    page_bytes: usize,
    usable_bytes: usize,
    /// Pages in the database's own file.
    pages: u32,
}

/// How a table was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rows {
    /// Rows that were not read, because they are malformed or larger than [`MAX_ROW_BYTES`], and pages with an unknown
    /// number of rows.
    pub lost: u64,
}

impl<'a, S: Storage + ?Sized> Database<'a, S> {
    /// Opens a database, with its write-ahead log if there is one.
    ///
    /// # Errors
    ///
    /// [`SqliteError`] when it is not one that can be read.
    pub fn open(storage: &'a S, wal: Option<&'a S>) -> Result<Self, SqliteError> {
        let limits = [
            (storage.size(), MAX_DATABASE_BYTES),
            (wal.map_or(0, S::size), MAX_LOG_BYTES),
        ];
        if let Some(&(_, limit)) = limits.iter().find(|(size, limit)| size > limit) {
            return Err(SqliteError::TooLarge { limit });
        }
        let on_disk: [u8; HEADER_BYTES] = array_at(storage, 0).map_err(|_| SqliteError::NotADatabase)?;
        if !on_disk.starts_with(MAGIC) {
            return Err(SqliteError::NotADatabase);
        }
        let page_bytes = match be16(&on_disk, 16) {
            Some(1) => 65_536,
            Some(bytes) if bytes.is_power_of_two() && bytes >= 512 => usize::from(bytes),
            _ => return Err(SqliteError::Malformed),
        };
        let database = Self {
            storage,
            wal: wal.and_then(|wal| Wal::open(wal, page_bytes)),
            page_bytes,
            usable_bytes: page_bytes - usize::from(on_disk[20]),
            pages: u32::try_from(storage.size() / page_bytes as u64).unwrap_or(u32::MAX),
        };
        database.check_header()?;
        Ok(database)
    }

    /// Whether there is a page of this number, in the file or in the log.
    fn has(&self, number: u32) -> bool {
        let in_wal = || self.wal.as_ref().is_some_and(|wal| wal.page(number).is_some());
        number != 0 && (number <= self.pages || in_wal())
    }

    /// Checks what the newest version of the first page says.
    fn check_header(&self) -> Result<(), SqliteError> {
        let first = self.page(1)?;
        match be32(&first, 56) {
            Some(0 | 1) => {}
            _ => return Err(SqliteError::Encoding),
        }
        // (1.3.4)
        if self.usable_bytes < 480 {
            return Err(SqliteError::Malformed);
        }
        Ok(())
    }

    /// A whole page.
    fn page(&self, number: u32) -> Result<Vec<u8>, SqliteError> {
        let mut page = vec![0; self.page_bytes];
        self.read(number, 0, &mut page)?;
        Ok(page)
    }

    /// A part of a page, in its newest version.
    fn read(&self, number: u32, offset: usize, part: &mut [u8]) -> Result<(), SqliteError> {
        match self.wal.as_ref().and_then(|wal| wal.page(number)) {
            Some(in_wal) => in_wal.read(offset, part)?,
            None => {
                let index = u64::from(number).checked_sub(1).ok_or(SqliteError::Malformed)?;
                let start = index * self.page_bytes as u64;
                self.storage.read_at(start + offset as u64, part)?;
            }
        }
        Ok(())
    }

    /// The root page of a table; none when there is no such table.
    ///
    /// # Errors
    ///
    /// [`SqliteError`] when the schema cannot be read.
    pub fn table(&self, name: &str) -> Result<Option<u32>, SqliteError> {
        let mut root = None;
        let rows = self.rows(1, |row| {
            // type, name, tbl_name, rootpage, sql (2.6)
            let is_it = row.column(0) == Some(Value::Bytes(b"table"))
                && row.column(1) == Some(Value::Bytes(name.as_bytes()));
            match row.column(3) {
                Some(Value::Integer(page)) if is_it => {
                    root = u32::try_from(page).ok();
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        })?;
        match root {
            None if rows.lost > 0 => Err(SqliteError::Malformed),
            root => Ok(root),
        }
    }

    /// Visits the rows of the table whose tree begins at page `root`, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`SqliteError`] when the root page cannot be read; what is malformed further down is counted as lost.
    pub fn rows(
        &self,
        root: u32,
        mut visit: impl FnMut(&Row<'_>) -> ControlFlow<()>,
    ) -> Result<Rows, SqliteError> {
        let mut walk = Walk {
            database: self,
            visited: Visited::new(self.pages),
            rows: Rows::default(),
            payload: Vec::new(),
        };
        match walk.node(root, 0, &mut visit) {
            Err(End::Stopped) | Ok(()) => Ok(walk.rows),
            Err(End::Failed(error)) => Err(error),
        }
    }
}

/// One visit to all rows of a table.
struct Walk<'d, 'a, S: Storage + ?Sized> {
    database: &'d Database<'a, S>,
    visited: Visited,
    rows: Rows,
    /// The record of the cell that was read last.
    payload: Vec<u8>,
}

/// Why a walk ended early.
enum End {
    Stopped,
    Failed(SqliteError),
}

impl From<SqliteError> for End {
    fn from(error: SqliteError) -> Self {
        Self::Failed(error)
    }
}

type Visit<'v> = &'v mut dyn FnMut(&Row<'_>) -> ControlFlow<()>;

impl<S: Storage + ?Sized> Walk<'_, '_, S> {
    /// Whether there is such a page and it was not visited.
    fn enter(&mut self, number: u32) -> bool {
        self.database.has(number) && self.visited.enter(number)
    }

    /// A page of the tree, and all below it.
    fn node(&mut self, number: u32, depth: usize, visit: Visit<'_>) -> Result<(), End> {
        if depth > MAX_DEPTH || !self.enter(number) {
            return Err(SqliteError::Malformed.into());
        }
        let page = self.database.page(number)?;
        // The first page begins with the header of the database.
        let node = Node {
            start: if number == 1 { HEADER_BYTES } else { 0 },
            page: &page,
        };
        match node.kind() {
            Some(LEAF_TABLE) => self.leaf(&node, visit),
            Some(INTERIOR_TABLE) => self.interior(&node, depth, visit),
            _ => Err(SqliteError::Malformed.into()),
        }
    }

    fn interior(&mut self, node: &Node<'_>, depth: usize, visit: Visit<'_>) -> Result<(), End> {
        let left = (0..node.cells()).map(|index| be32(node.page, node.cell(index, 12)?));
        let right = be32(node.page, node.start + 8);
        for child in left.chain([right]) {
            let below = child
                .ok_or(End::Failed(SqliteError::Malformed))
                .and_then(|child| self.node(child, depth + 1, visit));
            match below {
                Err(End::Failed(_)) => self.rows.lost += 1,
                other => other?,
            }
        }
        Ok(())
    }

    fn leaf(&mut self, node: &Node<'_>, visit: Visit<'_>) -> Result<(), End> {
        // Cells do not overlap: together they hold no more than the page does.
        let mut room = node.page.len();
        for index in 0..node.cells() {
            let read = node
                .cell(index, 8)
                .and_then(|offset| self.read_payload(node.page, offset, &mut room));
            let row = read.and_then(|()| Row::parse(&self.payload));
            match row.map(|row| visit(&row)) {
                Some(ControlFlow::Break(())) => return Err(End::Stopped),
                Some(ControlFlow::Continue(())) => {}
                None => self.rows.lost += 1,
            }
        }
        Ok(())
    }

    /// Reads the whole record of a cell, from this page and those that it overflows to (1.6).
    fn read_payload(&mut self, page: &[u8], offset: usize, room: &mut usize) -> Option<()> {
        let (length, used) = varint(page.get(offset..)?)?;
        let offset = offset + used;
        let (_row_id, used) = varint(page.get(offset..)?)?;
        let offset = offset + used;
        let length = usize::try_from(length)
            .ok()
            .filter(|&length| length <= MAX_ROW_BYTES)?;
        let usable = self.database.usable_bytes;
        let local = local_bytes(length, usable);
        *room = room.checked_sub(local)?;
        self.payload.clear();
        self.payload
            .extend_from_slice(page.get(offset..offset.checked_add(local)?)?);
        let mut next = be32(page, offset + local);
        while self.payload.len() < length {
            let number = next.filter(|&number| self.enter(number))?;
            let mut link = [0; 4];
            self.database.read(number, 0, &mut link).ok()?;
            let (start, wanted) = (self.payload.len(), (length - self.payload.len()).min(usable - 4));
            self.payload.resize(start + wanted, 0);
            self.database.read(number, 4, &mut self.payload[start..]).ok()?;
            next = Some(u32::from_be_bytes(link));
        }
        Some(())
    }
}

/// How much of a record stays in its leaf (1.6).
fn local_bytes(length: usize, usable: usize) -> usize {
    let max = usable - 35;
    let min = (usable - 12) * 32 / 255 - 23;
    if length <= max {
        return length;
    }
    match min + (length - min) % (usable - 4) {
        local if local <= max => local,
        _ => min,
    }
}

/// A page of a tree.
struct Node<'p> {
    page: &'p [u8],
    start: usize,
}

impl Node<'_> {
    fn kind(&self) -> Option<u8> {
        self.page.get(self.start).copied()
    }

    fn cells(&self) -> usize {
        be16(self.page, self.start + 3).map_or(0, usize::from)
    }

    /// Where a cell begins. `header` is the size of the page's own header.
    fn cell(&self, index: usize, header: usize) -> Option<usize> {
        be16(self.page, self.start + header + 2 * index).map(usize::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A database of one page of 512 bytes whose schema is what `cells` says.
    fn one_page(rest: &[u8]) -> Vec<u8> {
        let mut page = vec![0; 512];
        page[..16].copy_from_slice(MAGIC);
        page[16..18].copy_from_slice(&512_u16.to_be_bytes());
        page[56..60].copy_from_slice(&1_u32.to_be_bytes());
        page[100..100 + rest.len().min(412)].copy_from_slice(&rest[..rest.len().min(412)]);
        page
    }

    #[test]
    fn cells_that_share_their_bytes_are_read_until_the_page_is_full() {
        // 40 cells, all of which are the same record: one text of 100 bytes.
        let header = [13, 0, 0, 0, 40, 0, 0, 0];
        let pointers = [1_u8, 0x20].repeat(40);
        let mut page = one_page(&[&header[..], &pointers].concat());
        page[0x120..0x120 + 5].copy_from_slice(&[103, 1, 3, 0x81, 0x55]);
        let database = Database::open(page.as_slice(), None).unwrap();
        let mut read = 0;
        let rows = database.rows(1, |row| {
            assert!(matches!(row.column(0), Some(Value::Bytes(text)) if text.len() == 100));
            read += 1;
            ControlFlow::Continue(())
        });
        assert_eq!((read, rows.unwrap().lost), (512 / 103, 40 - 512 / 103));
    }

    proptest! {
        #[test]
        fn any_pages_are_survived(
            kind in prop::sample::select(&[5_u8, 13]),
            cells in 0_u8..9,
            rest in prop::collection::vec(any::<u8>(), 0..404),
            more in prop::collection::vec(any::<u8>(), 0..2048),
        ) {
            let header = [kind, 0, 0, 0, cells, 0, 0, 0];
            let bytes = [one_page(&[&header[..], &rest].concat()), more].concat();
            if let Ok(database) = Database::open(bytes.as_slice(), None) {
                let _ = database.table("Packages");
                for root in 0..6 {
                    let _ = database.rows(root, |row| {
                        let _ = (row.column(0), row.column(1));
                        ControlFlow::Continue(())
                    });
                }
            }
        }

        #[test]
        fn any_file_is_survived(bytes: Vec<u8>) {
            prop_assert!(Database::open(bytes.as_slice(), Some(bytes.as_slice())).is_err());
        }
    }
}
