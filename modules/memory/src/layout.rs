//! Populated pages of a process, in address order, looked up as they are needed.

use crate::os::{Target, page_bytes};
use crate::parse::pagemap::{Run, State};
use std::collections::VecDeque;
use std::io;
use std::ops::Range;

/// Address up to which the page tables are asked about at once, where the system allows it: the end of what programs use
/// on 64-bit systems unless they ask for more.
const LOOK_AHEAD_TO: u64 = 0x7fff_ffff_f000;

/// The runs of a process's own pages. Addresses asked for must ascend.
#[derive(Debug)]
pub struct Runs {
    found: VecDeque<Run>,
    /// Address up to which `found` is complete.
    known_to: u64,
    looks_ahead: bool,
    fresh: Vec<Run>,
}

impl Default for Runs {
    fn default() -> Self {
        Self {
            found: VecDeque::new(),
            known_to: 0,
            looks_ahead: true,
            fresh: Vec::new(),
        }
    }
}

impl Runs {
    /// Forgets everything, for another process.
    pub fn reset(&mut self) {
        self.found.clear();
        (self.known_to, self.looks_ahead) = (0, true);
    }

    /// The first run within `range`, cut to it; none when there is no other.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn next(&mut self, target: &mut Target, range: &Range<u64>) -> io::Result<Option<Run>> {
        loop {
            while self.found.front().is_some_and(|run| run.range.end <= range.start) {
                self.found.pop_front();
            }
            if let Some(run) = self.found.front() {
                let cut = run.range.start.max(range.start)..run.range.end.min(range.end);
                return Ok((cut.start < cut.end).then_some(Run {
                    range: cut,
                    state: run.state,
                }));
            }
            let from = self.known_to.max(range.start);
            if from >= range.end {
                return Ok(None);
            }
            self.fetch(target, from - from % page_bytes(), range.end)?;
        }
    }

    fn fetch(&mut self, target: &mut Target, from: u64, to: u64) -> io::Result<()> {
        self.fresh.clear();
        let ahead = self.looks_ahead && target.scans_page_tables() && to <= LOOK_AHEAD_TO;
        let range = from..if ahead { LOOK_AHEAD_TO } else { to };
        self.known_to = match target.runs(range, false, &mut self.fresh) {
            Err(_) if ahead => {
                self.looks_ahead = false;
                target.runs(from..to, false, &mut self.fresh)?
            }
            known => known?,
        };
        self.found.extend(self.fresh.drain(..));
        Ok(())
    }
}

/// What of `range` is in none of `holes`, which ascend.
pub fn without(range: Range<u64>, holes: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut parts = Vec::with_capacity(holes.len() + 1);
    let mut start = range.start;
    for hole in holes {
        if hole.start.min(range.end) > start {
            parts.push(start..hole.start.min(range.end));
        }
        start = start.max(hole.end);
    }
    if start < range.end {
        parts.push(start..range.end);
    }
    parts
}

/// Whether a run may be read without asking for anything to be swapped in.
pub fn is_in_memory(run: &Run) -> bool {
    run.state != State::Swapped
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "lists of ranges, some of one")]
mod tests {
    use super::*;

    #[test]
    fn holes_are_taken_out() {
        type Ranges = &'static [Range<u64>];
        let cases: [(Ranges, Ranges); 4] = [
            (&[], &[10..20]),
            (&[10..20], &[]),
            (&[5..12, 14..15, 19..30], &[12..14, 15..19]),
            (&[25..30], &[10..20]),
        ];
        for (holes, expected) in cases {
            assert_eq!(without(10..20, holes), expected);
        }
    }
}
