//! The loops: what runs over a block of a segment.

use super::needle::{Check, Needle};
use super::plan::{ByteSelection, Combined};
use super::set::ByteSet;
use crate::caches::Caches;
use crate::group::{Group, Owner};
use regex_automata::{Anchored, Input};
use std::ops::Range;
use std::sync::Arc;

/// Hits after which a group's usefulness in a block is judged.
const NOISE_HITS: usize = 64;
/// Bytes per hit below which literals are given up for the rest of the block.
const NOISE_BYTES_PER_HIT: usize = 64;
/// Bytes that a byte-wise comparison gets through in the time a regex takes for one.
const COMPARED_BYTES_PER_STEP: usize = 8;
/// Hits of settled patterns after which a plan without them is made.
const MAX_WASTED: usize = 256;

/// Where a pattern matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Match {
    /// Number of the pattern.
    pub pattern: usize,
    /// Address of the first byte.
    pub address: u64,
    /// Length in bytes; of a match longer than the set's `max_match_bytes`, at least so many.
    pub length: usize,
    /// Whether it is the pattern's UTF-16LE form that matched.
    pub wide: bool,
}

/// Takes matches as they are found.
pub trait Sink {
    /// Takes one match and says whether it counts towards the pattern's `max_matches`.
    fn found(&mut self, found: &Match) -> bool;
}

/// Keeps all matches.
impl Sink for Vec<Match> {
    fn found(&mut self, found: &Match) -> bool {
        self.push(*found);
        true
    }
}

/// A block of a segment and its surroundings.
#[derive(Debug, Clone)]
pub(super) struct View<'h> {
    /// The block with what lies around it. At least `max_match_bytes` and one byte more are there on each side, unless the
    /// segment starts or ends before.
    pub(super) haystack: &'h [u8],
    /// The block: each match is found by the one block that holds its literal, or its start where it has none.
    pub(super) block: Range<usize>,
    /// Offset of `haystack` in the segment.
    pub(super) offset: u64,
    /// Whether the segment ends with `haystack`.
    pub(super) is_end: bool,
}

/// The search's state in one thread.
#[derive(Debug)]
pub(super) struct Searcher {
    set: Arc<ByteSet>,
    plan: Arc<ByteSelection>,
    caches: Caches,
    /// Matches so far, per pattern.
    counts: Vec<usize>,
    /// Patterns looked for and not settled.
    open: usize,
    needles: Vec<State>,
    /// Hits that led to settled patterns only.
    wasted: usize,
    /// Address of the segment.
    segment: u64,
}

/// What is known of one needle.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// Offset in the segment from which on its next match may start.
    resume: u64,
    /// Steps spent on trying hits in this block.
    spent: usize,
    /// Whether the rest of the block was searched directly.
    is_done: bool,
}

impl View<'_> {
    /// End of the bytes that a regex may consume: beyond it there is context, or the end of the segment.
    fn visible(&self) -> usize {
        if self.is_end {
            self.haystack.len()
        } else {
            self.haystack.len().saturating_sub(1)
        }
    }
}

impl Searcher {
    pub(super) fn new(set: &Arc<ByteSet>) -> Searcher {
        Searcher {
            plan: set.select(&[]),
            caches: Caches::default(),
            counts: vec![0; set.len()],
            open: 0,
            needles: vec![State::default(); set.needles.len()],
            wasted: 0,
            segment: 0,
            set: Arc::clone(set),
        }
    }

    pub(super) fn begin(&mut self, selection: &Arc<ByteSelection>) {
        self.plan = Arc::clone(selection);
        self.counts.fill(0);
        self.open = selection.patterns.len();
        self.wasted = 0;
        self.segment(0);
    }

    pub(super) fn segment(&mut self, address: u64) {
        self.segment = address;
        self.needles.fill(State::default());
    }

    pub(super) fn max_match_bytes(&self) -> usize {
        self.set.max_match_bytes
    }

    pub(super) fn is_settled(&self) -> bool {
        self.open == 0
    }

