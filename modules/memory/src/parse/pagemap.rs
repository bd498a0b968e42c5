//! `/proc/PID/pagemap`: eight bytes per page.

use std::ops::Range;

/// Bytes of one entry.
pub const ENTRY_BYTES: u64 = 8;

/// What a run of pages holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The process's own bytes, in memory.
    Private,
    /// The same bytes as in the mapped file, in memory.
    Clean,
    /// The process's own bytes, swapped out.
    Swapped,
}

/// Adjacent pages in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Addresses.
    pub range: Range<u64>,
    /// What they hold.
    pub state: State,
}

/// Page is in memory (`Documentation/admin-guide/mm/pagemap.rst`).
const PRESENT: u64 = 1 << 63;
/// Page is swapped out.
const SWAPPED: u64 = 1 << 62;
/// Page belongs to a file or is shared anonymous memory.
const FILE: u64 = 1 << 61;

/// Appends the runs of populated pages that `entries`, for pages from `start` on, describe.
pub fn runs(entries: &[u8], start: u64, page_bytes: u64, out: &mut Vec<Run>) {
    let mut address = start;
    for entry in entries.as_chunks::<8>().0 {
        let state = match u64::from_ne_bytes(*entry) {
            entry if entry & PRESENT != 0 && entry & FILE != 0 => Some(State::Clean),
            entry if entry & PRESENT != 0 => Some(State::Private),
            entry if entry & SWAPPED != 0 && entry & FILE == 0 => Some(State::Swapped),
            _ => None,
        };
        if let Some(state) = state {
            push(out, address..address.saturating_add(page_bytes), state);
        }
        address = address.saturating_add(page_bytes);
    }
}

/// Appends a run, or extends the last one.
pub fn push(out: &mut Vec<Run>, range: Range<u64>, state: State) {
    match out.last_mut() {
        Some(last) if last.range.end == range.start && last.state == state => last.range.end = range.end,
        _ => out.push(Run { range, state }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn runs_are_joined() {
        let entries = [
            PRESENT,
            PRESENT | 5,
            0,
            SWAPPED,
            PRESENT | FILE,
            PRESENT | FILE | 9,
            SWAPPED | FILE,
        ];
        let bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.to_ne_bytes()).collect();
        let mut found = Vec::new();
        runs(&bytes, 0x1000, 0x1000, &mut found);
        let run = |range, state| Run { range, state };
        assert_eq!(
            found,
            [
                run(0x1000..0x3000, State::Private),
                run(0x4000..0x5000, State::Swapped),
                run(0x5000..0x7000, State::Clean)
            ]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>, start: u64) {
            runs(&bytes, start, 4096, &mut Vec::new());
        }
    }
}
