//! Which pages of a process are populated: `PAGEMAP_SCAN`, or plain `pagemap` before Linux 6.7.
//!
//! `PAGEMAP_SCAN` walks the page tables that exist, so that a reservation of terabytes costs nothing; `pagemap` has an
//! entry for each page of address space. Both only look: nothing is populated.

use crate::parse::pagemap::{self, ENTRY_BYTES, Run, State};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

/// Runs that one `PAGEMAP_SCAN` returns at most.
const SCAN_RUNS: usize = 512;
/// Bytes of `pagemap` read at a time: 32 MiB of address space with pages of 4 KiB.
const READ_BYTES: usize = 64 << 10;

/// The page states of one process.
#[derive(Debug)]
pub(super) struct Pages {
    file: File,
    page_bytes: u64,
    /// Whether the kernel knows `PAGEMAP_SCAN`.
    can_scan: bool,
    found: Vec<PageRegion>,
    entries: Vec<u8>,
}

/// `struct page_region` (`include/uapi/linux/fs.h`).
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct PageRegion {
    start: u64,
    end: u64,
    categories: u64,
}

/// `struct pm_scan_arg` (`include/uapi/linux/fs.h`).
#[repr(C)]
#[derive(Debug, Default)]
struct ScanArguments {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// Page belongs to a file or is shared memory (`PAGE_IS_FILE`).
const FILE: u64 = 1 << 2;
/// Page is in memory (`PAGE_IS_PRESENT`).
const PRESENT: u64 = 1 << 3;
/// Page is swapped out (`PAGE_IS_SWAPPED`).
const SWAPPED: u64 = 1 << 4;
/// Page is the shared page of zeros (`PAGE_IS_PFNZERO`).
const ZERO: u64 = 1 << 5;

#[allow(
    unsafe_code,
    reason = "the ioctl fills a structure and an array that it is given"
)]
mod call {
    nix::ioctl_readwrite!(pagemap_scan, b'f', 16, super::ScanArguments);
}

impl Pages {
    /// Page states by the open `pagemap` of a process; `may_scan`: by the system's newest way if it knows it.
    pub(super) fn new(file: File, page_bytes: u64, may_scan: bool) -> Pages {
        Pages {
            file,
            page_bytes,
            can_scan: may_scan,
            found: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Whether `PAGEMAP_SCAN` is in use.
    pub(super) fn can_scan(&self) -> bool {
        self.can_scan
    }

    /// Appends populated runs from the start of `range`, which is that of a page, and returns the address up to which that is all of them.
    /// Clean pages are left out unless `with_clean`.
    pub(super) fn runs(
        &mut self,
        range: Range<u64>,
        with_clean: bool,
        out: &mut Vec<Run>,
    ) -> io::Result<u64> {
        if self.can_scan {
            match self.scan(&range, with_clean, out) {
                Err(error) if is_unknown(&error) => self.can_scan = false,
                done => return done,
            }
        }
        self.read(&range, with_clean, out)
    }

    #[allow(
        unsafe_code,
        reason = "the ioctl fills a structure and an array that it is given"
    )]
    fn scan(&mut self, range: &Range<u64>, with_clean: bool, out: &mut Vec<Run>) -> io::Result<u64> {
        self.found.resize(SCAN_RUNS, PageRegion::default());
        let without = if with_clean { ZERO } else { ZERO | FILE };
        let mut arguments = ScanArguments {
            size: size_of::<ScanArguments>() as u64,
            start: range.start,
            end: range.end,
            vec: self.found.as_mut_ptr() as u64,
            vec_len: self.found.len() as u64,
            category_inverted: without,
            category_mask: without,
            category_anyof_mask: PRESENT | SWAPPED,
            return_mask: FILE | PRESENT | SWAPPED,
            ..ScanArguments::default()
        };
        // SAFETY: `vec` points to `vec_len` structures that live and are not otherwise used during the call, and any bytes
        // are valid for them; `size` is that of the arguments.
        let count = unsafe { call::pagemap_scan(self.file.as_raw_fd(), &raw mut arguments) }?;
        let count = usize::try_from(count).unwrap_or(0).min(self.found.len());
        for found in &self.found[..count] {
            let state = match found.categories {
                categories if categories & PRESENT == 0 => State::Swapped,
                categories if categories & FILE != 0 => State::Clean,
                _ => State::Private,
            };
            pagemap::push(out, found.start..found.end, state);
        }
        Ok(if count < self.found.len() {
            range.end
        } else {
            arguments.walk_end.clamp(range.start, range.end)
        })
    }

