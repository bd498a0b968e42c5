//! Large files: several threads look for lines in one file, each in other parts of it.
//!
//! A part has a fixed length, but stands for the lines that begin in it: its reader leaves out the end of a line that
//! began before, and reads on to the end of its own last line. So each line is looked at once, as a whole.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    os::unix::fs::FileExt,
    panic::resume_unwind,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use gumshoe_scan::lines::LineScan;
use memchr::memchr;

use crate::content::End;

/// Length of a part: long enough that its edges cost nothing, short enough that a disk is read almost in order.
const PART_BYTES: u64 = 8 << 20;
/// Files from this size on are worth being divided: starting a thread takes as long as searching about 1 MiB.
pub const MIN_BYTES: u64 = 32 << 20;
/// How much is read at a time to find the end of a part's last line.
const TAIL_BYTES: usize = 4 << 10;

/// A file that threads search together.
pub struct Parts<'f> {
    file: &'f File,
    size: u64,
    part_bytes: u64,
    threads: usize,
    /// Where the next part begins.
    next: AtomicU64,
    /// Where the file ended, when that is before its size.
    end: AtomicU64,
    /// A thread knows everything there is to know, or has failed.
    over: AtomicBool,
}

/// What became of a search.
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Bytes that were read.
    pub bytes_read: u64,
}

impl<'f> Parts<'f> {
    /// The parts of a file of this size.
    #[must_use]
    pub fn new(file: &'f File, size: u64, threads: usize) -> Self {
        Self::with_length(file, size, threads, PART_BYTES)
    }

    fn with_length(file: &'f File, size: u64, threads: usize, part_bytes: u64) -> Self {
        Self {
            file,
            size,
            part_bytes,
            threads,
            next: AtomicU64::new(0),
            end: AtomicU64::new(size),
            over: AtomicBool::new(false),
        }
    }

    /// Searches all parts, in this thread with `own` and in others with what `helper` makes, and gathers all answers
    /// in `own`. Ends early when one thread's answers decide everything.
    pub fn search(
        &self,
        own: &mut LineScan,
        helper: &(dyn Fn() -> LineScan + Sync),
        is_decided: &(dyn Fn(&LineScan) -> bool + Sync),
        is_stopped: &(dyn Fn() -> bool + Sync),
    ) -> Outcome {
        let work = || {
            let mut scan = helper();
            let outcome = self.search_alone(&mut scan, is_decided, is_stopped);
            (scan, outcome)
        };
        thread::scope(|scope| {
            // Without further threads, this one does all the work.
            let start = |_| {
                thread::Builder::new()
                    .name("part".into())
                    .spawn_scoped(scope, work)
                    .ok()
            };
            let helpers: Vec<_> = (1..self.threads).map_while(start).collect();
            let mut all = self.search_alone(own, is_decided, is_stopped);
            for helper in helpers {
                let (scan, outcome) = helper.join().unwrap_or_else(|panic| resume_unwind(panic));
                own.merge(&scan);
                all = all.and(outcome);
            }
            all.end = self.shortened(all.end);
            all
        })
    }

    /// Searches one part after another, as long as there are any.
    fn search_alone(
        &self,
        scan: &mut LineScan,
        is_decided: &(dyn Fn(&LineScan) -> bool + Sync),
        is_stopped: &(dyn Fn() -> bool + Sync),
    ) -> Outcome {
        let mut bytes_read = 0;
        let mut part = self.take();
        let end = loop {
            let Some(reader) = part.as_mut().filter(|_| !self.over.load(Ordering::Relaxed)) else {
                break End::Complete;
            };
            match reader.read(scan.space()) {
                Ok(0) => {
                    scan.finish();
                    scan.next_part();
                    part = self.take();
                }
                Ok(count) => {
                    scan.filled(count);
                    bytes_read += count as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break End::Failed(error.into()),
            }
            if is_decided(scan) {
                self.over.store(true, Ordering::Relaxed);
            } else if is_stopped() {
                break End::Stopped;
            }
        };
        self.over.fetch_or(end != End::Complete, Ordering::Relaxed);
        Outcome { end, bytes_read }
    }

    fn take(&self) -> Option<Part<'_, 'f>> {
        let start = self.next.fetch_add(self.part_bytes, Ordering::Relaxed);
        (start < self.size).then(|| Part::new(self, start))
    }

    /// What `Complete` means for a file that ended before its size.
    fn shortened(&self, end: End) -> End {
        match (end, self.size - self.end.load(Ordering::Relaxed)) {
            (End::Complete, missing_bytes @ 1..) => End::Short { missing_bytes },
            (end, _) => end,
        }
    }
}

impl Outcome {
    fn and(self, other: Self) -> Self {
        Self {
            end: if self.end == End::Complete {
                other.end
            } else {
                self.end
            },
            bytes_read: self.bytes_read + other.bytes_read,
        }
    }
}

/// Where a reader stands in relation to its part's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// In a line that began before the part.
    Before,
    /// In its own lines.
    Within,
    /// Behind its last line.
    Behind,
}

