//! What all threads of a run share: the plan, the tally of findings and errors, the way to the host.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use gumshoe_plugin_api::{Context, Flow, Skipped};
use gumshoe_unpack::Total;
use gumshoe_walk::Base;
use serde::Serialize;

use crate::{
    condition::Surroundings,
    finding::{Container, Finding},
    plan::Plan,
};

/// Bytes that all compressed files of an operation may yield together.
const UNPACKED_BYTES: u64 = 256 << 30;

/// Milliseconds between two messages about progress.
const PROGRESS_MS: u64 = 500;

/// Numbers about a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Statistics {
    /// Folders that were read.
    pub folders: u64,
    /// Names that were looked at.
    pub entries: u64,
    /// Files that were opened and read, members of archives included.
    pub files_read: u64,
    /// Bytes that were read, after decompression.
    pub bytes_read: u64,
    /// Findings.
    pub findings: u64,
    /// Containers whose roots were searched.
    pub containers: u64,
}

impl Statistics {
    /// Adds another thread's numbers.
    pub fn add(&mut self, other: &Self) {
        self.folders += other.folders;
        self.entries += other.entries;
        self.files_read += other.files_read;
        self.bytes_read += other.bytes_read;
        self.findings += other.findings;
        self.containers += other.containers;
    }
}

/// One search's progress in a run.
#[derive(Debug, Default)]
struct Progress {
    found: AtomicU64,
    exhausted: AtomicBool,
    errors: AtomicU64,
}

/// The progress of a run, over all roots it walks.
#[derive(Debug)]
pub struct Tally {
    searches: Vec<Progress>,
    unlisted_errors: AtomicU64,
    over: AtomicBool,
    begin: Instant,
    /// Milliseconds after the beginning at which progress was last told.
    told_ms: AtomicU64,
    folders: AtomicU64,
    /// Held while threads share one file: one file at a time, so that threads do not multiply.
    pub dividing: Mutex<()>,
    /// What decompression may still yield.
    pub unpacked: Total,
}

impl Tally {
    /// Nothing found yet.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self {
            searches: plan.searches.iter().map(|_| Progress::default()).collect(),
            unlisted_errors: AtomicU64::new(0),
            over: AtomicBool::new(false),
            begin: Instant::now(),
            told_ms: AtomicU64::new(0),
            folders: AtomicU64::new(0),
            dividing: Mutex::new(()),
            unpacked: Total::new(UNPACKED_BYTES),
        }
    }
}

/// Something that was in scope and could not be examined.
#[derive(Debug, Clone)]
pub struct Gap<'g> {
    /// What kind of thing.
    pub what: &'static str,
    /// Why; few different texts, since each makes an entry of its own.
    pub why: String,
    /// Which one.
    pub path: &'g Path,
    /// How many of them.
    pub count: u64,
    /// How many bytes of it, when known.
    pub bytes: u64,
    /// How it is reported.
    pub weight: Weight,
}

/// What a gap means for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The question leaves it out.
    ByDesign,
    /// The answer is incomplete.
    Incomplete,
    /// The same, and it is listed as an error.
    Error,
}

/// One walk of a run: the host's files, or a container's.
pub struct Engine<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The way to the host.
    pub context: &'a Context,
    /// Progress.
    pub tally: &'a Tally,
    /// What is walked.
    pub base: &'a Base,
    /// What metadata is compared with.
    pub surroundings: Surroundings,
    /// Whose files these are, when not the host's own.
    pub container: Option<Container>,
    /// Threads that walk.
    pub threads: usize,
    /// For each root of the walk, which search it belongs to and where it really lies.
    pub roots: Vec<SearchRoot>,
}

/// One path of one search.
#[derive(Debug, Clone)]
pub struct SearchRoot {
    /// Index of the search.
    pub search: usize,
    /// The path with links resolved, as the system shows it; `None` when it could not be resolved.
    pub real_path: Option<PathBuf>,
}

