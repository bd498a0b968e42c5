//! Walking a tar from front to back. Where the archive is seekable, content is skipped by seeking.

use std::{io::Read, ops::ControlFlow};

use super::{
    input::{Content, Forward, Input},
    member::Anomaly,
    sparse::SparseReader,
    tar_member::{Data, data_bytes, entry_of},
    walker::{Entry, Step, Walker},
};
use crate::{
    parse::{
        name::leaves_folder,
        pax::Extended,
        sparse::{self, Map, MapLines},
        tar::{BLOCK_BYTES, Header, NoHeader, parse_header},
    },
    reason::Reason,
    source::read_full,
};

pub(super) const NAME: &str = "tar";

/// A tar being walked.
struct Tar<'a> {
    input: Forward<'a>,
    /// Extended headers for all members from here on.
    global: Extended,
    /// Extended headers for the next member.
    next: Extended,
    members: u64,
    /// Zero blocks were met: what comes now lies behind an end of archive.
    behind_end: bool,
}

/// Walks all members, those behind end marks too (as `tar --ignore-zeros`), because others may read them.
pub(super) fn walk(walker: &mut Walker<'_>, input: Input<'_>) -> Step {
    let mut tar = Tar {
        input: Forward::new(input),
        global: Extended::default(),
        next: Extended::default(),
        members: 0,
        behind_end: false,
    };
    loop {
        match tar.next_header(walker) {
            Ok(Some(block)) => match tar.take(walker, &block) {
                Ok(step) => step?,
                Err(Ended::Told) => return ControlFlow::Continue(()),
                Err(Ended::Reason(reason)) => return walker.gap(reason),
            },
            Ok(None) => return ControlFlow::Continue(()),
            Err(reason) => return walker.gap(reason),
        }
    }
}

/// Why a tar cannot be read further.
enum Ended {
    /// Not yet reported.
    Reason(Reason),
    /// Reported with the member whose content broke off.
    Told,
}

impl From<Reason> for Ended {
    fn from(reason: Reason) -> Self {
        Self::Reason(reason)
    }
}

/// A header block with its fields.
struct Parsed {
    header: Header,
    block: [u8; BLOCK_BYTES],
}

