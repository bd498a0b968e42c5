//! Readers that archives and members are read through.

use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};

use crate::{budget::Budget, reason::Reason};

/// Buffer for an archive's headers; member content of seekable archives passes it by.
const HEADER_BUFFER_BYTES: usize = 32 * 1024;

/// A reader that can seek, as one trait for `dyn`.
pub(crate) trait ReadSeek: Read + Seek {}

impl<T: Read + Seek + ?Sized> ReadSeek for T {}

/// Where an archive's bytes come from.
pub(super) enum Input<'a> {
    /// Any part can be read at any time.
    Seekable(Slice<'a>),
    /// Once, from front to back.
    Stream(&'a mut dyn Read),
}

/// A member's content.
pub(super) enum Content<'a> {
    /// As it lies in a seekable archive; can be read again.
    Stored(Slice<'a>),
    /// Once, from front to back.
    Stream(&'a mut dyn Read),
    /// Cannot be read, for this reason.
    Unreadable(Reason),
}

/// A stretch of a seekable reader, itself seekable. It seeks before each read, so that several slices may
/// take turns on one file.
pub(crate) struct Slice<'a> {
    inner: &'a mut dyn ReadSeek,
    start: u64,
    length: u64,
    position: u64,
}

impl<'a> Slice<'a> {
    /// All of `inner`.
    pub(super) fn whole(inner: &'a mut dyn ReadSeek) -> io::Result<Self> {
        let length = inner.seek(SeekFrom::End(0))?;
        Ok(Self {
            inner,
            start: 0,
            length,
            position: 0,
        })
    }

    /// A part of this slice; what lies beyond the end is cut off.
    pub(super) fn part(&mut self, start: u64, length: u64) -> Slice<'_> {
        let start = start.min(self.length);
        Slice {
            inner: &mut *self.inner,
            start: self.start + start,
            length: length.min(self.length - start),
            position: 0,
        }
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Back to the slice's beginning.
    pub(super) fn rewind(&mut self) {
        self.position = 0;
    }

    /// Reads exactly `out.len()` bytes at `position`; false when there are not so many.
    pub(super) fn read_at(&mut self, position: u64, out: &mut [u8]) -> Result<bool, Reason> {
        self.position = position;
        Ok(crate::source::read_full(self, out)? == out.len())
    }
}

impl Read for Slice<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position);
        let count = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if count == 0 {
            return Ok(0);
        }
        self.inner.seek(SeekFrom::Start(self.start + self.position))?;
        let count = self.inner.read(&mut out[..count])?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Slice<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// Headers of an archive that is read from front to back, with its position.
pub(super) struct Forward<'a> {
    input: ForwardInput<'a>,
    position: u64,
}

enum ForwardInput<'a> {
    Seekable(BufReader<Slice<'a>>),
    Stream(BufReader<&'a mut dyn Read>),
}

impl<'a> Forward<'a> {
    pub(super) fn new(input: Input<'a>) -> Self {
        let input = match input {
            Input::Seekable(slice) => {
                ForwardInput::Seekable(BufReader::with_capacity(HEADER_BUFFER_BYTES, slice))
            }
            Input::Stream(stream) => {
                ForwardInput::Stream(BufReader::with_capacity(HEADER_BUFFER_BYTES, stream))
            }
        };
        Self { input, position: 0 }
    }

    /// Bytes from the archive's start.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Steps over `count` bytes; false when the archive ends before. Seeks where it can.
    pub(super) fn skip(&mut self, count: u64) -> Result<bool, Reason> {
        match &mut self.input {
            ForwardInput::Seekable(reader) => {
                let end = self.position.saturating_add(count);
                let by = i64::try_from(count).unwrap_or(i64::MAX);
                if end > reader.get_ref().length() {
                    return Ok(false);
                }
                reader.seek_relative(by).map_err(|e| Reason::of(&e))?;
                self.position = end;
                Ok(true)
            }
            ForwardInput::Stream(_) => {
                let copied = io::copy(&mut self.by_ref().take(count), &mut io::sink());
                Ok(copied.map_err(|e| Reason::of(&e))? == count)
            }
        }
    }

    /// The next `length` bytes as something that can be read again, if the archive is seekable.
    pub(super) fn stored(&mut self, length: u64) -> Option<Slice<'_>> {
        match &mut self.input {
            ForwardInput::Seekable(reader) => Some(reader.get_mut().part(self.position, length)),
            ForwardInput::Stream(_) => None,
        }
    }
}

impl Read for Forward<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.input {
            ForwardInput::Seekable(reader) => reader.read(out)?,
            ForwardInput::Stream(reader) => reader.read(out)?,
        };
        self.position += count as u64;
        Ok(count)
    }
}

/// What the visitor reads: polls, and remembers an error, which becomes a gap.
pub(super) struct Watched<'a> {
    inner: &'a mut dyn Read,
    budget: &'a Budget<'a>,
    pub(super) failure: Option<Reason>,
}

impl<'a> Watched<'a> {
    pub(super) fn new(inner: &'a mut dyn Read, budget: &'a Budget<'a>) -> Self {
        Self {
            inner,
            budget,
            failure: None,
        }
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let result = self
            .budget
            .check_interrupt()
            .and_then(|()| crate::source::read_retrying(&mut self.inner, out));
        result.map_err(|reason| {
            self.failure = Some(reason.clone());
            reason.into_io()
        })
    }
}

/// A reader that only ever fails.
pub(super) struct Failing(pub(super) Reason);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(self.0.clone().into_io())
    }
}

/// Keeps what is read through it, so that it can be read once more, up to the budget's buffer limit. Past that
/// it fails, and [`Replay::again`] still yields everything.
pub(super) struct Replay<'a> {
    inner: &'a mut dyn Read,
    budget: &'a Budget<'a>,
    kept: Vec<u8>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(inner: &'a mut dyn Read, budget: &'a Budget<'a>) -> Self {
        Self {
            inner,
            budget,
            kept: Vec::new(),
        }
    }

    /// From the beginning: what was kept, then the rest.
    pub(super) fn again(&mut self) -> impl Read {
        Cursor::new(&self.kept).chain(&mut *self.inner)
    }

    /// All of it, in memory.
    pub(super) fn into_memory(mut self) -> Result<Kept<'a>, Reason> {
        let mut block = vec![0; HEADER_BUFFER_BYTES];
        while self.read(&mut block).map_err(|e| Reason::of(&e))? > 0 {}
        Ok(Kept {
            budget: self.budget,
            bytes: std::mem::take(&mut self.kept),
        })
    }
}

impl Read for Replay<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.budget.buffer_left()).unwrap_or(usize::MAX);
        if left == 0 {
            let reason = Reason::Buffer {
                limit: self.budget.limits().buffer_bytes,
                seen: self.kept.len() as u64,
            };
            return Err(reason.into_io());
        }
        let length = out.len().min(left);
        let count = self.inner.read(&mut out[..length])?;
        self.kept.extend_from_slice(&out[..count]);
        self.budget.hold_buffer(count as u64);
        Ok(count)
    }
}

impl Drop for Replay<'_> {
    fn drop(&mut self) {
        self.budget.release_buffer(self.kept.len() as u64);
    }
}

/// A nested archive in memory; its bytes are booked as long as it lives.
pub(super) struct Kept<'a> {
    budget: &'a Budget<'a>,
    pub(super) bytes: Vec<u8>,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.budget.release_buffer(self.bytes.len() as u64);
    }
}
