//! The buffer between a reader and the searcher.

use super::search::{Searcher, Window, without_return};
use super::set::{LineSet, Selection};
use memchr::{memchr, memrchr};
use std::sync::Arc;

/// Bytes lent to the reader at a time, or at least half of it; sized to stay in a core's cache.
const BUFFER_BYTES: usize = 128 << 10;
/// A line longer than this is searched in parts.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// Bytes that two parts of a long line share: a match at most this long is found wherever it lies in the line.
pub const OVERLAP_BYTES: usize = 64 << 10;

/// Searches one stream after another. One per thread; keeps its memory.
///
/// Memory: 128 KiB, up to [`MAX_LINE_BYTES`] more once a long line was met, and the caches of the regexes in use, each at
/// most about 1 MiB.
#[derive(Debug)]
pub struct LineScan {
    searcher: Searcher,
    selection: Arc<Selection>,
    buffer: Vec<u8>,
    /// Start of the line that is not complete, or of the part of it that is kept.
    start: usize,
    /// End of what was read.
    end: usize,
    /// Whether the start of the current line has left the buffer.
    in_long_line: bool,
    long_lines: u64,
    chunk_bytes: usize,
    max_line_bytes: usize,
    overlap_bytes: usize,
}

impl LineScan {
    /// A scan that has nothing to look for until [`begin`](Self::begin).
    #[must_use]
    pub fn new(set: &Arc<LineSet>) -> LineScan {
        LineScan::with_sizes(set, BUFFER_BYTES, MAX_LINE_BYTES, OVERLAP_BYTES)
    }

    /// As [`new`](Self::new), with other sizes.
    pub(super) fn with_sizes(
        set: &Arc<LineSet>,
        buffer: usize,
        max_line_bytes: usize,
        overlap: usize,
    ) -> LineScan {
        LineScan {
            searcher: Searcher::new(set),
            selection: Arc::new(set.select(&[], &[])),
            buffer: vec![0; buffer.max(2)],
            start: 0,
            end: 0,
            in_long_line: false,
            long_lines: 0,
            chunk_bytes: buffer.max(2),
            max_line_bytes: max_line_bytes.max(overlap + 2),
            overlap_bytes: overlap,
        }
    }

    /// Starts a stream, in which `selection`, made by the same [`LineSet`], is looked for.
    pub fn begin(&mut self, selection: &Arc<Selection>) {
        if !Arc::ptr_eq(&self.selection, selection) {
            self.selection = Arc::clone(selection);
        }
        self.searcher.reset(selection);
        (self.start, self.end) = (0, 0);
        self.in_long_line = false;
        self.long_lines = 0;
    }

    /// After [`finish`](Self::finish), starts another part of the same stream: lines that were left out so far. Answers
    /// stay, so that "every line" and "some line" are about all parts together.
    pub fn next_part(&mut self) {
        (self.start, self.end) = (0, 0);
        self.in_long_line = false;
    }

    /// Takes over what `other`, which had the same selection, found in other parts of the same stream.
    pub fn merge(&mut self, other: &LineScan) {
        self.searcher.merge(&other.searcher);
        self.long_lines += other.long_lines;
    }

    /// Room for the next bytes of the stream, 64 to 128 KiB. Follow with [`filled`](Self::filled).
    pub fn space(&mut self) -> &mut [u8] {
        if self.settled() {
            (self.start, self.end) = (0, 0);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        // Bounded: what is kept never exceeds `max_line_bytes`.
        let least = self.end + self.chunk_bytes / 2;
        if self.buffer.len() < least {
            self.buffer.resize(least + self.chunk_bytes, 0);
        }
        let to = (self.end + self.chunk_bytes).min(self.buffer.len());
        &mut self.buffer[self.end..to]
    }

    /// Takes the first `count` bytes of [`space`](Self::space) as read, searches the lines that are complete, and returns
    /// those bytes for whatever else is done with them.
    ///
    /// A `count` beyond the space is taken as all of it.
    pub fn filled(&mut self, count: usize) -> &[u8] {
        let from = self.end;
        self.end = (from + count).min(self.buffer.len());
        if !self.settled() {
            self.search(from);
        }
        &self.buffer[from..self.end]
    }

    /// The stream is over: searches a last line without `\n`.
    pub fn finish(&mut self) {
        if self.settled() {
            return;
        }
        if self.in_long_line {
            self.last_window(self.end);
        } else if self.start < self.end {
            self.searcher
                .lines(&self.selection, &self.buffer[self.start..self.end]);
        }
        self.start = self.end;
    }

    /// Whether all answers are known: nothing that may follow changes them.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.searcher.settled()
    }

    /// Whether some line matched `pattern`. Final after [`finish`](Self::finish); true is final at once.
    #[must_use]
    pub fn any(&self, pattern: usize) -> bool {
        self.searcher.any(pattern)
    }

    /// Whether every line matched `pattern`, also when there was none. Final after [`finish`](Self::finish); false is
    /// final at once.
    #[must_use]
    pub fn every(&self, pattern: usize) -> bool {
        self.searcher.every(pattern)
    }

    /// Lines of this stream that were longer than [`MAX_LINE_BYTES`] and searched in parts, in which only matches up to
    /// [`OVERLAP_BYTES`] long are sure to be found.
    #[must_use]
    pub fn long_lines(&self) -> u64 {
        self.long_lines
    }

    /// Searches what is complete, given that bytes from `from` on are new.
    fn search(&mut self, from: usize) {
        if self.in_long_line {
            let Some(length) = memchr(b'\n', &self.buffer[from..self.end]) else {
                return self.long_line_grew();
            };
            self.last_window(from + length);
            self.start = from + length + 1;
        }
        let from = from.max(self.start);
        if let Some(length) = memrchr(b'\n', &self.buffer[from..self.end]) {
            self.searcher
                .lines(&self.selection, &self.buffer[self.start..from + length]);
            self.start = from + length + 1;
        }
        self.long_line_grew();
    }

    /// Searches the start of an incomplete line that has become too long, and keeps only the overlap.
    fn long_line_grew(&mut self) {
        if self.end - self.start < self.max_line_bytes {
            return;
        }
        self.long_lines += u64::from(!self.in_long_line);
        // The last byte is context: whether `$` holds before it is not known yet.
        self.window(self.end, self.end - self.start - 1);
        self.in_long_line = true;
        self.start = self.end - (self.overlap_bytes + 2);
    }

    /// Searches the last part of a long line, which ends at `end`.
    fn last_window(&mut self, end: usize) {
        let end = self.start + without_return(&self.buffer[self.start..end]).len();
        self.window(end, end - self.start);
        self.searcher.end_of_long_line(&self.selection);
        self.in_long_line = false;
    }

    /// Searches the kept part of a long line up to `end`, for matches that end within its first `length` bytes.
    fn window(&mut self, end: usize, length: usize) {
        // Inside the line, the first byte is context: `^` does not hold after it.
        let first = usize::from(self.in_long_line).min(length);
        let window = Window {
            haystack: &self.buffer[self.start..end],
            span: first..length,
        };
        self.searcher.window(&self.selection, &window);
    }
}
