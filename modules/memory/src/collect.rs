//! Matches of one process, as they are found.

use crate::finding::Place;
use crate::plan::{Plan, Search};
use crate::region::{Kind, Region};
use gumshoe_process::shown;
use gumshoe_scan::bytes::{Match, Sink};
use std::collections::VecDeque;
use std::ops::Range;

/// Matches of one process that are kept; beyond, one of each further pattern is.
const MAX_KEPT: usize = 10_000;

/// Collects the matches of one process and knows what is still looked for.
///
/// Bytes come in ascending order of their addresses, regions before their bytes.
#[derive(Debug)]
pub struct Collector<'p> {
    plan: &'p Plan,
    /// Per search that looks at the memory of this process: the addresses that it looks at.
    windows: Vec<Option<Range<u64>>>,
    /// Per pattern: matches that are listed.
    counts: Vec<u32>,
    /// Patterns of which more may be listed.
    open: usize,
    /// Regions that bytes may still come from.
    regions: VecDeque<Region>,
    /// Bytes of files that were read with a process's own: what matches within one is found in the file itself.
    margins: VecDeque<Margin>,
    found: Vec<Located>,
}

/// Adjacent bytes of one file, read so that matches that begin or end in a process's own bytes are found.
#[derive(Debug)]
struct Margin {
    /// Address of the piece of the file.
    piece: u64,
    /// Addresses of the bytes.
    range: Range<u64>,
}

/// A match with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Number of the pattern.
    pub pattern: usize,
    /// Address of the first byte.
    pub address: u64,
    /// Where it is, for the report.
    pub place: Place,
    /// The mapped file.
    pub file: Option<String>,
}

/// What was found in one process.
#[derive(Debug, Default)]
pub struct Matches {
    /// By pattern and address.
    located: Vec<Located>,
    /// Patterns of which there may be more, ascending.
    full: Vec<usize>,
}

impl Matches {
    /// The matches of some patterns.
    pub fn of(&self, patterns: &Range<usize>) -> &[Located] {
        let index = |pattern: usize| self.located.partition_point(|located| located.pattern < pattern);
        &self.located[index(patterns.start)..index(patterns.end)]
    }

    /// Whether a pattern matched.
    pub fn has(&self, pattern: usize) -> bool {
        !self.of(&(pattern..pattern + 1)).is_empty()
    }

    /// Whether there may be more matches of a pattern.
    pub fn is_full(&self, pattern: usize) -> bool {
        self.full.binary_search(&pattern).is_ok()
    }
}

