//! Pages of all kinds next to each other, with texts anywhere, and where they really are.

use crate::memory::{PAGE, PRIVATE, READ_WRITE, map, peek, poke, protect};
use crate::text::{TEXT_BYTES, byte};
use std::fs::File;
use std::os::unix::fs::FileExt;

const PAGES: usize = 96;
const TEXTS: usize = 60;
const FIXED: i32 = libc::MAP_FIXED;

#[derive(Clone, Copy, PartialEq)]
enum Page {
    /// Never touched.
    Untouched,
    Anonymous,
    /// Anonymous, and forbidden in the end.
    Forbidden,
    /// The same as this page of the file, never changed.
    Clean(usize),
    /// Private and changed.
    Changed,
    /// Shared with the file.
    Shared(usize),
}

/// Small, and the same everywhere (Lehmer).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 40).unwrap_or(0) % bound
    }
}

/// Makes the mixture and returns where its texts are: found by comparing byte for byte.
pub fn prepare(file: &File, seed: u64) -> Vec<usize> {
    // What the tests add, so that runs at the same time have different texts, does not change the layout.
    let mut random = Random(seed & 0xffff_ffff);
    let _ = file.set_len((PAGES * PAGE) as u64);
    let start = map(
        0,
        PAGES * PAGE,
        READ_WRITE,
        PRIVATE | libc::MAP_NORESERVE,
        None,
        0,
    );
    let mut pages = Vec::new();
    for index in 0..PAGES {
        pages.push(page(
            &mut random,
            index,
            pages.last().copied(),
            file,
            start + index * PAGE,
        ));
    }
    for _ in 0..TEXTS {
        let near_end = (1 + random.below(PAGES - 1)) * PAGE - random.below(TEXT_BYTES + 1);
        let at = if random.below(3) == 0 {
            random.below((PAGES - 1) * PAGE)
        } else {
            near_end
        };
        for index in 0..TEXT_BYTES {
            write(
                pages[(at + index) / PAGE],
                file,
                start,
                at + index,
                byte(seed, index),
            );
        }
    }
    let texts = texts(&pages, file, start, seed);
    for (index, _) in pages
        .iter()
        .enumerate()
        .filter(|(_, page)| **page == Page::Forbidden)
    {
        protect(start + index * PAGE, PAGE, libc::PROT_NONE);
    }
    texts
}

/// Chooses a page, and maps it. Pages of the file often go on where the one before ended.
fn page(random: &mut Random, index: usize, before: Option<Page>, file: &File, address: usize) -> Page {
    let in_file = match before {
        Some(Page::Clean(page) | Page::Shared(page)) if page + 1 < PAGES && random.below(4) > 0 => page + 1,
        _ => random.below(PAGES),
    };
    let private = libc::MAP_PRIVATE | FIXED;
    match random.below(8) {
        0 => Page::Untouched,
        1 => {
            poke(address, b'-');
            Page::Forbidden
        }
        2 | 3 => {
            poke(address, b'-');
            Page::Anonymous
        }
        4 | 5 => {
            map(address, PAGE, READ_WRITE, private, Some(file), in_file * PAGE);
            Page::Clean(in_file)
        }
        6 => {
            // The page of the file that a neighbour would have here, so that regions are joined.
            map(address, PAGE, READ_WRITE, private, Some(file), index * PAGE);
            poke(address, b'-');
            Page::Changed
        }
        _ => {
            map(
                address,
                PAGE,
                READ_WRITE,
                libc::MAP_SHARED | FIXED,
                Some(file),
                in_file * PAGE,
            );
            Page::Shared(in_file)
        }
    }
}

fn write(page: Page, file: &File, start: usize, at: usize, value: u8) {
    match page {
        Page::Untouched => {}
        Page::Anonymous | Page::Forbidden | Page::Changed => poke(start + at, value),
        Page::Clean(in_file) | Page::Shared(in_file) => {
            let _ = file.write_at(&[value], (in_file * PAGE + at % PAGE) as u64);
        }
    }
}

fn read(page: Page, file: &File, start: usize, at: usize) -> Option<u8> {
    match page {
        Page::Untouched => None,
        Page::Anonymous | Page::Forbidden | Page::Changed => Some(peek(start + at)),
        Page::Clean(in_file) | Page::Shared(in_file) => {
            let mut value = [0];
            let read = file.read_at(&mut value, (in_file * PAGE + at % PAGE) as u64);
            read.is_ok().then_some(value[0])
        }
    }
}

fn texts(pages: &[Page], file: &File, start: usize, seed: u64) -> Vec<usize> {
    let has_text = |at: usize| {
        let bytes = at..(at + TEXT_BYTES).min(PAGES * PAGE);
        bytes.len() == TEXT_BYTES
            && bytes
                .zip(0..)
                .all(|(at, index)| read(pages[at / PAGE], file, start, at) == Some(byte(seed, index)))
    };
    let mut found: Vec<usize> = Vec::new();
    for at in 0..PAGES * PAGE {
        if found.last().is_none_or(|last| start + at >= last + TEXT_BYTES) && has_text(at) {
            found.push(start + at);
        }
    }
    found
}