    pub(super) fn has_settled(&self, pattern: usize) -> bool {
        self.counts
            .get(pattern)
            .is_some_and(|&count| count >= self.set.max_matches[pattern])
    }

    /// Searches one block.
    pub(super) fn search(&mut self, view: &View<'_>, sink: &mut dyn Sink) {
        for state in &mut self.needles {
            (state.spent, state.is_done) = (0, false);
        }
        let plan = Arc::clone(&self.plan);
        for group in &plan.groups {
            self.by_literals(group, view, sink);
        }
        for combined in &plan.automata {
            self.by_automaton(combined, view, sink);
        }
        if self.wasted >= MAX_WASTED {
            self.replan();
        }
    }

    /// Goes on with a plan without the settled patterns.
    fn replan(&mut self) {
        self.wasted = 0;
        let open = self
            .plan
            .patterns
            .iter()
            .copied()
            .filter(|&pattern| !self.has_settled(pattern))
            .collect();
        if let Some(plan) = self.set.plans.get(&self.set, open) {
            self.plan = plan;
        }
    }

    /// Tries the needles of a group wherever one of their literals starts in the block.
    fn by_literals(&mut self, group: &Group, view: &View<'_>, sink: &mut dyn Sink) {
        if !self.any_open(&group.members) {
            return;
        }
        let end = view.haystack.len().min(view.block.end + group.literal_bytes - 1);
        let haystack = &view.haystack[..end];
        let (mut at, mut hits) = (view.block.start, 0);
        while let Some(hit) = group
            .finder
            .find(haystack, at)
            .filter(|hit| hit.start < view.block.end)
        {
            let mut wasted = true;
            for owner in &group.owners[hit.literal] {
                wasted &= !self.is_open(owner.id);
                self.try_hit(owner, hit.start, view, sink);
            }
            self.wasted += usize::from(wasted);
            at = hit.start + 1;
            hits += 1;
            if hits >= NOISE_HITS && at - view.block.start < hits * NOISE_BYTES_PER_HIT {
                return self.one_by_one(&group.members, view, at, sink);
            }
        }
    }

    /// Searches needles that share an automaton, when that says that any of them matches.
    fn by_automaton(&mut self, combined: &Combined, view: &View<'_>, sink: &mut dyn Sink) {
        if !self.any_open(&combined.needles) {
            return;
        }
        if let Some(automaton) = &combined.automaton {
            let end = view.visible().min(view.block.end + self.set.max_match_bytes);
            let cache = self.caches.automaton(automaton);
            let span = view.block.start.min(end)..end;
            if automaton.engine.first_end(cache, view.haystack, span) == Ok(None) {
                return;
            }
            if combined.needles.iter().any(|&needle| !self.is_open(needle)) {
                self.wasted = MAX_WASTED;
            }
        }
        for &needle in &combined.needles {
            self.directly(needle, view, view.block.start, sink);
        }
    }

    /// Searches what is left of the block for each of `needles`; hits before `at` have been tried.
    fn one_by_one(&mut self, needles: &[usize], view: &View<'_>, at: usize, sink: &mut dyn Sink) {
        for &needle in needles {
            if !self.is_open(needle) {
                self.wasted += 1;
            } else if !self.needles[needle].is_done {
                self.directly(needle, view, at.saturating_sub(self.set.max_match_bytes), sink);
            }
        }
    }

    /// Tries a needle where a literal of it starts.
    fn try_hit(&mut self, owner: &Owner, hit: usize, view: &View<'_>, sink: &mut dyn Sink) {
        let needle = owner.id;
        if !self.is_open(needle) || self.needles[needle].is_done {
            return;
        }
        let Some(literal) = hit.checked_sub(owner.shift) else {
            return;
        };
        let set = Arc::clone(&self.set);
        let (found, steps) = self.check(&set.needles[needle], needle, literal, view);
        if let Some(found) = found {
            self.found(needle, found, view, sink);
        }
        let state = &mut self.needles[needle];
        state.spent += steps;
        if state.spent > view.block.len() {
            self.directly(needle, view, hit.saturating_sub(self.set.max_match_bytes), sink);
        }
    }

