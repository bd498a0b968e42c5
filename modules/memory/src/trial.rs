//! One search and one process: what was found of what.

use crate::collect::Matches;
use crate::finding::{Anomaly, Matched, anomaly_name, filter_name};
use crate::params::{AnomalyKind, Filter};
use crate::plan::{Pattern, Plan, Search};
use crate::region::{Kind, Region, without_deleted};
use gumshoe_process::{Process, shown};
use std::ops::Range;

/// Signs of one kind that are listed per process.
const MAX_ANOMALIES: usize = 16;

/// How far a search has come with a process.
#[derive(Debug)]
pub struct Trial<'p> {
    /// Index of the search.
    pub index: usize,
    /// The search.
    pub search: &'p Search,
    /// Indices of the names that match.
    names: Vec<usize>,
    /// Libraries that match: index of the regex, path.
    libraries: Vec<(usize, String)>,
    anomalies: Vec<Anomaly>,
    limited: Vec<String>,
    /// Bytes that may still be examined; none: all.
    left: Option<u64>,
    window_end: u64,
}

/// What is reported of a process that a search finds.
#[derive(Debug)]
pub struct Verdict {
    /// What matched.
    pub matches: Vec<Matched>,
    /// Signs of injected or replaced code.
    pub anomalies: Vec<Anomaly>,
    /// Of what there may be more.
    pub limited: Vec<String>,
}

impl<'p> Trial<'p> {
    /// Tries the names. None when that settles that the search does not find the process.
    pub fn new(index: usize, plan: &'p Plan, process: &Process) -> Option<Trial<'p>> {
        let search = &plan.searches[index];
        let matches = |text: &[u8], at: usize| search.names[at].regex.is_match(text);
        let exe = process.exe.as_deref();
        let names = 0..search.names.len();
        let names: Vec<usize> = names
            .filter(|&at| exe.is_some_and(|exe| matches(without_deleted(exe), at) || matches(exe, at)))
            .collect();
        let is_out = search.options.matchall && names.len() < search.names.len();
        let left = Some(search.options.maxlength).filter(|&length| length > 0);
        let trial = Trial {
            index,
            search,
            names,
            libraries: Vec::new(),
            anomalies: Vec::new(),
            limited: Vec::new(),
            left,
            window_end: u64::MAX,
        };
        (!is_out).then_some(trial)
    }

    /// Whether the list of regions is needed before memory is read.
    pub fn needs_survey(&self) -> bool {
        !self.search.libraries.is_empty() || !self.search.anomalies.is_empty() || self.left.is_some()
    }

    /// Takes note of a region: for the libraries, and for what is left of the length.
    pub fn region(&mut self, region: &Region, is_new_file: bool) {
        if is_new_file && let Some(path) = region.file() {
            self.library(path);
        }
        let starts_at = region.start.max(self.search.options.offset);
        let is_counted = region.kind() != Kind::Device && self.search.classes.meets(region.classes());
        if let Some(left) = self
            .left
            .filter(|&left| left > 0 && is_counted && starts_at < region.end)
        {
            let bytes = region.end - starts_at;
            if bytes >= left {
                self.window_end = starts_at + left;
            }
            self.left = Some(left.saturating_sub(bytes));
        }
    }

    fn library(&mut self, path: &[u8]) {
        let max = usize::try_from(self.search.options.max_matches).unwrap_or(usize::MAX);
        for (index, named) in self
            .search
            .libraries
            .iter()
            .enumerate()
            .filter(|(_, named)| named.regex.is_match(path))
        {
            let path = shown(path);
            let known = self.libraries.iter().filter(|(other, _)| *other == index);
            if known.clone().any(|(_, other)| *other == path) {
                continue;
            }
            if known.count() < max {
                self.libraries.push((index, path));
            } else {
                self.limit(format!("library {}", named.text));
            }
        }
    }

    /// Whether the search looks for signs of this kind.
    pub fn wants(&self, kind: AnomalyKind) -> bool {
        self.search.anomalies.contains(&kind)
    }

    /// Takes a sign, if the search looks for it.
    pub fn anomaly(&mut self, anomaly: &Anomaly) {
        if !self.wants(anomaly.kind) {
            return;
        }
        if self
            .anomalies
            .iter()
            .filter(|other| other.kind == anomaly.kind)
            .count()
            < MAX_ANOMALIES
        {
            self.anomalies.push(anomaly.clone());
        } else {
            self.limit(anomaly_name(anomaly.kind).to_owned());
        }
    }

    fn limit(&mut self, what: String) {
        if !self.limited.contains(&what) {
            self.limited.push(what);
        }
    }

    /// Whether, after the survey, the search may still find the process.
    pub fn is_possible(&self) -> bool {
        let has_library = |index: usize| self.libraries.iter().any(|(other, _)| *other == index);
        !self.search.options.matchall
            || ((0..self.search.libraries.len()).all(has_library)
                && (self.search.anomalies.is_empty() || !self.anomalies.is_empty()))
    }

    /// The addresses that the search looks at.
    pub fn window(&self) -> Range<u64> {
        self.search.options.offset..self.window_end
    }

    /// Whether the search finds the process, in whose memory `found` was found.
    fn is_found(&self, found: &Matches) -> bool {
        let mut patterns = self.search.patterns.clone();
        if self.search.options.matchall {
            return self.is_possible() && patterns.all(|pattern| found.has(pattern));
        }
        let is_empty = self.names.is_empty() && self.libraries.is_empty() && self.anomalies.is_empty();
        !is_empty || patterns.any(|pattern| found.has(pattern))
    }

    /// What is reported; none when the search does not find the process.
    pub fn verdict(self, plan: &Plan, found: &Matches) -> Option<Verdict> {
        if !self.is_found(found) {
            return None;
        }
        let search = self.search;
        let plain = |filter, pattern: &str, file| Matched {
            filter,
            pattern: pattern.to_owned(),
            place: None,
            file,
        };
        let names = self
            .names
            .iter()
            .map(|&at| plain(Filter::Name, &search.names[at].text, None));
        let libraries = self.libraries.into_iter();
        let libraries =
            libraries.map(|(at, path)| plain(Filter::Library, &search.libraries[at].text, Some(path)));
        let located = found.of(&search.patterns).iter().map(|located| {
            let Pattern { filter, text, .. } = &plan.patterns[located.pattern];
            let (place, file) = (Some(located.place.clone()), located.file.clone());
            Matched {
                filter: *filter,
                pattern: text.clone(),
                place,
                file,
            }
        });
        let full = search.patterns.clone().filter(|&pattern| found.is_full(pattern));
        let full = full.map(|pattern| &plan.patterns[pattern]);
        let full = full.map(|pattern| format!("{} {}", filter_name(pattern.filter), pattern.text));
        Some(Verdict {
            matches: names.chain(libraries).chain(located).collect(),
            anomalies: self.anomalies,
            limited: self.limited.into_iter().chain(full).collect(),
        })
    }
}