impl Tar<'_> {
    fn next_header(&mut self, walker: &Walker<'_>) -> Result<Option<Parsed>, Reason> {
        let mut block = [0; BLOCK_BYTES];
        loop {
            walker.budget.check_interrupt()?;
            let offset = self.input.position();
            match read_full(&mut self.input, &mut block)? {
                0 => return Ok(None),
                BLOCK_BYTES => {}
                _ if block.iter().all(|byte| *byte == 0) => return Ok(None),
                _ => return Err(self.early()),
            }
            match parse_header(&block) {
                Ok(header) => return Ok(Some(Parsed { header, block })),
                Err(NoHeader::Zero) => self.behind_end = true,
                Err(_) if self.behind_end => {
                    return Err(Reason::Trailing { format: NAME, offset });
                }
                Err(NoHeader::Checksum) => {
                    return Err(Reason::corrupt(NAME, offset, "wrong header checksum"));
                }
                Err(NoHeader::Size) => {
                    return Err(Reason::corrupt(NAME, offset, "the size is no number"));
                }
            }
        }
    }

    fn early(&self) -> Reason {
        Reason::Truncated {
            format: NAME,
            offset: self.input.position(),
        }
    }

    /// Handles one header with what belongs to it.
    fn take(&mut self, walker: &mut Walker<'_>, parsed: &Parsed) -> Result<Step, Ended> {
        let size = parsed.header.size;
        match parsed.header.type_flag {
            b'x' => self.take_pax(walker, size, false),
            b'g' => self.take_pax(walker, size, true),
            b'L' => {
                let name = self.long_text(walker, size)?;
                self.next.name = name.or(self.next.name.take());
                Ok(ControlFlow::Continue(()))
            }
            b'K' => {
                let link = self.long_text(walker, size)?;
                self.next.link = link.or(self.next.link.take());
                Ok(ControlFlow::Continue(()))
            }
            _ => self.take_member(walker, parsed),
        }
    }

    fn take_pax(&mut self, walker: &mut Walker<'_>, size: u64, global: bool) -> Result<Step, Ended> {
        let offset = self.input.position();
        let limit = walker.budget.limits().extended_header_bytes;
        if size > limit {
            self.skip_padded(size)?;
            return Ok(walker.gap(Reason::Header {
                format: NAME,
                limit,
                seen: size,
            }));
        }
        let records = self.read_padded(size)?;
        let target = if global { &mut self.global } else { &mut self.next };
        if target.add(&records).is_err() {
            let detail = "an extended header record is malformed";
            return Ok(walker.gap(Reason::corrupt(NAME, offset, detail)));
        }
        Ok(ControlFlow::Continue(()))
    }

    /// A GNU long name or link; `None` when it is too long, which is reported.
    fn long_text(&mut self, walker: &mut Walker<'_>, size: u64) -> Result<Option<Vec<u8>>, Ended> {
        // The stored text ends with a NUL.
        if let Err(reason) = walker.budget.check_name(size.saturating_sub(1)) {
            self.skip_padded(size)?;
            // An interrupt cannot come from here, so the walk goes on.
            let _ = walker.gap(reason);
            return Ok(None);
        }
        let mut text = self.read_padded(size)?;
        let length = crate::parse::tar::text(&text).len();
        text.truncate(length);
        Ok(Some(text))
    }

    /// Reads `size` bytes, which the caller has checked against a limit, and the padding.
    fn read_padded(&mut self, size: u64) -> Result<Vec<u8>, Reason> {
        let mut bytes = Vec::new();
        let taken = (&mut self.input).take(size).read_to_end(&mut bytes);
        taken.map_err(|error| Reason::of(&error))?;
        if bytes.len() as u64 != size {
            return Err(self.early());
        }
        self.skip_or_end(padding(size))?;
        Ok(bytes)
    }

    fn skip_padded(&mut self, size: u64) -> Result<(), Reason> {
        let all = size.saturating_add(padding(size));
        if self.input.skip(all)? {
            return Ok(());
        }
        Err(self.early())
    }

    /// The last padding of an archive may be missing.
    fn skip_or_end(&mut self, count: u64) -> Result<(), Reason> {
        self.input.skip(count).map(|_| ())
    }

    fn take_member(&mut self, walker: &mut Walker<'_>, parsed: &Parsed) -> Result<Step, Ended> {
        self.members += 1;
        walker.budget.charge_member(self.members)?;
        let own = std::mem::take(&mut self.next);
        let mut entry = entry_of(&parsed.header, &own, &self.global);
        let size = data_bytes(&parsed.header, &own);
        if let Err(reason) = walker.budget.check_name(entry.name.len() as u64) {
            let limit = usize::try_from(walker.budget.limits().name_bytes).unwrap_or(usize::MAX);
            entry.name.truncate(limit);
            let _ = walker.member_gap(&entry.name, reason);
        }
        if leaves_folder(&entry.name) {
            entry.anomalies.push(Anomaly::UnsafeName);
        }
        match self.sparse_map(parsed, &own, size)? {
            SparseKind::None => self.show(walker, entry, size),
            SparseKind::Map { map, stored } => self.show_sparse(walker, entry, map, stored),
            SparseKind::Bad(reason, stored) => {
                let step = walker.show(entry, Content::Unreadable(reason));
                self.skip_padded(stored)?;
                Ok(step)
            }
        }
    }

    fn show(&mut self, walker: &mut Walker<'_>, entry: Entry, size: u64) -> Result<Step, Ended> {
        let end = self.input.position().saturating_add(size);
        if let Some(slice) = self.input.stored(size) {
            if slice.length() < size {
                return self.show_cut(walker, entry, size);
            }
            let step = walker.show(entry, Content::Stored(slice));
            self.skip_data(end)?;
            return Ok(step);
        }
        let mut data = Data::new(&mut self.input, size);
        let step = walker.show(entry, Content::Stream(&mut data));
        let told = data.failed;
        self.close(step, told, end)
    }

    /// A member that is longer than the rest of a seekable archive.
    fn show_cut(&mut self, walker: &mut Walker<'_>, entry: Entry, size: u64) -> Result<Step, Ended> {
        let mut data = Data::new(&mut self.input, size);
        let step = walker.show(entry, Content::Stream(&mut data));
        let told = data.failed;
        if step.is_continue() && !told {
            return Err(Ended::Reason(self.early()));
        }
        self.close(step, told, 0)
    }

    fn show_sparse(
        &mut self,
        walker: &mut Walker<'_>,
        mut entry: Entry,
        map: Map,
        stored: u64,
    ) -> Result<Step, Ended> {
        let end = self.input.position().saturating_add(stored);
        entry.size_hint = Some(map.real_size);
        let mut data = Data::new(&mut self.input, stored);
        let mut reader = SparseReader::new(&mut data, map, walker.budget);
        let step = walker.show(entry, Content::Stream(&mut reader));
        let told = data.failed;
        self.close(step, told, end)
    }

    /// Moves behind a member's data, unless the walk is over or the archive broke off inside it.
    fn close(&mut self, step: Step, told: bool, end: u64) -> Result<Step, Ended> {
        if step.is_break() {
            return Ok(step);
        }
        if told {
            return Err(Ended::Told);
        }
        self.skip_data(end)?;
        Ok(step)
    }

    fn skip_data(&mut self, end: u64) -> Result<(), Reason> {
        let left = end.saturating_sub(self.input.position());
        if !self.input.skip(left)? {
            return Err(self.early());
        }
        self.skip_or_end(padding(end))
    }

    fn sparse_map(&mut self, parsed: &Parsed, own: &Extended, size: u64) -> Result<SparseKind, Reason> {
        let offset = self.input.position();
        let bad = |stored| {
            let reason = Reason::corrupt(NAME, offset, "malformed map of a sparse file");
            SparseKind::Bad(reason, stored)
        };
        if parsed.header.type_flag == b'S' {
            let map = self.old_map(&parsed.block, size)?;
            return Ok(map.map_or_else(|| bad(size), |map| SparseKind::Map { map, stored: size }));
        }
        if own.sparse.map_in_data {
            return self
                .leading_map(own, size)
                .map(|(map, stored)| map.map_or_else(|| bad(stored), |map| SparseKind::Map { map, stored }));
        }
        if let (Some(segments), Some(real)) = (&own.sparse.map, own.sparse.real_size) {
            let map = Map::new(segments.clone(), real, size);
            return Ok(map.map_or_else(|| bad(size), |map| SparseKind::Map { map, stored: size }));
        }
        if own.sparse.oldest {
            let reason = Reason::Unsupported {
                format: NAME,
                feature: "a sparse file in pax format 0.0".to_owned(),
            };
            return Ok(SparseKind::Bad(reason, size));
        }
        Ok(SparseKind::None)
    }

    /// The map of an old GNU header and its continuation blocks, which are consumed.
    fn old_map(&mut self, block: &[u8; BLOCK_BYTES], size: u64) -> Result<Option<Map>, Reason> {
        let Some((mut segments, real, mut more)) = sparse::parse_header_map(block) else {
            return Ok(None);
        };
        while more {
            let Some(again) = sparse::parse_more_map(&mut segments, &self.block()?) else {
                return Ok(None);
            };
            more = again;
        }
        Ok(Map::new(segments, real, size))
    }

    /// The map in front of the data, and how many bytes of data are left behind it.
    fn leading_map(&mut self, own: &Extended, size: u64) -> Result<(Option<Map>, u64), Reason> {
        let mut lines = MapLines::default();
        let mut left = size;
        loop {
            if left < BLOCK_BYTES as u64 {
                return Ok((None, left));
            }
            let complete = lines.add(&self.block()?);
            left -= BLOCK_BYTES as u64;
            match complete {
                Some(false) => {}
                Some(true) => break,
                None => return Ok((None, left)),
            }
        }
        let real = own.sparse.real_size.unwrap_or_default();
        let map = lines.segments().and_then(|map| Map::new(map, real, left));
        Ok((map, left))
    }

    fn block(&mut self) -> Result<[u8; BLOCK_BYTES], Reason> {
        let mut block = [0; BLOCK_BYTES];
        if read_full(&mut self.input, &mut block)? < BLOCK_BYTES {
            return Err(self.early());
        }
        Ok(block)
    }
}

/// How a member's data is to be read.
enum SparseKind {
    /// As it is.
    None,
    /// Through a map of `stored` bytes.
    Map { map: Map, stored: u64 },
    /// Not at all; that many bytes are to be skipped.
    Bad(Reason, u64),
}

/// Zeros up to the next block.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK_BYTES as u64
}
