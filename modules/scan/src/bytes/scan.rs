//! The buffer between a reader of memory and the searcher.

use super::plan::ByteSelection;
use super::search::{Searcher, Sink, View};
use super::set::ByteSet;
use std::sync::Arc;

/// Bytes of a caller's slice searched at a time: several passes over them find them in the cache.
const BLOCK_BYTES: usize = 256 << 10;

/// Searches one target after another. One per thread; keeps its memory.
///
/// Memory: the largest space asked for, twice the set's `max_match_bytes`, and the caches of the engines in use, each at
/// most about 1 MiB.
#[derive(Debug)]
pub struct ByteScan {
    searcher: Searcher,
    buffer: Vec<u8>,
    /// Start of the segment in the buffer, or of what is kept of it.
    start: usize,
    /// End of the blocks that were searched.
    searched: usize,
    /// End of what was read.
    end: usize,
    /// Offset of `start` in the segment.
    offset: u64,
}

impl ByteScan {
    /// A scan that has nothing to look for until [`begin`](Self::begin).
    #[must_use]
    pub fn new(set: &Arc<ByteSet>) -> ByteScan {
        ByteScan {
            searcher: Searcher::new(set),
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            end: 0,
            offset: 0,
        }
    }

    /// Starts a target, in which `selection`, made by the same [`ByteSet`], is looked for.
    pub fn begin(&mut self, selection: &Arc<ByteSelection>) {
        self.searcher.begin(selection);
        self.end = 0;
        self.start_here();
    }

    /// Starts a segment at `address`, after the end of the one before, if any.
    pub fn segment(&mut self, address: u64, sink: &mut dyn Sink) {
        self.end_segment(sink);
        self.searcher.segment(address);
    }

    /// Room for the next `count` bytes. They may belong to several segments: read them all, then go through them with
    /// [`filled`](Self::filled), [`skip`](Self::skip) and [`segment`](Self::segment).
    pub fn space(&mut self, count: usize) -> &mut [u8] {
        let keep = self
            .searched
            .saturating_sub(self.searcher.max_match_bytes() + 1)
            .max(self.start);
        self.buffer.copy_within(keep..self.end, 0);
        self.offset += (keep - self.start) as u64;
        (self.searched, self.end) = (self.searched - keep, self.end - keep);
        self.start = 0;
        let end = self.end + count;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        &mut self.buffer[self.end..end]
    }

    /// Takes the next `count` bytes of [`space`](Self::space) as the segment's next bytes, and searches what is decided by
    /// them: a match is reported at the latest with the end of the segment. Beyond the space, nothing is taken.
    pub fn filled(&mut self, count: usize, sink: &mut dyn Sink) {
        self.end = self.end.saturating_add(count).min(self.buffer.len());
        self.search(
            self.end.saturating_sub(self.searcher.max_match_bytes()),
            false,
            sink,
        );
    }

    /// Ends the segment and leaves out the next `count` bytes of [`space`](Self::space).
    pub fn skip(&mut self, count: usize, sink: &mut dyn Sink) {
        self.end_segment(sink);
        self.end = self.end.saturating_add(count).min(self.buffer.len());
        self.start_here();
    }

    /// Ends the segment: what follows is not adjacent to it.
    pub fn end_segment(&mut self, sink: &mut dyn Sink) {
        self.search(self.end, true, sink);
        self.start_here();
    }

    /// Searches `bytes`, a whole segment at `address`, in place. `go_on` is asked before each 256 KiB; once it says no, the
    /// rest is not searched and the result is the number of bytes that were.
    pub fn slice(
        &mut self,
        address: u64,
        bytes: &[u8],
        sink: &mut dyn Sink,
        go_on: &mut dyn FnMut() -> bool,
    ) -> usize {
        self.segment(address, sink);
        let mut start = 0;
        while start < bytes.len() && !self.is_settled() {
            if !go_on() {
                return start;
            }
            let end = bytes.len().min(start + BLOCK_BYTES);
            let view = View {
                haystack: bytes,
                block: start..end,
                offset: 0,
                is_end: true,
            };
            self.searcher.search(&view, sink);
            start = end;
        }
        bytes.len()
    }

    /// Whether all patterns looked for have settled: nothing that may follow adds a match.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.searcher.is_settled()
    }

    /// Whether `pattern` has all the matches it may have; there may be more in the target.
    #[must_use]
    pub fn has_settled(&self, pattern: usize) -> bool {
        self.searcher.has_settled(pattern)
    }

    /// Searches the block that ends at `end`.
    fn search(&mut self, end: usize, is_end: bool, sink: &mut dyn Sink) {
        if end <= self.searched {
            return;
        }
        if !self.is_settled() {
            let haystack = &self.buffer[self.start..self.end];
            let block = self.searched - self.start..end - self.start;
            self.searcher.search(
                &View {
                    haystack,
                    block,
                    offset: self.offset,
                    is_end,
                },
                sink,
            );
        }
        self.searched = end;
    }

    /// What follows in the buffer begins a segment.
    fn start_here(&mut self) {
        (self.start, self.searched, self.offset) = (self.end, self.end, 0);
    }
}
