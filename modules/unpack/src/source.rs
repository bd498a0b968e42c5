//! The buffered, counted and polled end that decoders read from.

use std::io::{self, BufRead, Read};

use crate::{budget::Budget, reason::Reason};

/// Input is fetched in blocks of this size: large enough that system calls do not matter.
const BUFFER_BYTES: usize = 64 * 1024;

/// A buffered reader that counts what was consumed, can look ahead, remembers why it failed and
/// asks the budget's poll function before each block.
pub(crate) struct Source<'b, R> {
    inner: R,
    budget: &'b Budget<'b>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    consumed: u64,
    at_end: bool,
    ran_dry: bool,
    failure: Option<Reason>,
}

impl<'b, R: Read> Source<'b, R> {
    pub(crate) fn new(inner: R, budget: &'b Budget<'b>) -> Self {
        Self {
            inner,
            budget,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            consumed: 0,
            at_end: false,
            ran_dry: false,
            failure: None,
        }
    }

    /// Bytes that were taken out.
    pub(crate) fn consumed(&self) -> u64 {
        self.consumed
    }

    /// True once a read found nothing more: the decoder wanted bytes that are not there.
    pub(crate) fn ran_dry(&self) -> bool {
        self.ran_dry
    }

    /// Why reading below failed, if it did.
    pub(crate) fn failure(&self) -> Option<&Reason> {
        self.failure.as_ref()
    }

    /// Looks at up to `count` bytes ahead; fewer only at the end of input.
    pub(crate) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        let count = count.min(self.buffer.len());
        while self.end - self.start < count && !self.at_end {
            self.make_room();
            self.fetch()?;
        }
        let end = self.end.min(self.start + count);
        Ok(&self.buffer[self.start..end])
    }

    /// Passes over `count` bytes; false when there are not so many.
    pub(crate) fn skip(&mut self, mut count: u64) -> io::Result<bool> {
        while count > 0 {
            let available = self.fill_buf()?.len();
            if available == 0 {
                return Ok(false);
            }
            let step = available.min(usize::try_from(count).unwrap_or(usize::MAX));
            self.consume(step);
            count -= step as u64;
        }
        Ok(true)
    }

    fn make_room(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
    }

    /// Appends one block to the buffer.
    fn fetch(&mut self) -> io::Result<()> {
        if let Some(reason) = &self.failure {
            return Err(reason.clone().into_io());
        }
        let result = self
            .budget
            .check_interrupt()
            .and_then(|()| read_retrying(&mut self.inner, &mut self.buffer[self.end..]));
        match result {
            Ok(0) => self.at_end = true,
            Ok(count) => self.end += count.min(self.buffer.len() - self.end),
            Err(reason) => {
                self.failure = Some(reason.clone());
                return Err(reason.into_io());
            }
        }
        Ok(())
    }
}

/// One `read` that signals cannot disturb.
pub(crate) fn read_retrying(reader: &mut impl Read, out: &mut [u8]) -> Result<usize, Reason> {
    loop {
        match reader.read(out) {
            Ok(count) => return Ok(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Reason::of(&error)),
        }
    }
}

/// Fills `out` as far as the reader has bytes.
pub(crate) fn read_full(reader: &mut impl Read, out: &mut [u8]) -> Result<usize, Reason> {
    let mut filled = 0;
    while filled < out.len() {
        match read_retrying(reader, &mut out[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

impl<R: Read> BufRead for Source<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end && !self.at_end {
            self.start = 0;
            self.end = 0;
            self.fetch()?;
        }
        self.ran_dry |= self.start == self.end;
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.consumed += count as u64;
    }
}

impl<R: Read> Read for Source<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(out.len());
        out[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}