/// Reads the lines that begin in one part.
struct Part<'p, 'f> {
    parts: &'p Parts<'f>,
    position: u64,
    end: u64,
    stage: Stage,
    /// The byte that was read last ended a line.
    at_line_start: bool,
}

impl<'p, 'f> Part<'p, 'f> {
    /// The byte in front of the part tells whether a line begins where it does.
    fn new(parts: &'p Parts<'f>, start: u64) -> Self {
        Self {
            parts,
            position: start.saturating_sub(1),
            end: start.saturating_add(parts.part_bytes).min(parts.size),
            stage: if start == 0 { Stage::Within } else { Stage::Before },
            at_line_start: true,
        }
    }

    /// Reads from the position on, at most up to `limit`; 0 also where the file ends before its size.
    fn fetch(&mut self, buffer: &mut [u8], limit: u64) -> std::io::Result<usize> {
        let length = usize::try_from(limit - self.position)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let count = self.parts.file.read_at(&mut buffer[..length], self.position)?;
        if count == 0 && length > 0 {
            self.parts.end.fetch_min(self.position, Ordering::Relaxed);
            self.stage = Stage::Behind;
        }
        self.position += count as u64;
        Ok(count)
    }

    /// Passes over the line that began before; returns what was read of the part's own lines.
    fn pass_over(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.stage == Stage::Before {
            let count = self.fetch(buffer, self.end)?;
            if let Some(length) = memchr(b'\n', &buffer[..count]) {
                self.stage = Stage::Within;
                buffer.copy_within(length + 1..count, 0);
                if count > length + 1 {
                    return Ok(self.delivered(&buffer[..count - length - 1]));
                }
            } else if self.position >= self.end {
                self.stage = Stage::Behind;
            }
        }
        Ok(0)
    }

    fn delivered(&mut self, bytes: &[u8]) -> usize {
        self.at_line_start = bytes.last().is_none_or(|&last| last == b'\n');
        bytes.len()
    }
}

impl Read for Part<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.stage == Stage::Before {
            let count = self.pass_over(buffer)?;
            if count > 0 {
                return Ok(count);
            }
        }
        if self.stage == Stage::Within && self.position < self.end {
            let count = self.fetch(buffer, self.end)?;
            return Ok(self.delivered(&buffer[..count]));
        }
        if self.stage == Stage::Behind || self.at_line_start || self.position >= self.parts.size {
            return Ok(0);
        }
        let length = buffer.len().min(TAIL_BYTES);
        let count = self.fetch(&mut buffer[..length], self.parts.size)?;
        let length = memchr(b'\n', &buffer[..count]).map_or(count, |length| length + 1);
        Ok(self.delivered(&buffer[..length]))
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, sync::Arc};

    use gumshoe_scan::lines::LineSet;
    use proptest::prelude::*;

    use super::*;

    const PATTERNS: [&str; 6] = ["^a$", "ab", "^$", "b.*a", "[ab]", "a\\z"];

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(bytes).expect("the file is written");
        file
    }

    /// Per pattern, whether some line and whether every line matches; how it ended; bytes read.
    fn answers(file: &File, size: u64, threads: usize, part_bytes: u64) -> (Vec<(bool, bool)>, Outcome) {
        let set = Arc::new(LineSet::new(&PATTERNS).expect("good patterns"));
        let all: Vec<usize> = (0..PATTERNS.len()).collect();
        let selection = Arc::new(set.select(&all, &all));
        let begun = || {
            let mut scan = LineScan::new(&set);
            scan.begin(&selection);
            scan
        };
        let mut own = begun();
        let parts = Parts::with_length(file, size, threads, part_bytes);
        let outcome = parts.search(&mut own, &begun, &LineScan::settled, &|| false);
        (
            all.iter()
                .map(|&pattern| (own.any(pattern), own.every(pattern)))
                .collect(),
            outcome,
        )
    }

    proptest! {
        #[test]
        fn parts_give_the_answers_of_the_whole(
            text in "[ab\n\r]{0,60}", part_bytes in 1_u64..20, threads in 1_usize..4,
        ) {
            let file = file(text.as_bytes());
            let size = text.len() as u64;
            let (whole, _) = answers(&file, size, 1, u64::MAX);
            let (parts, outcome) = answers(&file, size, threads, part_bytes);
            prop_assert_eq!(parts, whole);
            prop_assert_eq!(outcome.end, End::Complete);
        }
    }

    #[test]
    fn a_file_that_is_shorter_than_it_was_is_told() {
        let file = file(&b"ab\n".repeat(10));
        let (found, outcome) = answers(&file, 50, 2, 7);
        assert_eq!(outcome.end, End::Short { missing_bytes: 20 });
        assert_eq!(found[1], (true, true));
    }

    #[test]
    fn long_lines_belong_to_the_part_in_which_they_begin() {
        let mut text = vec![b'a'; 3 << 20];
        text.extend(b"b\nb");
        let (found, outcome) = answers(&file(&text), text.len() as u64, 3, 1 << 20);
        assert_eq!(
            found,
            [
                (false, false),
                (true, false),
                (false, false),
                (false, false),
                (true, true),
                (false, false)
            ]
        );
        assert_eq!(outcome.end, End::Complete);
    }
}
