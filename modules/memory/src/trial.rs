//! One search and one process: what was found of what.

use crate::collect::Located;
use crate::finding::{Anomaly, Matched, anomaly_name, filter_name};
use crate::params::{AnomalyKind, Filter};
use crate::plan::{Plan, Search};
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

    /// What is reported: matches, signs, and of what there may be more. None when the search does not find the process.
    pub fn verdict(
        self,
        plan: &Plan,
        located: &[Located],
    ) -> Option<(Vec<Matched>, Vec<Anomaly>, Vec<String>)> {
        let mine: Vec<&Located> = located
            .iter()
            .filter(|located| self.search.patterns.contains(&located.pattern))
            .collect();
        let count = |pattern: usize| mine.iter().filter(|located| located.pattern == pattern).count();
        let is_found = if self.search.options.matchall {
            self.is_possible() && self.search.patterns.clone().all(|pattern| count(pattern) > 0)
        } else {
            !(self.names.is_empty()
                && self.libraries.is_empty()
                && self.anomalies.is_empty()
                && mine.is_empty())
        };
        if !is_found {
            return None;
        }
        let max = usize::try_from(self.search.options.max_matches).unwrap_or(usize::MAX);
        let mut limited = self.limited;
        for pattern in self
            .search
            .patterns
            .clone()
            .filter(|&pattern| count(pattern) >= max)
        {
            let pattern = &plan.patterns[pattern];
            limited.push(format!("{} {}", filter_name(pattern.filter), pattern.text));
        }
        let plain = |filter, pattern: &str, file| Matched {
            filter,
            pattern: pattern.to_owned(),
            place: None,
            file,
        };
        let mut matches: Vec<Matched> = self
            .names
            .iter()
            .map(|&at| plain(Filter::Name, &self.search.names[at].text, None))
            .collect();
        let libraries = self.libraries.into_iter();
        matches.extend(
            libraries.map(|(at, path)| plain(Filter::Library, &self.search.libraries[at].text, Some(path))),
        );
        matches.extend(mine.into_iter().map(|located| {
            let pattern = &plan.patterns[located.pattern];
            let place = Some(located.place.clone());
            Matched {
                filter: pattern.filter,
                pattern: pattern.text.clone(),
                place,
                file: located.file.clone(),
            }
        }));
        Some((matches, self.anomalies, limited))
    }
}