impl Engine<'_> {
    /// Whether nothing more is wanted.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.tally.over.load(Ordering::Relaxed)
    }

    /// Whether the run is to end, asking the host too.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        if !self.is_over() && self.context.stopped().is_some() {
            self.tally.over.store(true, Ordering::Relaxed);
        }
        self.is_over()
    }

    /// How many threads may work on one file: what this host has processors for, and what the run may have.
    #[must_use]
    pub fn parallelism(&self) -> usize {
        thread::available_parallelism()
            .map_or(1, usize::from)
            .min(self.threads)
    }

    /// Whether a search has all the findings that it may have.
    #[must_use]
    pub fn is_exhausted(&self, search: usize) -> bool {
        self.tally
            .searches
            .get(search)
            .is_none_or(|progress| progress.exhausted.load(Ordering::Relaxed))
    }

    /// Hands over a finding; tells whether it was taken. Past the search's limit it is not, and that is reported once.
    pub fn emit(&self, search: usize, make: impl FnOnce() -> Finding) -> bool {
        let (Some(progress), Some(asked)) = (self.tally.searches.get(search), self.plan.searches.get(search))
        else {
            return false;
        };
        let limit = asked.options.matchlimit;
        if progress.found.fetch_add(1, Ordering::Relaxed) >= limit {
            if !progress.exhausted.swap(true, Ordering::Relaxed) {
                let why = format!("limit reached: matchlimit = {limit}");
                self.context.skipped(
                    Skipped::one("rest of a search", why).example(format!("search {}", asked.label)),
                );
                self.end_if_all_are_exhausted();
            }
            return false;
        }
        if self.context.emit(&make()) == Flow::Stop {
            self.tally.over.store(true, Ordering::Relaxed);
        }
        true
    }

    fn end_if_all_are_exhausted(&self) {
        if self
            .tally
            .searches
            .iter()
            .all(|progress| progress.exhausted.load(Ordering::Relaxed))
        {
            self.tally.over.store(true, Ordering::Relaxed);
        }
    }

    /// Reports a gap that concerns these searches.
    pub fn report(&self, gap: &Gap<'_>, searches: impl IntoIterator<Item = usize>) {
        let shown = self.shown(gap.path);
        let entry = Skipped::one(gap.what, gap.why.as_str())
            .count(gap.count)
            .bytes(gap.bytes)
            .example(shown.as_str());
        self.context.skipped(if gap.weight == Weight::ByDesign {
            entry.by_design()
        } else {
            entry
        });
        if gap.weight == Weight::Error {
            self.list_error(&format!("{} {shown}: {}", gap.what, gap.why), searches);
        }
    }

    /// Lists an error while one of the searches may list more; counts it otherwise.
    fn list_error(&self, message: &str, searches: impl IntoIterator<Item = usize>) {
        let mut listed = false;
        for search in searches {
            let limit = self
                .plan
                .searches
                .get(search)
                .map_or(0, |search| search.options.maxerrors);
            let errors = self
                .tally
                .searches
                .get(search)
                .map(|progress| progress.errors.fetch_add(1, Ordering::Relaxed));
            listed |= errors.is_some_and(|errors| errors < limit);
        }
        if listed {
            self.context.error(message);
        } else {
            self.tally.unlisted_errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn shown(&self, path: &Path) -> String {
        match &self.container {
            Some(container) => format!("{} in {}", path.display(), container.words()),
            None => path.display().to_string(),
        }
    }
}

impl Tally {
    /// Counts a folder and tells the host about progress now and then.
    pub fn count_folder(&self, context: &Context) {
        let folders = self.folders.fetch_add(1, Ordering::Relaxed) + 1;
        let now_ms = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let told_ms = self.told_ms.load(Ordering::Relaxed);
        let is_due = now_ms.saturating_sub(told_ms) >= PROGRESS_MS;
        if is_due
            && self
                .told_ms
                .compare_exchange(told_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            context.progress(folders, None, "folders");
        }
    }

    /// Says how many errors were not listed.
    pub fn finish(&self, context: &Context) {
        match self.unlisted_errors.load(Ordering::Relaxed) {
            0 => {}
            count => context.error(format_args!(
                "{count} more errors, not listed because of maxerrors"
            )),
        }
    }
}
