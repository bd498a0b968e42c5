//! Mapped files: each range is searched once for all processes that map it.

use crate::collect::Collector;
use crate::engine::{Engine, Statistics};
use crate::feed::{BATCH_BYTES, Interrupt};
use crate::layout::without;
use crate::mapped::{Hole, Mapped};
use crate::notes::Notes;
use crate::os::{FileKey, page_bytes};
use gumshoe_scan::bytes::{ByteScan, ByteSelection, ByteSet, Match, Sink};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Ranges of one file whose matches are kept; the oldest goes first.
const MAX_PARTS: usize = 256;
/// Files of which something is kept.
const MAX_FILES: usize = 1 << 16;
/// Matches in files that are kept; beyond, files with matches are searched for each process.
const MAX_KEPT_MATCHES: usize = 1 << 17;

/// The parts of one file that were searched. Locked while one is.
type Parts = Arc<Mutex<Vec<Arc<Part>>>>;

/// What was found in mapped files.
#[derive(Debug, Default)]
pub struct SharedFiles {
    files: Mutex<HashMap<FileKey, Parts>>,
    kept_matches: AtomicUsize,
}

/// A range of a file that was searched for all patterns.
#[derive(Debug)]
struct Part {
    range: Range<u64>,
    /// By offset in the file.
    matches: Vec<Match>,
    /// Patterns that had all the matches that they may have, and the offset from which on they were not looked for.
    limited: Vec<(usize, u64)>,
}

/// A range of a file where a process maps it.
#[derive(Debug)]
pub struct Span {
    /// The file.
    pub mapped: Arc<Mapped>,
    /// Its path, as the system shows it.
    pub name: Vec<u8>,
    /// Offsets in the file.
    pub range: Range<u64>,
    /// Address of the first byte.
    pub address: u64,
    /// Addresses that hold the process's own bytes instead.
    pub private: Vec<Range<u64>>,
}

/// Searches files. One per thread.
#[derive(Debug)]
pub struct FileSearcher {
    scan: ByteScan,
    all: Arc<ByteSelection>,
    set: Arc<ByteSet>,
    holes: Vec<Hole>,
}

/// What a thread passes along while it looks at one process.
pub struct Looking<'l, 'e> {
    /// The operation.
    pub engine: &'l Engine<'e>,
    /// What is reported of the process.
    pub notes: Notes<'l>,
    /// The thread's numbers.
    pub statistics: &'l mut Statistics,
    /// Bytes of the process that were not read, by reason.
    pub unread: BTreeMap<&'static str, u64>,
}

impl Looking<'_, '_> {
    /// Takes note of bytes of the process that were not read.
    pub fn unread(&mut self, why: &'static str, address: u64, bytes: u64) {
        *self.unread.entry(why).or_default() += bytes;
        self.notes.log_memory(why, address, bytes);
    }

    /// Puts into the report what was not read: once per process and reason.
    pub fn finish(&self) {
        for (why, bytes) in &self.unread {
            self.notes.memory(why, *bytes);
        }
    }
}

impl SharedFiles {
    /// What is known of a file; of those beyond [`MAX_FILES`], nothing is kept.
    fn parts(&self, key: FileKey) -> Parts {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() >= MAX_FILES && !files.contains_key(&key) {
            return Parts::default();
        }
        Arc::clone(files.entry(key).or_default())
    }
}

impl Span {
    /// Whether `range` of `mapped` at `address` goes on where this ends.
    pub fn goes_on(&self, mapped: &Mapped, range: &Range<u64>, address: u64) -> bool {
        self.mapped.key == mapped.key && self.range.end == range.start && self.address_end() == address
    }

    fn address_end(&self) -> u64 {
        self.address.saturating_add(self.range.end - self.range.start)
    }

    /// Offset in the file that `address` maps.
    fn offset(&self, address: u64) -> u64 {
        self.range
            .start
            .saturating_add(address.saturating_sub(self.address))
    }

    /// Ends before `run`, which is the process's own, and returns what is behind it.
    pub fn split_off(&mut self, run: &Range<u64>) -> Span {
        let rest = Span {
            mapped: Arc::clone(&self.mapped),
            name: self.name.clone(),
            range: self.offset(run.end)..self.range.end,
            address: run.end,
            private: Vec::new(),
        };
        self.range.end = self.offset(run.start);
        rest
    }

    /// The ranges of the file to be searched: all of it where most of it is the same as in the file, so that processes
    /// ask for the same ranges, or just what is.
    fn searched(&self) -> Vec<Range<u64>> {
        let private: u64 = self.private.iter().map(|range| range.end - range.start).sum();
        if private <= (self.range.end - self.range.start) / 2 {
            return vec![self.range.clone()];
        }
        let clean = without(self.address..self.address_end(), &self.private);
        clean
            .into_iter()
            .map(|range| self.offset(range.start)..self.offset(range.end))
            .collect()
    }