    /// The match of a needle around its literal at `literal`, and the steps that deciding took at most.
    fn check(
        &mut self,
        needle: &Needle,
        number: usize,
        literal: usize,
        view: &View<'_>,
    ) -> (Option<Range<usize>>, usize) {
        let resume = self.resume(number, view);
        let max = self.set.max_match_bytes;
        match &needle.check {
            Check::Masked(masked) => {
                let start = literal
                    .checked_sub(masked.before)
                    .filter(|&start| start >= resume);
                let range = start.map(|start| start..start + masked.len());
                let is_match = |range: &Range<usize>| {
                    view.haystack
                        .get(range.clone())
                        .is_some_and(|b| masked.matches(b))
                };
                (range.filter(is_match), masked.len() / COMPARED_BYTES_PER_STEP)
            }
            Check::Anchored { before } => {
                let Some(start) = literal.checked_sub(*before).filter(|&start| start >= resume) else {
                    return (None, 1);
                };
                let end = view.visible().min(start.saturating_add(max));
                let input = Input::new(view.haystack)
                    .range(start..end.max(start))
                    .anchored(Anchored::Yes);
                let cache = self.caches.regex(&needle.regex);
                let found = needle.regex.engine.search_half_with(cache, &input);
                (
                    found.map(|found| start..found.offset()),
                    end.saturating_sub(start),
                )
            }
            Check::Around { before } => {
                let start = literal.saturating_sub(before.unwrap_or(max).min(max)).max(resume);
                let end = view.visible().min(literal.saturating_add(max)).max(start);
                let found = self.find(needle, view, start..end);
                (found.filter(|found| found.start <= literal), end - start)
            }
        }
    }

    /// Searches a needle with its regex alone, for matches that start at `from` or later and within the block.
    fn directly(&mut self, number: usize, view: &View<'_>, from: usize, sink: &mut dyn Sink) {
        self.needles[number].is_done = true;
        let set = Arc::clone(&self.set);
        let end = view
            .visible()
            .min(view.block.end.saturating_add(set.max_match_bytes));
        let mut from = from;
        while self.is_open(number) {
            from = from.max(self.resume(number, view));
            if from >= end {
                return;
            }
            match self.find(&set.needles[number], view, from..end) {
                Some(found) if found.start < view.block.end => self.found(number, found, view, sink),
                _ => return,
            }
        }
    }

    fn find(&mut self, needle: &Needle, view: &View<'_>, span: Range<usize>) -> Option<Range<usize>> {
        if let Check::Masked(masked) = &needle.check
            && masked.finds_itself()
        {
            return masked.find(view.haystack, span);
        }
        let input = Input::new(view.haystack).span(span);
        let cache = self.caches.regex(&needle.regex);
        needle
            .regex
            .engine
            .search_with(cache, &input)
            .map(|found| found.range())
    }

    /// Offset in the haystack from which on the needle's next match may start.
    fn resume(&self, needle: usize, view: &View<'_>) -> usize {
        usize::try_from(self.needles[needle].resume.saturating_sub(view.offset)).unwrap_or(usize::MAX)
    }

    fn found(&mut self, number: usize, range: Range<usize>, view: &View<'_>, sink: &mut dyn Sink) {
        let Needle { pattern, wide, .. } = self.set.needles[number];
        let address = self
            .segment
            .wrapping_add(view.offset)
            .wrapping_add(range.start as u64);
        self.needles[number].resume = view.offset + range.end as u64;
        if sink.found(&Match {
            pattern,
            address,
            length: range.len(),
            wide,
        }) {
            self.counts[pattern] += 1;
            self.open -= usize::from(self.has_settled(pattern));
        }
    }

    fn is_open(&self, needle: usize) -> bool {
        !self.has_settled(self.set.needles[needle].pattern)
    }

    fn any_open(&self, needles: &[usize]) -> bool {
        needles.iter().any(|&needle| self.is_open(needle))
    }
}
