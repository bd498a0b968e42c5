//! Maps of sparse tar members: which stretches are stored; the rest is zeros.

use super::{
    pax::decimal,
    tar::{BLOCK_BYTES, number},
};

/// Most stretches that are accepted; the map is kept in memory.
const MAX_SEGMENTS: usize = 65_536;
/// Where the first entry stands in an old GNU header, in one of its continuations, and how many there are.
const HEADER_MAP: (usize, usize) = (386, 4);
const MORE_MAP: (usize, usize) = (0, 21);
const ENTRY_BYTES: usize = 24;

/// A stored stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// A checked map: ascending, without overlap, within `real_size`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Map {
    pub(crate) segments: Vec<Segment>,
    pub(crate) real_size: u64,
}

impl Map {
    /// Checks the order and that the stretches add up to `stored` bytes. `None` when they do not.
    pub(crate) fn new(segments: Vec<Segment>, real_size: u64, stored: u64) -> Option<Self> {
        let mut end = 0_u64;
        let mut sum = 0_u64;
        for segment in &segments {
            if segment.offset < end {
                return None;
            }
            end = segment.offset.checked_add(segment.length)?;
            sum = sum.checked_add(segment.length)?;
        }
        (end <= real_size && sum == stored).then_some(Self { segments, real_size })
    }
}

/// Format 0.1: `offset,length,offset,length`.
pub(crate) fn parse_list(value: &[u8]) -> Option<Vec<Segment>> {
    let numbers = value
        .split(|byte| *byte == b',')
        .take(2 * MAX_SEGMENTS + 1)
        .map(decimal)
        .collect::<Option<Vec<_>>>()?;
    pair(&numbers)
}

/// Offsets and lengths in turn.
pub(crate) fn pair(numbers: &[u64]) -> Option<Vec<Segment>> {
    let (pairs, odd) = numbers.as_chunks::<2>();
    if !odd.is_empty() || pairs.len() > MAX_SEGMENTS {
        return None;
    }
    let segments = pairs.iter().map(|[offset, length]| Segment {
        offset: *offset,
        length: *length,
    });
    Some(segments.collect())
}

/// Old GNU: the entries of the header block; the flag says whether a continuation block follows.
pub(crate) fn parse_header_map(block: &[u8; BLOCK_BYTES]) -> Option<(Vec<Segment>, u64, bool)> {
    let real_size = u64::try_from(number(&block[483..495])?).ok()?;
    let mut segments = Vec::new();
    add_entries(&mut segments, block, HEADER_MAP)?;
    Some((segments, real_size, block[482] != 0))
}

/// Old GNU: the entries of a continuation block; true when another one follows.
pub(crate) fn parse_more_map(segments: &mut Vec<Segment>, block: &[u8; BLOCK_BYTES]) -> Option<bool> {
    add_entries(segments, block, MORE_MAP)?;
    Some(block[504] != 0)
}

fn add_entries(
    segments: &mut Vec<Segment>,
    block: &[u8; BLOCK_BYTES],
    (start, count): (usize, usize),
) -> Option<()> {
    for entry in block[start..].chunks_exact(ENTRY_BYTES).take(count) {
        if entry[0] == 0 {
            break;
        }
        segments.push(Segment {
            offset: u64::try_from(number(&entry[..12])?).ok()?,
            length: u64::try_from(number(&entry[12..])?).ok()?,
        });
    }
    (segments.len() <= MAX_SEGMENTS).then_some(())
}

/// Format 1.0: decimal lines in front of the data (a count, then offsets and lengths), padded to a block.
#[derive(Debug, Default)]
pub(crate) struct MapLines {
    numbers: Vec<u64>,
    digits: Vec<u8>,
}

impl MapLines {
    /// Takes one block of lines. `Some(true)` when the map is complete, `None` when it is no map.
    pub(crate) fn add(&mut self, block: &[u8; BLOCK_BYTES]) -> Option<bool> {
        for byte in block {
            if self.is_complete() {
                return Some(true);
            }
            match byte {
                b'\n' => self.numbers.push(decimal(&std::mem::take(&mut self.digits))?),
                digit if self.digits.len() < 20 => self.digits.push(*digit),
                _ => return None,
            }
        }
        let count = self.numbers.first().copied().unwrap_or_default();
        (count <= MAX_SEGMENTS as u64).then(|| self.is_complete())
    }

    fn is_complete(&self) -> bool {
        let Some((count, rest)) = self.numbers.split_first() else {
            return false;
        };
        count.checked_mul(2) == Some(rest.len() as u64)
    }

    /// The stretches of a complete map.
    pub(crate) fn segments(&self) -> Option<Vec<Segment>> {
        pair(self.numbers.get(1..)?)
    }
}
