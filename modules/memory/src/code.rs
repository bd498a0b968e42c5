//! Code that differs from its file.

use crate::engine::Engine;
use crate::feed::Interrupt;
use crate::finding::Anomaly;
use crate::mapped::{Hole, Mapped};
use crate::os::Target;
use crate::params::AnomalyKind;
use crate::parse::elf::{HEAD_BYTES, Image, MAX_TABLE_BYTES};
use crate::parse::pagemap::Run;
use crate::region::{Region, Wanted};
use std::ops::Range;

/// Bytes compared at a time.
const COMPARED_BYTES: usize = 64 << 10;

/// How the process's own pages of a region with code compare with the file.
#[derive(Debug, Default)]
pub struct Comparison {
    process: Vec<u8>,
    file: Vec<u8>,
    holes: Vec<Hole>,
    /// Address of the first byte that differs.
    first: Option<u64>,
    /// Bytes that differ.
    differing: u64,
    /// Ranges of the file that the loader changes; none: not looked up yet.
    relocated: Option<Vec<Range<u64>>>,
}

impl Comparison {
    /// Starts with another region.
    pub fn begin(&mut self) {
        (self.first, self.differing, self.relocated) = (None, 0, None);
    }

    /// Compares a run of pages of the process with the file.
    ///
    /// # Errors
    ///
    /// [`Interrupt::Gone`], [`Interrupt::Stopped`].
    pub fn run(
        &mut self,
        run: &Run,
        region: &Region,
        mapped: &Mapped,
        target: &mut Target,
        engine: &Engine<'_>,
    ) -> Result<(), Interrupt> {
        let mut at = run.range.start;
        while at < run.range.end {
            if engine.is_stopped() {
                return Err(Interrupt::Stopped);
            }
            let count = usize::try_from(run.range.end - at)
                .unwrap_or(usize::MAX)
                .min(COMPARED_BYTES);
            self.process.resize(count, 0);
            self.file.resize(count, 0);
            self.holes.clear();
            let offset = region.offset + (at - region.start);
            let wanted = [Wanted {
                address: at,
                place: 0..count,
            }];
            target
                .read(&wanted, &mut self.process, &mut self.holes)
                .map_err(|_| Interrupt::Gone)?;
            mapped.fill_around(&mut self.file, offset, &mut self.holes);
            self.compare(at, offset, mapped);
            at += count as u64;
        }
        Ok(())
    }

    fn compare(&mut self, address: u64, offset: u64, mapped: &Mapped) {
        if self.process == self.file {
            return;
        }
        let relocated = self.relocated.get_or_insert_with(|| relocated(mapped));
        let pairs = self.process.iter().zip(&self.file).enumerate();
        for (at, _) in pairs.filter(|(_, (process, file))| process != file) {
            let in_file = offset + at as u64;
            let before = relocated.partition_point(|range| range.start <= in_file);
            let is_relocated = before
                .checked_sub(1)
                .is_some_and(|at| relocated[at].contains(&in_file));
            if is_relocated || self.holes.iter().any(|hole| hole.place.contains(&at)) {
                continue;
            }
            self.first.get_or_insert(address + at as u64);
            self.differing += 1;
        }
    }

    /// What is reported of the region.
    pub fn finish(&self, region: &Region) -> Option<Anomaly> {
        let mut anomaly = Anomaly::of_region(AnomalyKind::ModifiedCode, region, self.first?, self.differing);
        anomaly.detail = Some(format!("{} bytes differ from the file", self.differing));
        Some(anomaly)
    }
}

/// Ranges of a file's code that its relocations change, ascending and all of one length: none, but for code that is not position-independent.
fn relocated(mapped: &Mapped) -> Vec<Range<u64>> {
    let head = bytes_of(mapped, 0..HEAD_BYTES);
    let Some(image) = Image::parse(&head) else {
        return Vec::new();
    };
    let Some(dynamic) = image.dynamic() else {
        return Vec::new();
    };
    let tables = image.code_relocations(&bytes_of(mapped, dynamic));
    let changed = tables
        .iter()
        .flat_map(|table| image.changed(&bytes_of(mapped, table.range.clone()), table.is_rela));
    let mut changed: Vec<Range<u64>> = changed.collect();
    changed.sort_unstable_by_key(|range| range.start);
    changed
}

/// The program's build id.
pub fn build_id(mapped: &Mapped) -> Option<String> {
    let image = Image::parse(&bytes_of(mapped, 0..HEAD_BYTES))?;
    image
        .notes()
        .find_map(|range| image.build_id(&bytes_of(mapped, range)))
}

/// Bytes of a file, as many as it has and as a table may have; none where they cannot be read.
fn bytes_of(mapped: &Mapped, range: Range<u64>) -> Vec<u8> {
    let end = range
        .end
        .min(mapped.file_bytes())
        .min(range.start.saturating_add(MAX_TABLE_BYTES));
    let count = usize::try_from(end.saturating_sub(range.start)).unwrap_or(0);
    let (mut bytes, mut holes) = (vec![0; count], Vec::new());
    mapped.fill_around(&mut bytes, range.start, &mut holes);
    if let Some(hole) = holes.first() {
        bytes.truncate(hole.place.start);
    }
    bytes
}
