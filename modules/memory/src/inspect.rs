//! One process after the other, the cheap filters first.

use crate::code::build_id;
use crate::collect::{Collector, Located};
use crate::engine::{Engine, Statistics};
use crate::feed::{Feeder, Interrupt, Out};
use crate::finding::{Container, Finding};
use crate::layout::{Runs, is_in_memory};
use crate::mapped::Mapped;
use crate::notes::{self, Notes};
use crate::os::{self, NoFile, OpenFiles, Target};
use crate::parse::pagemap::Run;
use crate::region::{Kind, Region};
use crate::shared::{FileSearcher, Looking, Span};
use crate::survey::{SurveyEnd, Surveyor};
use crate::trial::Trial;
use gumshoe_plugin_api::Flow;
use gumshoe_process::{Kind as ProcessKind, Process, rfc3339, shown};
use gumshoe_scan::bytes::{ByteScan, ByteSelection};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// Combinations of searches whose patterns stay prepared.
const MAX_SELECTIONS: usize = 256;
/// Runs of a process's own pages in one part of a file; beyond, another part begins.
const MAX_PRIVATE_RUNS: usize = 4096;

/// Examines processes. One per thread; keeps its memory.
pub struct Inspector<'e> {
    engine: &'e Engine<'e>,
    surveyor: Surveyor,
    reader: Reader<'e>,
    files: OpenFiles,
    selections: HashMap<Vec<usize>, Arc<ByteSelection>>,
    /// What this thread did.
    pub statistics: Statistics,
}

/// What reads memory.
struct Reader<'e> {
    scan: ByteScan,
    searcher: FileSearcher,
    collector: Collector<'e>,
    feeder: Feeder,
    runs: Runs,
    clean: Vec<Run>,
    span: Option<Span>,
}

impl<'e> Inspector<'e> {
    /// An inspector for one of so many threads.
    pub fn new(engine: &'e Engine<'e>, threads: usize) -> Inspector<'e> {
        let set = &engine.plan.set;
        Inspector {
            engine,
            surveyor: Surveyor::default(),
            reader: Reader {
                scan: ByteScan::new(set),
                searcher: FileSearcher::new(set),
                collector: Collector::new(engine.plan),
                feeder: Feeder::default(),
                runs: Runs::default(),
                clean: Vec::new(),
                span: None,
            },
            files: OpenFiles::new(threads),
            selections: HashMap::new(),
            statistics: Statistics {
                threads: 1,
                ..Statistics::default()
            },
        }
    }

    /// Examines one process and emits what the searches find.
    pub fn inspect(&mut self, pid: u32) {
        let (engine, context) = (self.engine, self.engine.context);
        let described =
            os::take(engine.host, pid).and_then(|handle| Ok((os::describe(engine.host, &handle)?, handle)));
        let (process, handle) = match described {
            Ok(described) => described,
            Err(error) => return notes::process_error(context, pid, &error),
        };
        if process.kind != ProcessKind::Program {
            return;
        }
        let concerning: Vec<usize> = engine.concerning(&process).collect();
        let notes = engine.notes(&process);
        if process.exe.is_none()
            && concerning
                .iter()
                .any(|&search| !engine.plan.searches[search].names.is_empty())
        {
            notes.process("path of the program: permission denied");
        }
        let trials = concerning
            .into_iter()
            .filter_map(|search| Trial::new(search, engine.plan, &process));
        let mut trials: Vec<Trial<'_>> = trials.collect();
        if trials.is_empty() {
            return;
        }
        self.statistics.processes += 1;
        let mut located = Vec::new();
        let mut target = None;
        if trials
            .iter()
            .any(|trial| trial.needs_survey() || trial.search.reads_memory())
        {
            match Target::open(handle, context.root()) {
                Ok(opened) => located = self.examine(&process, target.insert(opened), &mut trials, notes),
                Err(error) if error.is_gone() => {}
                Err(error) => notes.process(notes::why(&error)),
            }
        }
        self.report(&process, target.as_ref(), trials, &located);
    }

    /// Looks at regions and memory, as far as the searches want it.
    fn examine(
        &mut self,
        process: &Process,
        target: &mut Target,
        trials: &mut Vec<Trial<'e>>,
        notes: Notes<'_>,
    ) -> Vec<Located> {
        let mut looking = Looking {
            engine: self.engine,
            notes,
            statistics: &mut self.statistics,
            unread: BTreeMap::new(),
        };
        if trials.iter().any(Trial::needs_survey) {
            match self
                .surveyor
                .survey(process, target, &mut self.files, trials, &mut looking)
            {
                Ok(()) => trials.retain(Trial::is_possible),
                Err(SurveyEnd::Unlisted(error)) if error.is_gone() => note_end(Interrupt::Gone, &notes),
                Err(SurveyEnd::Unlisted(error)) => notes.process(notes::why(&error)),
                Err(SurveyEnd::Interrupted(interrupt)) => note_end(interrupt, &notes),
            }
        }
        let readers = trials.iter().filter(|trial| trial.search.reads_memory());
        let windows: Vec<(usize, Range<u64>)> = readers.map(|trial| (trial.index, trial.window())).collect();
        if windows.is_empty() {
            looking.finish();
            return Vec::new();
        }
        looking.statistics.processes_read += 1;
        let selection = selection(&mut self.selections, self.engine, &windows);
        self.reader.begin(&selection, &windows, self.engine);
        if let Err(interrupt) = self.reader.read(target, &mut self.files, &mut looking) {
            note_end(interrupt, &notes);
        }
        looking.finish();
        self.reader.collector.finish()
    }

    fn report(
        &self,
        process: &Process,
        target: Option<&Target>,
        trials: Vec<Trial<'_>>,
        located: &[Located],
    ) {
        let mut program = None;
        for trial in trials {
            let search = trial.search;
            let Some((matches, anomalies, limited)) = trial.verdict(self.engine.plan, located) else {
                continue;
            };
            let build_id = program.get_or_insert_with(|| {
                target
                    .and_then(Target::program_file)
                    .and_then(|file| build_id(&file))
            });
            let finding = Finding {
                search: search.label.clone(),
                pid: process.pid,
                start_time: rfc3339(process.start_ms),
                exe: process.exe.as_deref().map(shown),
                build_id: build_id.clone(),
                comm: shown(&process.comm),
                uid: process.uid,
                user: self.engine.host.users().of(process.uid).map(str::to_owned),
                container: process.container.as_ref().map(|container| Container {
                    id: container.id.clone(),
                    runtime: container.runtime.to_owned(),
                    cgroup: container.cgroup.clone(),
                }),
                matches,
                anomalies,
                limited,
            };
            if self.engine.context.emit(&finding) == Flow::Stop {
                return;
            }
        }
    }
}

