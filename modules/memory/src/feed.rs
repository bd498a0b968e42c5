//! Puts together what is read of a process and hands it to the scan, in the order of addresses.
//!
//! A process's own pages are read from it, many at once. Pages that are the same as in a file are not: the file is
//! searched for all processes. Only where a process's own pages, or another file, are adjacent to them, a margin of them is
//! read from the file too, as long as the longest match, so that matches over the border are found.

use crate::collect::Collector;
use crate::mapped::{Hole, Mapped};
use crate::os::Target;
use crate::region::Wanted;
use crate::shared::Looking;
use gumshoe_scan::bytes::ByteScan;
use std::ops::Range;
use std::sync::Arc;

/// Bytes read and searched at a time: they stay in the cache between the two.
pub const BATCH_BYTES: usize = 256 << 10;
/// Ranges in a batch.
const MAX_ITEMS: usize = 1024;

/// Why a process is not examined to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// It has ended, or runs another program.
    Gone,
    /// The operation ends.
    Stopped,
    /// There is nothing left to look for.
    Settled,
}

/// Collects what is read next.
#[derive(Debug, Default)]
pub struct Feeder {
    items: Vec<Item>,
    /// Bytes of all items.
    bytes: usize,
    /// Address behind the last byte that was searched.
    searched_to: u64,
    last: Last,
    max_match_bytes: u64,
    /// Addresses before this are not needed any more, because of files that are not searched yet.
    span_start: Option<u64>,
    wanted: Vec<Wanted>,
    holes: Vec<Hole>,
}

/// Adjacent bytes from one source.
#[derive(Debug)]
struct Item {
    address: u64,
    bytes: usize,
    /// File and offset; none: the process.
    file: Option<(Arc<Mapped>, u64)>,
}

/// What came last.
#[derive(Debug, Default)]
enum Last {
    #[default]
    Nothing,
    /// Bytes of the process, up to this address.
    Process(u64),
    File(Piece),
}

/// A part of a file.
#[derive(Debug)]
struct Piece {
    /// Addresses.
    range: Range<u64>,
    /// Address up to which it was read.
    read_to: u64,
    mapped: Arc<Mapped>,
    /// Offset of its first byte.
    offset: u64,
}

/// Where the bytes go.
pub struct Out<'o, 'p> {
    /// The process.
    pub target: &'o mut Target,
    /// Searches them.
    pub scan: &'o mut ByteScan,
    /// Takes the matches.
    pub collector: &'o mut Collector<'p>,
}

impl Feeder {
    /// Forgets everything, for another process.
    pub fn begin(&mut self, max_match_bytes: usize) {
        self.items.clear();
        (self.bytes, self.searched_to, self.last, self.span_start) = (0, 0, Last::Nothing, None);
        self.max_match_bytes = max_match_bytes as u64;
    }

    /// Matches from this address on are still to come, besides those in bytes that are fed.
    pub fn keep_from(&mut self, address: Option<u64>) {
        self.span_start = address;
    }

    /// Takes bytes of the process itself.
    ///
    /// # Errors
    ///
    /// [`Interrupt`].
    pub fn process(
        &mut self,
        range: Range<u64>,
        out: &mut Out<'_, '_>,
        looking: &mut Looking<'_, '_>,
    ) -> Result<(), Interrupt> {
        self.tail(range.start, out, looking)?;
        self.last = Last::Process(range.end);
        self.push(range, None, out, looking)
    }

    /// Takes a part of a file, which starts at `offset`.
    ///
    /// # Errors
    ///
    /// [`Interrupt`].
    pub fn file(
        &mut self,
        range: Range<u64>,
        mapped: &Arc<Mapped>,
        offset: u64,
        out: &mut Out<'_, '_>,
        looking: &mut Looking<'_, '_>,
    ) -> Result<(), Interrupt> {
        if let Last::File(piece) = &mut self.last
            && piece.goes_on(mapped, offset, range.start)
        {
            piece.range.end = range.end;
            return Ok(());
        }
        let is_adjacent = match &self.last {
            Last::Nothing => false,
            Last::Process(end) => *end == range.start,
            Last::File(piece) => piece.range.end == range.start,
        };
        self.tail(range.start, out, looking)?;
        let mut piece = Piece {
            read_to: range.start,
            range,
            mapped: Arc::clone(mapped),
            offset,
        };
        let head_end = piece
            .range
            .end
            .min(piece.range.start.saturating_add(self.max_match_bytes));
        let result = if is_adjacent {
            self.margin(&mut piece, head_end, out, looking)
        } else {
            Ok(())
        };
        self.last = Last::File(piece);
        result
    }

    /// Reads and searches what is left.
    ///
    /// # Errors
    ///
    /// [`Interrupt`].
    pub fn finish(&mut self, out: &mut Out<'_, '_>, looking: &mut Looking<'_, '_>) -> Result<(), Interrupt> {
        self.flush(out, looking)?;
        out.scan.end_segment(out.collector);
        Ok(())
    }

    /// Reads the end of the file that came last, if it is adjacent to what comes next at `address`.
    fn tail(
        &mut self,
        address: u64,
        out: &mut Out<'_, '_>,
        looking: &mut Looking<'_, '_>,
    ) -> Result<(), Interrupt> {
        match std::mem::take(&mut self.last) {
            Last::File(mut piece) if piece.range.end == address => {
                let from = address
                    .saturating_sub(self.max_match_bytes)
                    .max(piece.range.start);
                piece.read_to = piece.read_to.max(from);
                self.margin(&mut piece, address, out, looking)
            }
            _ => Ok(()),
        }
    }