impl<'p> Collector<'p> {
    /// A collector for one process after the other.
    pub fn new(plan: &'p Plan) -> Collector<'p> {
        Collector {
            plan,
            windows: vec![None; plan.searches.len()],
            counts: vec![0; plan.patterns.len()],
            open: 0,
            regions: VecDeque::new(),
            margins: VecDeque::new(),
            found: Vec::new(),
        }
    }

    /// Starts a process in which the given searches look at the given addresses.
    pub fn begin(&mut self, windows: &[(usize, Range<u64>)]) {
        self.windows.fill(None);
        self.counts.fill(0);
        self.regions.clear();
        self.margins.clear();
        self.found.clear();
        for (search, window) in windows {
            self.windows[*search] = Some(window.clone());
        }
        self.open = windows
            .iter()
            .map(|(search, _)| self.plan.searches[*search].patterns.len())
            .sum();
    }

    /// The part of `region` that any search looks at.
    pub fn wanted(&self, region: &Region) -> Option<Range<u64>> {
        let classes = region.classes();
        let searches = self.plan.searches.iter().zip(&self.windows);
        let windows = searches
            .filter(|(search, _)| search.classes.meets(classes))
            .filter_map(|(_, window)| window.as_ref());
        let all = windows
            .cloned()
            .reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))?;
        let range = all.start.max(region.start)..all.end.min(region.end);
        (range.start < range.end).then_some(range)
    }

    /// A region whose bytes come next.
    pub fn region(&mut self, region: Region) {
        self.regions.push_back(region);
    }

    /// Bytes of a file at `range` are among those that come next; they belong to the piece of it that starts at `piece`.
    pub fn margin(&mut self, piece: u64, range: Range<u64>) {
        match self.margins.back_mut() {
            Some(last) if last.piece == piece && last.range.end == range.start => last.range.end = range.end,
            _ => self.margins.push_back(Margin { piece, range }),
        }
    }

    /// Forgets what lies before `address`: no match starts there any more.
    pub fn forget_before(&mut self, address: u64) {
        while self.regions.front().is_some_and(|region| region.end <= address) {
            self.regions.pop_front();
        }
        while self
            .margins
            .front()
            .is_some_and(|margin| margin.range.end < address)
        {
            self.margins.pop_front();
        }
    }

    /// Regions that are kept for matches to come.
    pub fn regions(&self) -> usize {
        self.regions.len()
    }

    /// Whether nothing more is to be listed.
    pub fn is_settled(&self) -> bool {
        self.open == 0
    }

    /// Whether more matches of `pattern` are to be listed.
    pub fn is_open(&self, pattern: usize) -> bool {
        let search = self.search(pattern);
        self.windows[self.plan.patterns[pattern].search].is_some()
            && self.counts[pattern] < search.options.max_matches
    }

    /// Takes a match in a file, at the address where the process maps it.
    pub fn in_file(&mut self, pattern: usize, range: Range<u64>, wide: bool) {
        self.take(pattern, range, wide);
    }

    /// What was found.
    pub fn finish(&mut self) -> Matches {
        let mut found = std::mem::take(&mut self.found);
        found.sort_unstable_by_key(|found| (found.pattern, found.place.wide, found.address));
        // A match over the border of a file may overlap one that was found in the file alone: the first counts.
        found.dedup_by(|later, first| {
            let is_same = (later.pattern, later.place.wide) == (first.pattern, first.place.wide);
            is_same && later.address < first.address.saturating_add(first.place.length)
        });
        found.sort_unstable_by_key(|found| (found.pattern, found.address));
        let is_full = |&pattern: &usize| self.counts[pattern] >= self.search(pattern).options.max_matches;
        let full = (0..self.counts.len()).filter(is_full).collect();
        Matches { located: found, full }
    }

    /// Takes a match, if a search looks for it there and has not enough. Says whether it did.
    fn take(&mut self, pattern: usize, range: Range<u64>, wide: bool) -> bool {
        if !self.is_open(pattern) {
            return false;
        }
        let Some(region) = self.region_at(range.start) else {
            return false;
        };
        let search = self.search(pattern);
        let window = self.windows[self.plan.patterns[pattern].search].as_ref();
        if !search.classes.meets(region.classes())
            || window.is_none_or(|window| !window.contains(&range.start))
        {
            return false;
        }
        let located = Located {
            pattern,
            address: range.start,
            place: Place::new(region, range.start, range.end - range.start, wide),
            file: (region.kind() == Kind::File).then(|| shown(&region.name)),
        };
        let is_full = self.found.len() >= MAX_KEPT && self.counts[pattern] > 0;
        self.counts[pattern] = if is_full {
            search.options.max_matches
        } else {
            self.counts[pattern] + 1
        };
        if !is_full {
            self.found.push(located);
        }
        self.open -= usize::from(!self.is_open(pattern));
        true
    }

    fn region_at(&self, address: u64) -> Option<&Region> {
        let at = self.regions.partition_point(|region| region.end <= address);
        self.regions.get(at).filter(|region| region.start <= address)
    }

    fn search(&self, pattern: usize) -> &'p Search {
        &self.plan.searches[self.plan.patterns[pattern].search]
    }
}

impl Sink for Collector<'_> {
    fn found(&mut self, found: &Match) -> bool {
        let range = found.address..found.address.saturating_add(found.length as u64);
        let holds = |margin: &Margin| margin.range.start <= range.start && range.end <= margin.range.end;
        if self.margins.iter().any(holds) {
            return false;
        }
        self.take(found.pattern, range, found.wide)
    }
}
