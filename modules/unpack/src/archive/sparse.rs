//! Content of sparse tar members: stored stretches with zeros between them.

use std::io::{self, Read};

use crate::{budget::Budget, parse::sparse::Map, reason::Reason};

/// Yields the member as it was on disk. Zeros that are made up are booked as output.
pub(super) struct SparseReader<'a> {
    stored: &'a mut dyn Read,
    budget: &'a Budget<'a>,
    map: Map,
    /// The stretch that is next or being read.
    segment: usize,
    position: u64,
    stored_bytes: u64,
}

impl<'a> SparseReader<'a> {
    pub(super) fn new(stored: &'a mut dyn Read, map: Map, budget: &'a Budget<'a>) -> Self {
        Self {
            stored,
            budget,
            map,
            segment: 0,
            position: 0,
            stored_bytes: 0,
        }
    }

    /// How many bytes come next, and whether they are stored.
    fn next_run(&mut self) -> (u64, bool) {
        while let Some(segment) = self.map.segments.get(self.segment) {
            let end = segment.offset + segment.length;
            if self.position < segment.offset {
                return (segment.offset - self.position, false);
            }
            if self.position < end {
                return (end - self.position, true);
            }
            self.segment += 1;
        }
        (self.map.real_size - self.position, false)
    }

    fn make_zeros(&self, out: &mut [u8]) -> Result<usize, Reason> {
        out.fill(0);
        let count = out.len() as u64;
        self.budget.charge_output(count)?;
        self.budget
            .check_ratio(self.stored_bytes, self.position + count)?;
        Ok(out.len())
    }
}

impl Read for SparseReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let (run, stored) = self.next_run();
        let length = out.len().min(usize::try_from(run).unwrap_or(usize::MAX));
        let out = &mut out[..length];
        if out.is_empty() {
            return Ok(0);
        }
        let count = if stored {
            self.stored.read(out)?
        } else {
            self.make_zeros(out).map_err(Reason::into_io)?
        };
        if stored {
            self.stored_bytes += count as u64;
        }
        self.position += count as u64;
        Ok(count)
    }
}