impl<'e> Reader<'e> {
    fn begin(
        &mut self,
        selection: &Arc<ByteSelection>,
        windows: &[(usize, Range<u64>)],
        engine: &Engine<'_>,
    ) {
        self.scan.begin(selection);
        self.collector.begin(windows);
        self.feeder.begin(engine.plan.set.max_match_bytes());
        self.runs.reset();
        self.span = None;
    }

    /// Reads and searches everything that is wanted, in the order of addresses.
    fn read(
        &mut self,
        target: &mut Target,
        files: &mut OpenFiles,
        looking: &mut Looking<'_, 'e>,
    ) -> Result<(), Interrupt> {
        for region in target.regions().map_err(|_| Interrupt::Gone)? {
            let Some(range) = self
                .collector
                .wanted(&region)
                .filter(|_| region.kind() != Kind::Device)
            else {
                continue;
            };
            self.collector.region(region.clone());
            let content = if region.kind() == Kind::File {
                Some(target.mapped(&region, files))
            } else {
                None
            };
            match content {
                None => self.own_pages(&range, target, looking, None)?,
                Some(Ok(mapped)) => self.mapped(&region, &range, &mapped, target, looking)?,
                Some(Err(NoFile::Device)) => {}
                Some(Err(reason)) => self.resident(&region, &range, reason, target, looking)?,
            }
        }
        self.end_span(looking)?;
        let mut out = Out {
            target,
            scan: &mut self.scan,
            collector: &mut self.collector,
        };
        self.feeder.finish(&mut out, looking)?;
        if target.is_alive() {
            Ok(())
        } else {
            Err(Interrupt::Gone)
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
            Some(span)
                if span.goes_on(mapped, &in_file, range.start) && span.private.len() < MAX_PRIVATE_RUNS =>
            {
                span.range.end = in_file.end;
            }
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
            let mut out = Out {
                target,
                scan: &mut self.scan,
                collector: &mut self.collector,
            };
            if let Some((mapped, offset)) = file {
                if rest.start < run.range.start {
                    let offset = offset + (rest.start - range.start);
                    self.feeder
                        .file(rest.start..run.range.start, mapped, offset, &mut out, looking)?;
                }
                if let Some(span) = &mut self.span {
                    span.private.push(run.range.clone());
                }
            }
            rest.start = run.range.end;
            if may_read(&run, looking) {
                self.feeder.process(run.range, &mut out, looking)?;
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
        let (mut at, mut seen) = (range.start - range.start % os::page_bytes(), 0);
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

/// The patterns of the given searches, prepared.
fn selection(
    known: &mut HashMap<Vec<usize>, Arc<ByteSelection>>,
    engine: &Engine<'_>,
    windows: &[(usize, Range<u64>)],
) -> Arc<ByteSelection> {
    let searches: Vec<usize> = windows.iter().map(|(search, _)| *search).collect();
    if known.len() >= MAX_SELECTIONS {
        known.clear();
    }
    let prepare = |searches: &Vec<usize>| {
        let patterns: Vec<usize> = searches
            .iter()
            .flat_map(|&search| engine.plan.searches[search].patterns.clone())
            .collect();
        engine.plan.set.select(&patterns)
    };
    if let Some(selection) = known.get(&searches) {
        return Arc::clone(selection);
    }
    let selection = prepare(&searches);
    known.insert(searches, Arc::clone(&selection));
    selection
}

fn note_end(interrupt: Interrupt, notes: &Notes<'_>) {
    match interrupt {
        Interrupt::Gone => notes.process("ended, or started another program, while it was examined"),
        Interrupt::Stopped => notes.process("not examined to its end: the operation ended"),
        Interrupt::Settled => {}
    }
}
