//! Checked parameters.

use crate::params::{AnomalyKind, Filter, Options};
use crate::region::Classes;
use gumshoe_scan::Regex;
use gumshoe_scan::bytes::ByteSet;
use std::ops::Range;
use std::sync::Arc;

/// What an operation does.
#[derive(Debug)]
pub struct Plan {
    /// The searches, by label.
    pub searches: Vec<Search>,
    /// All contents and bytes of all searches.
    pub set: Arc<ByteSet>,
    /// For each pattern of the set, where it comes from.
    pub patterns: Vec<Pattern>,
}

/// One search.
#[derive(Debug)]
pub struct Search {
    /// Its label.
    pub label: String,
    /// Regexes for the program's path.
    pub names: Vec<Named>,
    /// Regexes for paths of mapped files.
    pub libraries: Vec<Named>,
    /// Its patterns in the plan's set.
    pub patterns: Range<usize>,
    /// Processes examined; empty: all.
    pub pids: Vec<u32>,
    /// Users whose processes are examined; empty: all.
    pub users: Vec<User>,
    /// Memory that is read.
    pub classes: Classes,
    /// Signs looked for.
    pub anomalies: Vec<AnomalyKind>,
    /// How to search.
    pub options: Options,
}

/// A regex and how it was written.
#[derive(Debug)]
pub struct Named {
    /// As written.
    pub text: String,
    /// Compiled.
    pub regex: Regex,
}

/// A user as a parameter names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// By number.
    Number(u32),
    /// By name.
    Name(String),
}

/// Where a pattern of the set comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// Index of its search.
    pub search: usize,
    /// Contents or bytes.
    pub filter: Filter,
    /// As written.
    pub text: String,
}

impl Plan {
    /// Whether any search looks for `kind`.
    #[must_use]
    pub fn wants(&self, kind: AnomalyKind) -> bool {
        self.searches
            .iter()
            .any(|search| search.anomalies.contains(&kind))
    }

    /// Whether any search is about this process, as far as its number tells.
    #[must_use]
    pub fn concerns(&self, pid: u32) -> bool {
        self.searches
            .iter()
            .any(|search| search.pids.is_empty() || search.pids.contains(&pid))
    }

    /// Threads asked for by any search; 0: none did.
    #[must_use]
    pub fn threads(&self) -> u32 {
        self.searches
            .iter()
            .map(|search| search.options.threads)
            .max()
            .unwrap_or(0)
    }

    /// Bytes that may be swapped in, by the most generous search.
    #[must_use]
    pub fn swap_bytes(&self) -> u64 {
        self.searches
            .iter()
            .map(|search| search.options.swap_bytes)
            .max()
            .unwrap_or(0)
    }

    /// Bytes that may be read in all, by the strictest search; 0: all.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        let limits = self.searches.iter().map(|search| search.options.max_bytes);
        limits.filter(|&bytes| bytes > 0).min().unwrap_or(0)
    }

    /// Percent of one processor that may be used, by the strictest search; 0: no limit.
    #[must_use]
    pub fn cpu_percent(&self) -> u32 {
        let limits = self.searches.iter().map(|search| search.options.cpu_percent);
        limits.filter(|&percent| percent > 0).min().unwrap_or(0)
    }

    /// Whether any search wants failures listed.
    #[must_use]
    pub fn logs_failures(&self) -> bool {
        self.searches.iter().any(|search| search.options.logfailures)
    }

    /// Whether no search wants file pages read from disk.
    #[must_use]
    pub fn resident_only(&self) -> bool {
        self.searches.iter().all(|search| search.options.resident_only)
    }
}

impl Search {
    /// Whether it looks at memory.
    #[must_use]
    pub fn reads_memory(&self) -> bool {
        !self.patterns.is_empty()
    }
}