    /// Hands a match in the file to the process that maps it, unless the process has other bytes there.
    fn credit(&self, found: &Match, collector: &mut Collector<'_>) {
        let end = found.address.saturating_add(found.length as u64);
        if found.address < self.range.start || end > self.range.end {
            return;
        }
        let start = self.address + (found.address - self.range.start);
        let range = start..start + found.length as u64;
        let at = self.private.partition_point(|private| private.end <= range.start);
        if self
            .private
            .get(at)
            .is_none_or(|private| private.start >= range.end)
        {
            collector.in_file(found.pattern, range, found.wide);
        }
    }
}

impl FileSearcher {
    /// A searcher for all patterns of `set`.
    pub fn new(set: &Arc<ByteSet>) -> FileSearcher {
        let all: Vec<usize> = (0..set.len()).collect();
        FileSearcher {
            scan: ByteScan::new(set),
            all: set.select(&all),
            set: Arc::clone(set),
            holes: Vec::new(),
        }
    }

    /// Credits a process with what its part of a file contains; searches that part unless that was done.
    ///
    /// # Errors
    ///
    /// [`Interrupt::Stopped`].
    pub fn credit(
        &mut self,
        span: &Span,
        collector: &mut Collector<'_>,
        looking: &mut Looking<'_, '_>,
    ) -> Result<(), Interrupt> {
        let mapped_end = span.mapped.bytes();
        for range in span.searched() {
            let range = range.start..range.end.min(mapped_end);
            if range.start >= range.end || collector.is_settled() {
                continue;
            }
            let part = self.part(span, &range, looking)?;
            let within = part.matches.iter().filter(|found| found.address >= range.start);
            for found in within {
                span.credit(found, collector);
            }
            self.credit_rest(span, &part, range.end, collector, looking)?;
        }
        Ok(())
    }

    /// Looks again for those patterns that were given up in a part of a file before this process has enough of them.
    fn credit_rest(
        &mut self,
        span: &Span,
        part: &Part,
        end: u64,
        collector: &mut Collector<'_>,
        looking: &mut Looking<'_, '_>,
    ) -> Result<(), Interrupt> {
        let open = part
            .limited
            .iter()
            .filter(|(pattern, from)| *from < end && collector.is_open(*pattern));
        let open: Vec<(usize, u64)> = open.copied().collect();
        let Some(from) = open.iter().map(|(_, from)| *from).min() else {
            return Ok(());
        };
        let patterns: Vec<usize> = open.iter().map(|(pattern, _)| *pattern).collect();
        self.scan.begin(&self.set.select(&patterns));
        let mut sink = Crediting {
            span,
            collector,
            from: &open,
        };
        self.search(span, from..end, &mut sink, looking)
    }

    /// The part of a file that contains `range`, searched now or before. Other threads that need the same file wait.
    fn part(
        &mut self,
        span: &Span,
        range: &Range<u64>,
        looking: &mut Looking<'_, '_>,
    ) -> Result<Arc<Part>, Interrupt> {
        let parts = looking.engine.shared.parts(span.mapped.key);
        let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
        let contains = |part: &&Arc<Part>| part.range.start <= range.start && range.end <= part.range.end;
        if let Some(part) = parts.iter().find(contains) {
            looking.statistics.shared_bytes += range.end - range.start;
            return Ok(Arc::clone(part));
        }
        let part = Arc::new(self.search_part(span, range, looking)?);
        let kept = looking
            .engine
            .shared
            .kept_matches
            .fetch_add(part.matches.len(), Ordering::Relaxed);
        if part.matches.is_empty() || kept < MAX_KEPT_MATCHES {
            if parts.len() >= MAX_PARTS {
                parts.remove(0);
            }
            parts.push(Arc::clone(&part));
        }
        Ok(part)
    }

    fn search_part(
        &mut self,
        span: &Span,
        range: &Range<u64>,
        looking: &mut Looking<'_, '_>,
    ) -> Result<Part, Interrupt> {
        self.scan.begin(&Arc::clone(&self.all));
        let mut matches = Vec::new();
        self.search(span, range.clone(), &mut matches, looking)?;
        matches.sort_unstable_by_key(|found| (found.address, found.pattern));
        let settled = self
            .all
            .patterns()
            .iter()
            .filter(|&&pattern| self.scan.has_settled(pattern));
        let last_end = |pattern: usize| {
            let last = matches.iter().rev().find(|found| found.pattern == pattern);
            last.map_or(range.start, |found| {
                found.address.saturating_add(found.length as u64)
            })
        };
        let limited = settled.map(|&pattern| (pattern, last_end(pattern))).collect();
        Ok(Part {
            range: range.clone(),
            matches,
            limited,
        })
    }

