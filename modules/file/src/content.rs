//! Reading a stream once, for all patterns and digests that are wanted of it.

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read},
    sync::Arc,
};

use gumshoe_scan::lines::{LineScan, Selection};
use gumshoe_unpack::Reason;
use rustix::io::Errno;

use crate::{
    condition::{Condition, ContentTest, Mode, Verdict},
    digest::{Algorithm, Hashers},
    parse::digest::to_hex,
    parts::Parts,
    plan::{Plan, Search},
};

/// How the reading of a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// All of it was read, or all that mattered.
    Complete,
    /// It ended before its stated size.
    Short {
        /// Bytes that were missing.
        missing_bytes: u64,
    },
    /// It could not be read on.
    Failed(FailedRead),
    /// The run is to end.
    Stopped,
}

/// Why a stream could not be read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailedRead {
    /// The system's error.
    Io(Errno),
    /// A limit, or damage, of a compressed file.
    Unpack(Reason),
}

impl From<io::Error> for FailedRead {
    fn from(error: io::Error) -> Self {
        let system = || Self::Io(Errno::from_io_error(&error).unwrap_or(Errno::IO));
        Reason::from_io(&error).cloned().map_or_else(system, Self::Unpack)
    }
}

/// When digests are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestTime {
    /// With the patterns, whatever these say: the stream cannot be read again.
    Now,
    /// After the patterns where these may make digests needless.
    WhenNeeded,
}

/// A stream and what is known about it.
pub struct Stream<'s> {
    /// Yields the bytes.
    pub reader: &'s mut dyn Read,
    /// How many there should be.
    pub size: Option<u64>,
}

/// Scans and digests one stream after another. One per thread; keeps its memory.
pub struct Scanner<'a> {
    plan: &'a Plan,
    scan: LineScan,
    hashers: Hashers,
    selections: HashMap<Box<[usize]>, Arc<Selection>>,
    /// Bytes read so far.
    pub bytes_read: u64,
    /// Lines so long that only matches of limited length were sure to be found in them, in the last stream.
    pub long_lines: u64,
}

