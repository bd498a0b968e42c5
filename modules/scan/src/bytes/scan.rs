//! The buffer between a reader of memory and the searcher.

use super::plan::ByteSelection;
use super::search::{Match, Searcher, View};
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
    /// End of what was read.
    end: usize,
    /// End of the blocks that were searched.
    searched: usize,
    /// Offset of the buffer in the segment.
    offset: u64,
}

impl ByteScan {
    /// A scan that has nothing to look for until [`begin`](Self::begin).
    #[must_use]
    pub fn new(set: &Arc<ByteSet>) -> ByteScan {
        ByteScan {
            searcher: Searcher::new(set),
            buffer: Vec::new(),
            end: 0,
            searched: 0,
            offset: 0,
        }
    }

    /// Starts a target, in which `selection`, made by the same [`ByteSet`], is looked for. Forgets all matches.
    pub fn begin(&mut self, selection: &Arc<ByteSelection>) {
        self.searcher.begin(selection);
        self.forget_buffer();
    }

    /// Starts a segment at `address`, after the end of the one before, if any.
    pub fn segment(&mut self, address: u64) {
        self.end_segment();
        self.searcher.segment(address);
    }

    /// Room for the next `count` bytes of the segment. Follow with [`filled`](Self::filled).
    pub fn space(&mut self, count: usize) -> &mut [u8] {
        let keep = self
            .searched
            .saturating_sub(self.searcher.max_match_bytes() + 1);
        if keep > 0 {
            self.buffer.copy_within(keep..self.end, 0);
            (self.searched, self.end) = (self.searched - keep, self.end - keep);
            self.offset += keep as u64;
        }
        let end = self.end + count;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        &mut self.buffer[self.end..end]
    }

    /// Takes the first `count` bytes of [`space`](Self::space) as read and searches what is decided by them: a match is
    /// reported at the latest with the end of the segment. A `count` beyond the space is taken as all of it.
    pub fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.buffer.len());
        self.search(
            self.end.saturating_sub(self.searcher.max_match_bytes()),
            false,
        );
    }

    /// Ends the segment: what follows is not adjacent to it.
    pub fn end_segment(&mut self) {
        self.search(self.end, true);
        self.forget_buffer();
    }

    /// Searches `bytes`, a whole segment at `address`, in place. `go_on` is asked before each 256 KiB; once it says no, the
    /// rest is not searched and the result is the number of bytes that were.
    pub fn slice(&mut self, address: u64, bytes: &[u8], go_on: &mut dyn FnMut() -> bool) -> usize {
        self.segment(address);
        let mut start = 0;
        while start < bytes.len() && !self.is_settled() {
            if !go_on() {
                return start;
            }
            let end = bytes.len().min(start + BLOCK_BYTES);
            self.searcher.search(&View {
                haystack: bytes,
                block: start..end,
                offset: 0,
                is_end: true,
            });
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

    /// The target's matches so far. Those of one pattern and form in a segment are ascending; otherwise in no order.
    #[must_use]
    pub fn matches(&self) -> &[Match] {
        self.searcher.matches()
    }

    /// Searches the block that ends at `end`.
    fn search(&mut self, end: usize, is_end: bool) {
        if end <= self.searched {
            return;
        }
        if !self.is_settled() {
            let haystack = &self.buffer[..self.end];
            let block = self.searched..end;
            self.searcher.search(&View {
                haystack,
                block,
                offset: self.offset,
                is_end,
            });
        }
        self.searched = end;
    }

    fn forget_buffer(&mut self) {
        (self.end, self.searched, self.offset) = (0, 0, 0);
    }
}
