//! Reads what is wanted of one process's memory, in the order of addresses.

use crate::collect::{Collector, Matches};
use crate::engine::Engine;
use crate::feed::{Feeder, Interrupt, Out};
use crate::layout::{Runs, is_in_memory};
use crate::mapped::Mapped;
use crate::os::{NoFile, OpenFiles, Target, page_bytes};
use crate::parse::pagemap::Run;
use crate::region::{Kind, Perms, Region};
use crate::shared::{FileSearcher, Looking, Span};
use gumshoe_scan::bytes::{ByteScan, ByteSelection};
use std::ops::Range;
use std::sync::Arc;

/// Runs of a process's own pages in one part of a file; beyond, another part begins.
const MAX_PRIVATE_RUNS: usize = 4096;
/// Regions that are kept for matches to come, before what is undecided is decided at the next gap between regions.
const MAX_REGIONS: usize = 4096;
/// Bytes of a region that is worth asking whether the process can have anything in it.
const HUGE_BYTES: u64 = 1 << 30;
/// A region that is this many times as big as all of the process's own memory is next to empty.
const EMPTY_FACTOR: u64 = 16;

/// Reads memory. One per thread; keeps its memory.
pub struct Reader<'e> {
    scan: ByteScan,
    searcher: FileSearcher,
    collector: Collector<'e>,
    feeder: Feeder,
    runs: Runs,
    clean: Vec<Run>,
    span: Option<Span>,
    /// Address behind the last region.
    last_end: u64,
    /// Bytes that the process has of its own, where asking for pages takes time for each address; otherwise none.
    own_bytes: Option<u64>,
    /// Of those, bytes that were found.
    seen_bytes: u64,
    /// Regions that are next to empty, left for later.
    later: Vec<Region>,
}