    fn margin(
        &mut self,
        piece: &mut Piece,
        end: u64,
        out: &mut Out<'_, '_>,
        looking: &mut Looking<'_, '_>,
    ) -> Result<(), Interrupt> {
        let range = piece.read_to..end;
        if range.start >= range.end {
            return Ok(());
        }
        piece.read_to = end;
        out.collector.margin(piece.range.start, range.clone());
        let offset = piece.offset + (range.start - piece.range.start);
        self.push(range, Some((Arc::clone(&piece.mapped), offset)), out, looking)
    }

    fn push(
        &mut self,
        range: Range<u64>,
        file: Option<(Arc<Mapped>, u64)>,
        out: &mut Out<'_, '_>,
        looking: &mut Looking<'_, '_>,
    ) -> Result<(), Interrupt> {
        let mut address = range.start;
        while address < range.end {
            let left = usize::try_from(range.end - address).unwrap_or(usize::MAX);
            let count = left.min(BATCH_BYTES - self.bytes);
            match self.items.last_mut() {
                Some(last) if file.is_none() && last.goes_on(address) => last.bytes += count,
                _ => {
                    let file = file
                        .as_ref()
                        .map(|(mapped, offset)| (Arc::clone(mapped), offset + (address - range.start)));
                    self.items.push(Item {
                        address,
                        bytes: count,
                        file,
                    });
                }
            }
            self.bytes += count;
            address += count as u64;
            if self.bytes == BATCH_BYTES || self.items.len() == MAX_ITEMS {
                self.flush(out, looking)?;
            }
        }
        Ok(())
    }

    /// Reads and searches all items.
    fn flush(&mut self, out: &mut Out<'_, '_>, looking: &mut Looking<'_, '_>) -> Result<(), Interrupt> {
        if self.items.is_empty() {
            return Ok(());
        }
        if !looking.engine.may_read(self.bytes as u64) {
            return Err(Interrupt::Stopped);
        }
        // What was searched before is not decided to its end yet.
        let needed = self.searched_to.min(self.span_start.unwrap_or(u64::MAX));
        out.collector
            .forget_before(needed.saturating_sub(2 * self.max_match_bytes));
        self.read(out)?;
        let mut items = std::mem::take(&mut self.items);
        let (mut start, mut hole) = (0, 0);
        for item in &items {
            if item.address != self.searched_to {
                out.scan.segment(item.address, out.collector);
            }
            hole = self.search(item, start, hole, out, looking);
            if item.file.is_none() {
                looking.statistics.process_bytes += item.bytes as u64;
            }
            self.searched_to = item.address + item.bytes as u64;
            start += item.bytes;
        }
        items.clear();
        (self.items, self.bytes) = (items, 0);
        if out.collector.is_settled() {
            Err(Interrupt::Settled)
        } else {
            Ok(())
        }
    }

    /// Fills the scan's space with all items; what cannot be read is in `holes` then.
    fn read(&mut self, out: &mut Out<'_, '_>) -> Result<(), Interrupt> {
        self.holes.clear();
        self.wanted.clear();
        let buffer = out.scan.space(self.bytes);
        let mut start = 0;
        for Item { address, bytes, file } in &self.items {
            let place = start..start + bytes;
            match file {
                None => self.wanted.push(Wanted {
                    address: *address,
                    place: place.clone(),
                }),
                Some((mapped, offset)) => {
                    let first = self.holes.len();
                    mapped.fill_around(&mut buffer[place.clone()], *offset, &mut self.holes);
                    for Hole { place, .. } in &mut self.holes[first..] {
                        *place = place.start + start..place.end + start;
                    }
                }
            }
            start = place.end;
        }
        if !self.wanted.is_empty() {
            out.target
                .read(&self.wanted, buffer, &mut self.holes)
                .map_err(|_| Interrupt::Gone)?;
        }
        self.holes.sort_unstable_by_key(|hole| hole.place.start);
        Ok(())
    }

    /// Searches one item, which starts at `start` of the space; `hole` is the first hole that may lie in it. Returns the
    /// first that lies behind it.
    fn search(
        &self,
        item: &Item,
        start: usize,
        hole: usize,
        out: &mut Out<'_, '_>,
        looking: &mut Looking<'_, '_>,
    ) -> usize {
        let end = start + item.bytes;
        let within = self.holes[hole..]
            .iter()
            .take_while(|hole| hole.place.start < end);
        let (mut done, mut passed) = (start, hole);
        for Hole {
            place: hole,
            is_given_back,
        } in within
        {
            let address = |at: usize| item.address + (at - start) as u64;
            let why = if *is_given_back {
                "given back by the process meanwhile"
            } else {
                "unreadable"
            };
            looking.unread(why, address(hole.start), hole.len() as u64);
            out.scan.filled(hole.start - done, out.collector);
            out.scan.skip(hole.len(), out.collector);
            out.scan.segment(address(hole.end), out.collector);
            (done, passed) = (hole.end, passed + 1);
        }
        out.scan.filled(end - done, out.collector);
        passed
    }
}

impl Item {
    fn goes_on(&self, address: u64) -> bool {
        self.file.is_none() && self.address + self.bytes as u64 == address
    }
}

impl Piece {
    fn goes_on(&self, mapped: &Mapped, offset: u64, address: u64) -> bool {
        let bytes = self.range.end - self.range.start;
        self.mapped.key == mapped.key && self.range.end == address && self.offset + bytes == offset
    }
}