impl<'a> Scanner<'a> {
    /// A scanner for the plan's patterns.
    #[must_use]
    pub fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            scan: LineScan::new(&plan.patterns),
            hashers: Hashers::default(),
            selections: HashMap::new(),
            bytes_read: 0,
            long_lines: 0,
        }
    }

    /// Reads a stream for some searches and notes the results of their content conditions.
    pub fn scan(
        &mut self,
        stream: &mut Stream<'_>,
        searches: &[usize],
        time: DigestTime,
        verdicts: &mut [Verdict],
        is_stopped: &dyn Fn() -> bool,
    ) -> End {
        let selection = self.selection(searches);
        self.scan.begin(&selection);
        let mut algorithms = self.algorithms(searches, |search| {
            time == DigestTime::Now || search.digests_with_lines()
        });
        if time == DigestTime::Now
            && searches
                .iter()
                .any(|&search| self.plan.searches[search].options.returnsha256)
        {
            algorithms.push(Algorithm::Sha256);
        }
        self.hashers.begin(&algorithms);
        let end = self.read(stream, searches, is_stopped);
        self.scan.finish();
        self.long_lines = self.scan.long_lines();
        self.note_contents(searches, verdicts, &end);
        end
    }

    /// As [`scan`](Self::scan), for a file of which no digest is computed meanwhile: threads share its parts.
    pub fn scan_parts(
        &mut self,
        parts: &Parts<'_>,
        searches: &[usize],
        verdicts: &mut [Verdict],
        is_stopped: &(dyn Fn() -> bool + Sync),
    ) -> End {
        let selection = self.selection(searches);
        self.scan.begin(&selection);
        self.hashers.begin(&[]);
        let plan = self.plan;
        let helper = || {
            let mut scan = LineScan::new(&plan.patterns);
            scan.begin(&selection);
            scan
        };
        let is_decided = |scan: &LineScan| is_decided(plan, scan, searches);
        let outcome = parts.search(&mut self.scan, &helper, &is_decided, is_stopped);
        self.bytes_read += outcome.bytes_read;
        self.long_lines = self.scan.long_lines();
        self.note_contents(searches, verdicts, &outcome.end);
        outcome.end
    }

    /// Whether lines of some searches can be looked for without computing digests meanwhile.
    #[must_use]
    pub fn reads_lines_only(&self, searches: &[usize]) -> bool {
        self.algorithms(searches, Search::digests_with_lines).is_empty()
    }

    /// Whether a stream must be read (again) for digests of searches that may still match.
    #[must_use]
    pub fn missing_digests(&self, searches: &[usize], verdicts: &[Verdict]) -> Vec<Algorithm> {
        let open: Vec<usize> = searches
            .iter()
            .copied()
            .filter(|&search| !verdicts[search].is_failed())
            .collect();
        let mut algorithms = self.algorithms(&open, |_| true);
        algorithms.retain(|&algorithm| self.hashers.digest(algorithm).is_none());
        algorithms
    }

    /// Reads the same stream again, for digests.
    pub fn digest(
        &mut self,
        stream: &mut Stream<'_>,
        algorithms: &[Algorithm],
        is_stopped: &dyn Fn() -> bool,
    ) -> End {
        let nothing = self.selection(&[]);
        self.scan.begin(&nothing);
        self.hashers.resume(algorithms);
        self.read(stream, &[], is_stopped)
    }

    /// Forgets the digests of the stream before, when nothing of the next one is scanned.
    pub fn forget_digests(&mut self) {
        self.hashers.begin(&[]);
    }

    /// Keeps the SHA-256 digest of the last stream, if there is one, for the searches that report it.
    pub fn keep_sha256(&self, searches: &[usize], verdicts: &mut [Verdict]) {
        let Some(digest) = self.hashers.digest(Algorithm::Sha256) else {
            return;
        };
        for &search in searches
            .iter()
            .filter(|&&search| self.plan.searches[search].options.returnsha256)
        {
            verdicts[search].sha256 = Some(to_hex(digest));
        }
    }

    /// Notes the results of digest conditions; what could not be computed does not match.
    pub fn note_digests(&self, searches: &[usize], verdicts: &mut [Verdict]) {
        for &index in searches {
            let (search, verdict) = (&self.plan.searches[index], &mut verdicts[index]);
            for condition in &search.digests {
                match self.hashers.digest(condition.test.algorithm) {
                    Some(digest) => {
                        let value = condition.test.digests.get(digest);
                        verdict.note_as(
                            search.mode,
                            condition,
                            value.is_some(),
                            value.unwrap_or(&condition.value),
                        );
                    }
                    None => verdict.note_unknown(search.mode, std::slice::from_ref(condition)),
                }
            }
        }
    }

    fn read(&mut self, stream: &mut Stream<'_>, searches: &[usize], is_stopped: &dyn Fn() -> bool) -> End {
        let mut missing = stream.size;
        let end = loop {
            if missing == Some(0) || self.is_settled(searches) {
                break End::Complete;
            }
            let space = self.scan.space();
            let length = missing
                .and_then(|missing| usize::try_from(missing).ok())
                .unwrap_or(space.len());
            let length = length.min(space.len());
            match stream.reader.read(&mut space[..length]) {
                Ok(0) => {
                    let short = missing.map(|missing_bytes| End::Short { missing_bytes });
                    break short.unwrap_or(End::Complete);
                }
                Ok(count) => {
                    self.hashers.update(self.scan.filled(count));
                    self.bytes_read += count as u64;
                    missing = missing.map(|missing| missing.saturating_sub(count as u64));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break End::Failed(error.into()),
            }
            if missing != Some(0) && is_stopped() {
                break End::Stopped;
            }
        };
        match end {
            End::Complete | End::Short { .. } => self.hashers.finish(),
            End::Failed(_) | End::Stopped => self.hashers.abort(),
        }
        match end {
            End::Failed(FailedRead::Unpack(Reason::Interrupted(_))) => End::Stopped,
            end => end,
        }
    }

    /// Whether more bytes would change nothing.
    fn is_settled(&self, searches: &[usize]) -> bool {
        !self.hashers.is_active() && is_decided(self.plan, &self.scan, searches)
    }

    fn note_contents(&self, searches: &[usize], verdicts: &mut [Verdict], end: &End) {
        let seen_all = matches!(end, End::Complete | End::Short { .. });
        for &index in searches {
            let (search, verdict) = (&self.plan.searches[index], &mut verdicts[index]);
            for condition in &search.contents {
                let known = known(&self.scan, condition.test);
                // Without a counterexample, "every line" holds; without an example, "some line" does not.
                match known.or(seen_all.then_some(condition.test.every)) {
                    Some(holds) => verdict.note(search.mode, condition, holds),
                    None => verdict.note_unknown(search.mode, std::slice::from_ref(condition)),
                }
            }
        }
    }

    fn algorithms(&self, searches: &[usize], wanted: impl Fn(&Search) -> bool) -> Vec<Algorithm> {
        let searches = searches
            .iter()
            .map(|&search| &self.plan.searches[search])
            .filter(|search| wanted(search));
        let mut algorithms: Vec<Algorithm> = searches
            .flat_map(|search| search.digests.iter().map(|digest| digest.test.algorithm))
            .collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        algorithms
    }

    /// What to look for, for a combination of searches.
    fn selection(&mut self, searches: &[usize]) -> Arc<Selection> {
        if let Some(known) = self.selections.get(searches) {
            return Arc::clone(known);
        }
        let tests = || {
            searches
                .iter()
                .flat_map(|&search| self.plan.searches[search].contents.iter().map(|c| c.test))
        };
        let any: Vec<usize> = tests()
            .filter(|test| !test.every)
            .map(|test| test.pattern)
            .collect();
        let every: Vec<usize> = tests()
            .filter(|test| test.every)
            .map(|test| test.pattern)
            .collect();
        let selection = Arc::new(self.plan.patterns.select(&any, &every));
        if self.selections.len() >= MAX_SELECTIONS {
            self.selections.clear();
        }
        self.selections.insert(searches.into(), Arc::clone(&selection));
        selection
    }
}

/// Whether further lines would change nothing: each pattern is settled, or each search bound to fail.
fn is_decided(plan: &Plan, scan: &LineScan, searches: &[usize]) -> bool {
    let is_lost = |search: &Search| {
        let fails =
            |condition: &Condition<ContentTest>| known(scan, condition.test) == Some(condition.inverted);
        search.mode == Mode::All && search.contents.iter().any(fails)
    };
    scan.settled() || !searches.is_empty() && searches.iter().all(|&search| is_lost(&plan.searches[search]))
}

/// The result of a condition, if no further line can change it.
fn known(scan: &LineScan, test: ContentTest) -> Option<bool> {
    if test.every {
        (!scan.every(test.pattern)).then_some(false)
    } else {
        scan.any(test.pattern).then_some(true)
    }
}

/// Combinations of searches that are remembered.
const MAX_SELECTIONS: usize = 64;