impl<'e> Reader<'e> {
    /// A reader for the patterns of a plan.
    pub fn new(engine: &Engine<'e>) -> Reader<'e> {
        let set = &engine.plan.set;
        Reader {
            scan: ByteScan::new(set),
            searcher: FileSearcher::new(set),
            collector: Collector::new(engine.plan),
            feeder: Feeder::default(),
            runs: Runs::default(),
            clean: Vec::new(),
            span: None,
            last_end: 0,
            own_bytes: None,
            seen_bytes: 0,
            later: Vec::new(),
        }
    }

    /// Starts with another process, in which `selection` is looked for, each search at its addresses.
    pub fn begin(&mut self, selection: &Arc<ByteSelection>, windows: &[(usize, Range<u64>)]) {
        self.scan.begin(selection);
        self.collector.begin(windows);
        (self.span, self.last_end, self.seen_bytes) = (None, 0, 0);
        self.later.clear();
    }

    /// What was found.
    pub fn matches(&mut self) -> Matches {
        self.collector.finish()
    }

    /// Reads and searches everything that is wanted.
    ///
    /// # Errors
    ///
    /// [`Interrupt`]; what was found until then counts.
    pub fn read(
        &mut self,
        target: &mut Target,
        files: &mut OpenFiles,
        looking: &mut Looking<'_, 'e>,
    ) -> Result<(), Interrupt> {
        self.own_bytes = if target.scans_page_tables() {
            None
        } else {
            target.own_bytes()
        };
        self.restart(looking);
        for region in target.regions().map_err(|_| Interrupt::Gone)? {
            if self.is_next_to_empty(&region) {
                self.later.push(region);
            } else {
                self.region(region, target, files, looking)?;
            }
        }
        self.finish(target, looking)?;
        for region in std::mem::take(&mut self.later) {
            if self.own_bytes.is_some_and(|bytes| self.seen_bytes >= bytes) {
                looking.notes.empty(region.len());
                continue;
            }
            self.restart(looking);
            self.region(region, target, files, looking)?;
            self.finish(target, looking)?;
        }
        Ok(())
    }

    /// Whether asking for all pages of a region costs more than it can bring: runtimes reserve terabytes that the process
    /// may not even access. When everything that it has of its own was found elsewhere, there is nothing in it.
    fn is_next_to_empty(&self, region: &Region) -> bool {
        let own = self
            .own_bytes
            .map(|bytes| bytes.saturating_mul(EMPTY_FACTOR).max(HUGE_BYTES));
        let is_reserved = region.kind() == Kind::Anon && region.perms == Perms::default();
        is_reserved && own.is_some_and(|bytes| region.len() > bytes)
    }

    fn restart(&mut self, looking: &Looking<'_, '_>) {
        self.feeder.begin(looking.engine.plan.set.max_match_bytes());
        self.runs.reset();
    }

    /// Searches what is left, and makes sure that it was the process's.
    fn finish(&mut self, target: &mut Target, looking: &mut Looking<'_, 'e>) -> Result<(), Interrupt> {
        self.end_span(looking)?;
        self.decide(target, looking)?;
        if target.is_alive() {
            Ok(())
        } else {
            Err(Interrupt::Gone)
        }
    }

    /// Searches what is left, to its end.
    fn decide(&mut self, target: &mut Target, looking: &mut Looking<'_, 'e>) -> Result<(), Interrupt> {
        let (scan, collector) = (&mut self.scan, &mut self.collector);
        self.feeder.finish(
            &mut Out {
                target,
                scan,
                collector,
            },
            looking,
        )
    }

    /// Reads one region, as far as it is wanted.
    fn region(
        &mut self,
        region: Region,
        target: &mut Target,
        files: &mut OpenFiles,
        looking: &mut Looking<'_, 'e>,
    ) -> Result<(), Interrupt> {
        let is_adjacent = std::mem::replace(&mut self.last_end, region.end) == region.start;
        let wanted = self.collector.wanted(&region);
        let Some(range) = wanted.filter(|_| region.kind() != Kind::Device) else {
            return Ok(());
        };
        if self.collector.regions() > MAX_REGIONS && !is_adjacent {
            self.end_span(looking)?;
            self.decide(target, looking)?;
            self.collector.forget_before(region.start);
        }
        if region.kind() != Kind::File {
            self.end_span(looking)?;
            self.collector.region(region);
            return self.own_pages(&range, target, looking, None);
        }
        let content = target.mapped(&region, files);
        self.collector.region(region.clone());
        match content {
            Ok(mapped) => self.mapped(&region, &range, &mapped, target, looking),
            Err(NoFile::Device) => Ok(()),
            Err(reason) => self.resident(&region, &range, reason, target, looking),
        }
    }

    /// A region that maps a file which can be read.
    fn mapped(
        &mut self,
        region: &Region,
        range: &Range<u64>,
        mapped: &Arc<Mapped>,
        target: &mut Target,
        looking: &mut Looking<'_, 'e>,
    ) -> Result<(), Interrupt> {
        let offset = region.offset + (range.start - region.start);
        // Behind the end of the file there is nothing that could be read.
        let bytes = (range.end - range.start).min(mapped.bytes().saturating_sub(offset));
        let range = range.start..range.start + bytes;
        if bytes == 0 {
            return Ok(());
        }
        let in_file = offset..offset + bytes;
        match &mut self.span {
            Some(span) if span.goes_on(mapped, &in_file, range.start) => span.range.end = in_file.end,
            _ => {
                self.end_span(looking)?;
                self.feeder.keep_from(Some(range.start));
                let (mapped, name) = (Arc::clone(mapped), region.name.clone());
                self.span = Some(Span {
                    mapped,
                    name,
                    range: in_file,
                    address: range.start,
                    private: Vec::new(),
                });
            }
        }
        if region.perms.shared {
            let mut out = Out {
                target,
                scan: &mut self.scan,
                collector: &mut self.collector,
            };
            return self.feeder.file(range, mapped, offset, &mut out, looking);
        }
        self.own_pages(&range, target, looking, Some((mapped, offset)))
    }

    /// Feeds the process's own pages within `range`, and between them those of the file that is mapped there.
    fn own_pages(
        &mut self,
        range: &Range<u64>,
        target: &mut Target,
        looking: &mut Looking<'_, 'e>,
        file: Option<(&Arc<Mapped>, u64)>,
    ) -> Result<(), Interrupt> {
        let mut rest = range.clone();
        while let Some(run) = self.next_run(target, &rest, looking)? {
            if let Some((mapped, offset)) = file.filter(|_| rest.start < run.range.start) {
                let offset = offset + (rest.start - range.start);
                let (scan, collector) = (&mut self.scan, &mut self.collector);
                let out = &mut Out {
                    target,
                    scan,
                    collector,
                };
                self.feeder
                    .file(rest.start..run.range.start, mapped, offset, out, looking)?;
            }
            self.private(&run, looking)?;
            rest.start = run.range.end;
            self.seen_bytes += run.range.end - run.range.start;
            if may_read(&run, looking) {
                let (scan, collector) = (&mut self.scan, &mut self.collector);
                self.feeder.process(
                    run.range,
                    &mut Out {
                        target,
                        scan,
                        collector,
                    },
                    looking,
                )?;
            }
        }
        if let Some((mapped, offset)) = file.filter(|_| rest.start < rest.end) {
            let offset = offset + (rest.start - range.start);
            let mut out = Out {
                target,
                scan: &mut self.scan,
                collector: &mut self.collector,
            };
            self.feeder.file(rest, mapped, offset, &mut out, looking)?;
        }
        Ok(())
    }

    /// Takes note that a run of pages is not the file's, if there is one.
    fn private(&mut self, run: &Run, looking: &mut Looking<'_, '_>) -> Result<(), Interrupt> {
        let Some(span) = &mut self.span else { return Ok(()) };
        if span.private.len() < MAX_PRIVATE_RUNS {
            span.private.push(run.range.clone());
            return Ok(());
        }
        let rest = span.split_off(&run.range);
        self.end_span(looking)?;
        self.feeder.keep_from(Some(rest.address));
        self.span = Some(rest);
        Ok(())
    }

    fn next_run(
        &mut self,
        target: &mut Target,
        range: &Range<u64>,
        looking: &mut Looking<'_, '_>,
    ) -> Result<Option<Run>, Interrupt> {
        match self.runs.next(target, range) {
            Ok(run) => Ok(run),
            Err(_) if !target.is_alive() => Err(Interrupt::Gone),
            Err(_) => {
                looking.unread("its pages cannot be listed", range.start, range.end - range.start);
                Ok(None)
            }
        }
    }

    /// A region that maps a file which cannot be read: those of its pages that the process has in memory.
    fn resident(
        &mut self,
        region: &Region,
        range: &Range<u64>,
        reason: NoFile,
        target: &mut Target,
        looking: &mut Looking<'_, 'e>,
    ) -> Result<(), Interrupt> {
        if !target.is_alive() {
            return Err(Interrupt::Gone);
        }
        self.end_span(looking)?;
        let (mut at, mut seen) = (range.start - range.start % page_bytes(), 0);
        while at < range.end {
            self.clean.clear();
            let Ok(to) = target.runs(at..range.end, true, &mut self.clean) else {
                break;
            };
            at = to.max(at + 1);
            for mut run in std::mem::take(&mut self.clean) {
                run.range.start = run.range.start.max(range.start);
                seen += run.range.end - run.range.start;
                if may_read(&run, looking) {
                    let mut out = Out {
                        target,
                        scan: &mut self.scan,
                        collector: &mut self.collector,
                    };
                    self.feeder.process(run.range, &mut out, looking)?;
                }
            }
        }
        let unseen = (range.end - range.start).saturating_sub(seen);
        if unseen > 0 {
            looking.notes.file(&region.name, reason.why(), unseen);
        }
        Ok(())
    }

    /// Credits the process with what the part of a file that has come to its end contains.
    fn end_span(&mut self, looking: &mut Looking<'_, '_>) -> Result<(), Interrupt> {
        self.feeder.keep_from(None);
        match self.span.take() {
            Some(span) => self.searcher.credit(&span, &mut self.collector, looking),
            None => Ok(()),
        }
    }
}

/// Whether a run may be read; one that was swapped out only within the budget.
fn may_read(run: &Run, looking: &mut Looking<'_, '_>) -> bool {
    let bytes = run.range.end - run.range.start;
    if is_in_memory(run) {
        return true;
    }
    let may_swap_in = looking.engine.may_swap_in(bytes);
    if may_swap_in {
        looking.statistics.swapped_in_bytes += bytes;
    } else {
        looking.unread("swapped out", run.range.start, bytes);
    }
    may_swap_in
}
