//! Random access to the bytes of a database that may be too large to be held in memory.

use std::{cell::RefCell, os::fd::OwnedFd};

use rustix::io::{Errno, pread};

/// Why bytes could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// There are no bytes there.
    #[error("the bytes lie beyond the end")]
    OutOfBounds,
    /// The system failed to read them.
    #[error("the system failed to read")]
    System(#[source] Errno),
}

/// Bytes at offsets: a file, or a slice in tests and fuzz targets.
pub trait Storage {
    /// How many bytes there are.
    fn size(&self) -> u64;

    /// Fills `buffer` with the bytes at `offset`.
    ///
    /// # Errors
    ///
    /// [`StorageError::OutOfBounds`] when fewer bytes are there, [`StorageError::System`].
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError>;
}

impl Storage for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        let source = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(buffer.len())?));
        buffer.copy_from_slice(source.ok_or(StorageError::OutOfBounds)?);
        Ok(())
    }
}

/// Bytes that are read from a file at once: databases mostly keep what belongs together in one place.
const WINDOW_BYTES: usize = 64 << 10;
/// Pieces that are kept: trees and tables lead from one place to another and back.
const WINDOWS: usize = 4;

/// A file, of which the pieces that were read last are kept.
#[derive(Debug)]
pub(crate) struct FileStorage {
    file: OwnedFd,
    size: u64,
    /// The piece that was used last comes first.
    windows: RefCell<[Window; WINDOWS]>,
}

#[derive(Debug, Default)]
struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl FileStorage {
    /// A file of which `size` bytes are to be seen.
    pub fn new(file: OwnedFd, size: u64) -> Self {
        Self {
            file,
            size,
            windows: RefCell::default(),
        }
    }
}

impl Window {
    fn holds(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.bytes.get(start..start.checked_add(length)?)
    }

    fn load(&mut self, file: &OwnedFd, offset: u64) -> Result<(), StorageError> {
        self.start = offset;
        self.bytes.resize(WINDOW_BYTES, 0);
        let filled = fill(file, offset, &mut self.bytes);
        self.bytes.truncate(filled.unwrap_or(0));
        filled.map(drop)
    }
}

impl Storage for FileStorage {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(StorageError::OutOfBounds);
        }
        let windows = &mut *self.windows.borrow_mut();
        let holds = |window: &Window| window.holds(offset, buffer.len()).is_some();
        let held = windows.iter().position(holds);
        if held.is_some() || buffer.len() <= WINDOW_BYTES {
            windows[..=held.unwrap_or(WINDOWS - 1)].rotate_right(1);
        }
        if held.is_none() && buffer.len() <= WINDOW_BYTES {
            windows[0].load(&self.file, offset)?;
        }
        if let Some(held) = windows[0].holds(offset, buffer.len()) {
            buffer.copy_from_slice(held);
            return Ok(());
        }
        match fill(&self.file, offset, buffer)? {
            filled if filled == buffer.len() => Ok(()),
            _ => Err(StorageError::OutOfBounds),
        }
    }
}

/// Reads until the buffer is full or the file ends; how much was read.
fn fill(file: &OwnedFd, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match pread(file, &mut buffer[filled..], offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(StorageError::System(errno)),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    proptest! {
        #[test]
        fn a_file_gives_the_same_bytes_as_memory(
            reads in prop::collection::vec((0_u64..300_000, 0_usize..100_000), 1..8)
        ) {
            let bytes: Vec<u8> = (0..250_000_u32).map(|i| (i ^ (i >> 8)) as u8).collect();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            let storage = FileStorage::new(file.into(), bytes.len() as u64);
            for (offset, length) in reads {
                let (mut from_file, mut from_memory) = (vec![0; length], vec![0; length]);
                let ended = storage.read_at(offset, &mut from_file);
                prop_assert_eq!(ended, bytes.as_slice().read_at(offset, &mut from_memory));
                if ended.is_ok() {
                    prop_assert_eq!(from_file, from_memory);
                }
            }
        }
    }
}