    fn read(&mut self, range: &Range<u64>, with_clean: bool, out: &mut Vec<Run>) -> io::Result<u64> {
        self.entries.resize(READ_BYTES, 0);
        let pages = (range.end - range.start).div_ceil(self.page_bytes);
        let wanted = usize::try_from(pages * ENTRY_BYTES)
            .unwrap_or(usize::MAX)
            .min(READ_BYTES);
        let offset = range.start / self.page_bytes * ENTRY_BYTES;
        let read = self.file.read_at(&mut self.entries[..wanted], offset)?;
        let first = out.len();
        pagemap::runs(&self.entries[..read], range.start, self.page_bytes, out);
        if !with_clean {
            let mut at = 0;
            out.retain(|run| {
                at += 1;
                at <= first || run.state != State::Clean
            });
        }
        let end = range.start + (read as u64 / ENTRY_BYTES) * self.page_bytes;
        // Nothing read: the process has ended, or the range is not part of any address space.
        Ok(if read == 0 { range.end } else { end.min(range.end) })
    }
}

/// Whether the kernel, or the file of a fixture, does not know the call.
fn is_unknown(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOTTY | libc::EINVAL | libc::EOPNOTSUPP)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use memmap2::MmapMut;

    fn all(pages: &mut Pages, range: &Range<u64>, with_clean: bool) -> Vec<Run> {
        let (mut out, mut at) = (Vec::new(), range.start);
        while at < range.end {
            at = pages.runs(at..range.end, with_clean, &mut out).unwrap();
        }
        out
    }

    #[test]
    fn both_ways_see_the_same_pages_and_no_others() {
        let page = crate::os::page_bytes();
        // Far more runs than one call returns.
        let mut memory = MmapMut::map_anon(4096 * page as usize).unwrap();
        for index in (0..4096).filter(|index| index % 3 != 0) {
            memory[index * page as usize] = 1;
        }
        let start = memory.as_ptr() as u64;
        let range = start..start + memory.len() as u64;
        let open = || Pages::new(File::open("/proc/self/pagemap").unwrap(), page, true);
        let scanned = all(&mut open(), &range, false);
        let mut plain = open();
        plain.can_scan = false;
        let read = all(&mut plain, &range, false);
        let expected: u64 = (0..4096).filter(|index| index % 3 != 0).count() as u64 * page;
        for runs in [&scanned, &read] {
            assert!(runs.iter().all(|run| run.state == State::Private));
            assert_eq!(
                runs.iter()
                    .map(|run| run.range.end - run.range.start)
                    .sum::<u64>(),
                expected
            );
        }
        assert_eq!(scanned, read);
        assert_eq!(scanned.len(), 1365);
    }

    #[test]
    fn a_huge_reservation_costs_nothing() {
        let memory = memmap2::MmapOptions::new()
            .len(1 << 40)
            .no_reserve_swap()
            .map_anon()
            .unwrap();
        let start = memory.as_ptr() as u64;
        let mut pages = Pages::new(
            File::open("/proc/self/pagemap").unwrap(),
            crate::os::page_bytes(),
            true,
        );
        if pages.scan(&(start..start + 1), false, &mut Vec::new()).is_ok() {
            let begin = std::time::Instant::now();
            assert_eq!(all(&mut pages, &(start..start + (1 << 40)), false), []);
            assert!(begin.elapsed().as_millis() < 100);
        }
    }
}
