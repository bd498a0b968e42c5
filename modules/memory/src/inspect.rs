//! One process after the other, the cheap filters first.

use crate::code::build_id;
use crate::collect::Matches;
use crate::engine::{Engine, Statistics};
use crate::feed::Interrupt;
use crate::finding::Finding;
use crate::notes::{self, Notes};
use crate::os::{self, OpenFiles, Target};
use crate::reader::Reader;
use crate::shared::Looking;
use crate::survey::{SurveyEnd, Surveyor};
use crate::trial::{Trial, Verdict};
use gumshoe_plugin_api::Flow;
use gumshoe_process::{Kind as ProcessKind, Process, rfc3339, shown};
use gumshoe_scan::bytes::ByteSelection;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// Combinations of searches whose patterns stay prepared.
const MAX_SELECTIONS: usize = 256;

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

impl<'e> Inspector<'e> {
    /// An inspector for one of so many threads.
    pub fn new(engine: &'e Engine<'e>, threads: usize) -> Inspector<'e> {
        Inspector {
            engine,
            surveyor: Surveyor::default(),
            reader: Reader::new(engine),
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
        let mut found = Matches::default();
        let mut target = None;
        if trials
            .iter()
            .any(|trial| trial.needs_survey() || trial.search.reads_memory())
        {
            match Target::open(handle, context.root()) {
                Ok(opened) => found = self.examine(&process, target.insert(opened), &mut trials, notes),
                Err(error) if error.is_gone() => {}
                Err(error) => notes.process(notes::why(&error)),
            }
        }
        self.report(&process, target.as_ref(), trials, &found);
    }

    /// Looks at regions and memory, as far as the searches want it.
    fn examine(
        &mut self,
        process: &Process,
        target: &mut Target,
        trials: &mut Vec<Trial<'e>>,
        notes: Notes<'_>,
    ) -> Matches {
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
            return Matches::default();
        }
        looking.statistics.processes_read += 1;
        let selection = selection(&mut self.selections, self.engine, &windows);
        self.reader.begin(&selection, &windows);
        if let Err(interrupt) = self.reader.read(target, &mut self.files, &mut looking) {
            note_end(interrupt, &notes);
        }
        looking.finish();
        self.reader.matches()
    }

    fn report(
        &mut self,
        process: &Process,
        target: Option<&Target>,
        trials: Vec<Trial<'_>>,
        found: &Matches,
    ) {
        let mut program = None;
        for trial in trials {
            let label = trial.search.label.clone();
            let Some(verdict) = trial.verdict(self.engine.plan, found) else {
                continue;
            };
            let program = program.get_or_insert_with(|| build_id(&target?.program_file(&mut self.files)?));
            let finding = self.finding(label, process, program.clone(), verdict);
            if self.engine.context.emit(&finding) == Flow::Stop {
                return;
            }
        }
    }

    fn finding(
        &self,
        search: String,
        process: &Process,
        build_id: Option<String>,
        verdict: Verdict,
    ) -> Finding {
        Finding {
            search,
            pid: process.pid,
            start_time: rfc3339(process.start_ms),
            exe: process.exe.as_deref().map(shown),
            build_id,
            comm: shown(&process.comm),
            uid: process.uid,
            user: self.engine.host.users().of(process.uid).map(str::to_owned),
            container: process.container.clone(),
            matches: verdict.matches,
            anomalies: verdict.anomalies,
            limited: verdict.limited,
        }
    }
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