    /// Searches `range` of a file, for what the scan was begun with. Addresses of matches are offsets in the file.
    fn search(
        &mut self,
        span: &Span,
        range: Range<u64>,
        sink: &mut dyn Sink,
        looking: &mut Looking<'_, '_>,
    ) -> Result<(), Interrupt> {
        let (mut at, mut searched_to) = (range.start, None);
        let mut parts = Vec::new();
        while at < range.end && !self.scan.is_settled() {
            parts.clear();
            at = readable(span, at..range.end, &mut parts, looking);
            for part in &parts {
                if searched_to != Some(part.start) {
                    self.scan.segment(part.start, sink);
                }
                self.search_readable(span, part, sink, looking)?;
                searched_to = Some(part.end);
            }
        }
        self.scan.end_segment(sink);
        Ok(())
    }

    fn search_readable(
        &mut self,
        span: &Span,
        part: &Range<u64>,
        sink: &mut dyn Sink,
        looking: &mut Looking<'_, '_>,
    ) -> Result<(), Interrupt> {
        let mut at = part.start;
        while at < part.end && !self.scan.is_settled() {
            let count = usize::try_from(part.end - at)
                .unwrap_or(usize::MAX)
                .min(BATCH_BYTES);
            if !looking.engine.may_read(count as u64) {
                return Err(Interrupt::Stopped);
            }
            self.search_block(span, at, count, sink, looking);
            at += count as u64;
        }
        Ok(())
    }

    fn search_block(
        &mut self,
        span: &Span,
        at: u64,
        count: usize,
        sink: &mut dyn Sink,
        looking: &mut Looking<'_, '_>,
    ) {
        self.holes.clear();
        span.mapped
            .fill_around(self.scan.space(count), at, &mut self.holes);
        looking.statistics.file_bytes += count as u64;
        let mut done = 0;
        for Hole { place: hole, .. } in &self.holes {
            looking.notes.file(&span.name, "unreadable", hole.len() as u64);
            self.scan.filled(hole.start - done, sink);
            self.scan.skip(hole.len(), sink);
            self.scan.segment(at + hole.end as u64, sink);
            done = hole.end;
        }
        self.scan.filled(count - done, sink);
    }
}

/// Appends the first parts of `range` of a file that are read: no holes, nothing that was swapped out, and on demand nothing
/// that is not in memory. What is not read is noted. Returns the offset up to which that is all.
fn readable(
    span: &Span,
    range: Range<u64>,
    parts: &mut Vec<Range<u64>>,
    looking: &mut Looking<'_, '_>,
) -> u64 {
    let mapped = &span.mapped;
    let mut to = mapped
        .content()
        .data(range.start..range.end.min(mapped.file_bytes()), parts);
    if to >= mapped.file_bytes() {
        // Behind the file's end the last page has zeros.
        to = range.end;
        if let Some(last) = parts.last_mut().filter(|last| last.end == mapped.file_bytes()) {
            last.end = range.end.min(mapped.bytes());
        }
    }
    if mapped.content().is_memory() || looking.engine.plan.resident_only() {
        for part in std::mem::take(parts) {
            in_memory(span, part, parts, looking);
        }
    }
    to
}

/// Appends what of `part` is in memory, or all of it if that may be swapped in.
fn in_memory(span: &Span, part: Range<u64>, parts: &mut Vec<Range<u64>>, looking: &mut Looking<'_, '_>) {
    let content = span.mapped.content();
    let mut resident = Vec::new();
    let whole_pages = part.start - part.start % page_bytes()..part.end;
    if content.resident(whole_pages, &mut resident).is_err() {
        return parts.push(part);
    }
    let absent = without(part.clone(), &resident)
        .iter()
        .map(|range| range.end - range.start)
        .sum();
    if absent == 0 {
        parts.push(part);
    } else if content.is_memory() && looking.engine.may_swap_in(absent) {
        looking.statistics.swapped_in_bytes += absent;
        parts.push(part);
    } else {
        note_absent(span, absent, looking);
        let cut = resident
            .iter()
            .map(|range| range.start.max(part.start)..range.end.min(part.end));
        parts.extend(cut.filter(|range| range.start < range.end));
    }
}

fn note_absent(span: &Span, bytes: u64, looking: &Looking<'_, '_>) {
    if span.mapped.content().is_memory() {
        looking.notes.file(&span.name, "swapped out", bytes);
    } else {
        looking
            .notes
            .file_by_design(&span.name, "not in memory (resident_only)", bytes);
    }
}

/// Credits a process with matches in a file, for patterns from an offset each.
struct Crediting<'c, 'p> {
    span: &'c Span,
    collector: &'c mut Collector<'p>,
    from: &'c [(usize, u64)],
}

impl Sink for Crediting<'_, '_> {
    fn found(&mut self, found: &Match) -> bool {
        let is_known = |(pattern, from): &(usize, u64)| *pattern == found.pattern && found.address < *from;
        if self.from.iter().any(is_known) {
            return false;
        }
        self.span.credit(found, self.collector);
        !self.collector.is_open(found.pattern)
    }
}
