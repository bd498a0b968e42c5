//! The content of a mapped file.

use crate::os::FileKey;
use std::fmt;
use std::io;
use std::ops::Range;

/// What the operating system's side provides for an open file.
pub trait Content: fmt::Debug + Send + Sync {
    /// Reads at `offset`; fewer bytes than asked for are possible, none at the end of the file.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Appends the first parts of `range` that are not holes, as many as are worth asking for at once. Returns the
    /// offset up to which that is all.
    fn data(&self, range: Range<u64>, out: &mut Vec<Range<u64>>) -> u64;

    /// Appends the parts of `range` that are in memory.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn resident(&self, range: Range<u64>, out: &mut Vec<Range<u64>>) -> io::Result<()>;

    /// Whether the file is memory that may be swapped out, rather than cached from a disk.
    fn is_memory(&self) -> bool;
}

/// A part of a buffer that could not be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// The part.
    pub place: Range<usize>,
    /// Whether there is nothing any more: the process has given the memory back.
    pub is_given_back: bool,
}

/// A mapped file, open for reading.
#[derive(Debug)]
pub struct Mapped {
    /// What identifies the file on this host.
    pub key: FileKey,
    content: Box<dyn Content>,
    /// Bytes of the file.
    file_bytes: u64,
    /// Bytes that can be mapped: those of the file, and zeros up to the end of the last page.
    bytes: u64,
    page_bytes: u64,
}

impl Mapped {
    /// A file of `file_bytes` bytes.
    #[cfg_attr(
        target_os = "macos",
        allow(dead_code, reason = "files of mappings are not opened there")
    )]
    pub fn new(key: FileKey, content: impl Content + 'static, file_bytes: u64, page_bytes: u64) -> Mapped {
        let bytes = file_bytes.div_ceil(page_bytes).saturating_mul(page_bytes);
        Mapped {
            key,
            content: Box::new(content),
            file_bytes,
            bytes,
            page_bytes,
        }
    }

    /// Bytes that a mapping of the file shows; beyond, access fails.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of the file.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// The content.
    #[must_use]
    pub fn content(&self) -> &dyn Content {
        self.content.as_ref()
    }

    /// Fills `buffer` from `offset`, with zeros beyond the end of the file. Pages that cannot be read are added to `holes`,
    /// as ranges of the buffer.
    pub fn fill_around(&self, buffer: &mut [u8], offset: u64, holes: &mut Vec<Hole>) {
        let mut done = 0;
        while done < buffer.len() {
            match self.content.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => {
                    buffer[done..].fill(0);
                    break;
                }
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    let in_page = self.page_bytes - (offset + done as u64) % self.page_bytes;
                    let end = buffer
                        .len()
                        .min(done.saturating_add(usize::try_from(in_page).unwrap_or(usize::MAX)));
                    holes.push(Hole {
                        place: done..end,
                        is_given_back: false,
                    });
                    done = end;
                }
            }
        }
    }
}
