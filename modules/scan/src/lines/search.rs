//! The loops: what runs over a buffer of whole lines, or over a part of one long line.

use super::set::{Filter, LineSet, Selection};
use crate::automaton::Automaton;
use crate::caches::{Cached, Caches};
use crate::group::Group;
use memchr::{memchr, memrchr};
use regex_automata::Input;
use std::ops::Range;
use std::sync::Arc;

/// Hits after which a literal filter's usefulness is judged.
const NOISE_HITS: usize = 64;
/// Bytes per hit below which literals are given up in favour of the regex.
const NOISE_BYTES_PER_HIT: usize = 64;

/// What is known of one pattern in the current file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct State {
    any: bool,
    every_failed: bool,
    /// Some part of the current long line matched.
    in_long_line: bool,
    /// End of the last line on which it was tried, in the current buffer: it is not tried there again.
    tried_to: usize,
}

/// The searcher's state in one thread: answers for the current file, and caches of the regexes.
#[derive(Debug)]
pub(super) struct Searcher {
    set: Arc<LineSet>,
    states: Vec<State>,
    caches: Caches,
    /// Patterns of the selection whose answer is still open.
    open: usize,
}

/// Where a part of a long line lies in its buffer.
///
/// The bytes of `haystack` outside `span` are context: with them, `^`, `$` and `\b` see what the line has there.
#[derive(Debug, Clone)]
pub(super) struct Window<'h> {
    pub(super) haystack: &'h [u8],
    pub(super) span: Range<usize>,
}

/// The line that contains an offset.
#[derive(Debug, Clone, Copy, Default)]
struct Bounds {
    start: usize,
    /// Offset of its `\n`, or the end of the buffer.
    end: usize,
}

impl Searcher {
    pub(super) fn new(set: &Arc<LineSet>) -> Searcher {
        Searcher {
            set: Arc::clone(set),
            states: vec![State::default(); set.len()],
            caches: Caches::default(),
            open: 0,
        }
    }

    /// Forgets the answers of the file before.
    pub(super) fn reset(&mut self, selection: &Selection) {
        self.states.fill(State::default());
        let findable: usize = selection
            .filters
            .iter()
            .map(|filter| filter.patterns().len())
            .sum();
        self.open = findable + selection.every.len();
    }

    /// Takes over the answers of a searcher with the same selection that are final.
    pub(super) fn merge(&mut self, other: &Searcher) {
        for (pattern, state) in other.states.iter().enumerate().take(self.states.len()) {
            if state.any {
                self.found(pattern);
            }
            if state.every_failed {
                self.failed(pattern);
            }
        }
    }

    pub(super) fn any(&self, pattern: usize) -> bool {
        self.states.get(pattern).is_some_and(|state| state.any)
    }

    pub(super) fn every(&self, pattern: usize) -> bool {
        self.states.get(pattern).is_some_and(|state| !state.every_failed)
    }

    pub(super) fn settled(&self) -> bool {
        self.open == 0
    }

    /// Searches whole lines. The last `\n` is not part of `lines`, so an empty `lines` is one empty line.
    pub(super) fn lines(&mut self, selection: &Selection, lines: &[u8]) {
        for filter in &selection.filters {
            match filter {
                Filter::Literals(group) => self.by_literals(group, lines),
                Filter::Regex(pattern) => self.by_regex(*pattern, lines, 0),
                Filter::Automaton { automaton, patterns } => self.by_automaton(automaton, patterns, lines),
            }
        }
        for &pattern in &selection.every {
            self.every_line(pattern, lines);
        }
    }

    /// Searches a part of a long line.
    pub(super) fn window(&mut self, selection: &Selection, window: &Window<'_>) {
        for filter in &selection.filters {
            if let Filter::Literals(filter) = filter
                && filter.finder.find(window.haystack, window.span.start).is_none()
            {
                continue;
            }
            for &pattern in filter.patterns() {
                if !self.states[pattern].any && self.matches(pattern, window) {
                    self.found(pattern);
                }
            }
        }
        for &pattern in &selection.every {
            let state = self.states[pattern];
            if !state.every_failed && !state.in_long_line {
                self.states[pattern].in_long_line = self.matches(pattern, window);
            }
        }
    }

    /// The long line is over: patterns that had to match it and did not are decided.
    pub(super) fn end_of_long_line(&mut self, selection: &Selection) {
        for &pattern in &selection.every {
            if !std::mem::take(&mut self.states[pattern].in_long_line) {
                self.failed(pattern);
            }
        }
    }

    /// Tries the members of a group on each line in which one of their literals occurs.
    fn by_literals(&mut self, group: &Group, lines: &[u8]) {
        if !self.start(&group.members) {
            return;
        }
        let (mut at, mut hits, mut line) = (0, 0, None);
        while let Some(hit) = group.finder.find(lines, at) {
            let bounds = Bounds::around(lines, hit.start, line);
            line = Some(bounds);
            for owner in &group.owners[hit.literal] {
                self.try_line(owner.id, lines, bounds);
            }
            if self.all_found(&group.members) {
                return;
            }
            at = if group.members.len() == 1 {
                bounds.end
            } else {
                hit.start + 1
            };
            hits += 1;
            if hits >= NOISE_HITS && at < hits * NOISE_BYTES_PER_HIT {
                return self.one_by_one(&group.members, lines, bounds.start);
            }
        }
    }

    /// Tries patterns on each line in which their common automaton matches.
    fn by_automaton(&mut self, automaton: &Cached<Automaton>, patterns: &[usize], lines: &[u8]) {
        if !self.start(patterns) {
            return;
        }
        let mut at = 0;
        while at <= lines.len() && !patterns.iter().any(|&pattern| self.states[pattern].any) {
            let cache = self.caches.automaton(automaton);
            let Ok(found) = automaton.engine.first_end(cache, lines, at..lines.len()) else {
                break;
            };
            let Some(end) = found else { return };
            let bounds = Bounds::around(lines, end, None);
            for &pattern in patterns {
                self.try_line(pattern, lines, bounds);
            }
            at = bounds.end + 1;
        }
        // With a pattern found, the automaton would stop wherever that matches again.
        self.one_by_one(patterns, lines, at);
    }

    /// Searches each of `patterns` with its own regex, from `at` on, which starts a line.
    fn one_by_one(&mut self, patterns: &[usize], lines: &[u8], at: usize) {
        for &pattern in patterns {
            self.by_regex(pattern, lines, at);
        }
    }

    /// Tries a pattern on each line in which its regex for buffers matches, from `at` on, which starts a line.
    fn by_regex(&mut self, pattern: usize, lines: &[u8], at: usize) {
        let mut at = at;
        while self.start(&[pattern]) && at <= lines.len() {
            let Some(end) = self.next_match(pattern, lines, at) else {
                return;
            };
            let bounds = Bounds::around(lines, end, None);
            self.try_line(pattern, lines, bounds);
            at = bounds.end + 1;
        }
    }

    /// Prepares a pass of `patterns` over a new buffer; false when all of them are found already.
    fn start(&mut self, patterns: &[usize]) -> bool {
        for &pattern in patterns {
            self.states[pattern].tried_to = 0;
        }
        !self.all_found(patterns)
    }

    fn all_found(&self, patterns: &[usize]) -> bool {
        patterns.iter().all(|&pattern| self.states[pattern].any)
    }

    /// Tries a pattern on one line, unless it is found already or was tried there.
    fn try_line(&mut self, pattern: usize, lines: &[u8], bounds: Bounds) {
        let state = &mut self.states[pattern];
        if state.any || state.tried_to > bounds.end {
            return;
        }
        state.tried_to = bounds.end + 1;
        if self.line_matches(pattern, bounds.of(lines)) {
            self.found(pattern);
        }
    }

    /// Tries a pattern on line after line until one does not match.
    fn every_line(&mut self, pattern: usize, lines: &[u8]) {
        let mut start = 0;
        while !self.states[pattern].every_failed && start <= lines.len() {
            let end = memchr(b'\n', &lines[start..]).map_or(lines.len(), |length| start + length);
            if !self.line_matches(pattern, Bounds { start, end }.of(lines)) {
                self.failed(pattern);
            }
            start = end + 1;
        }
    }

    fn found(&mut self, pattern: usize) {
        let state = &mut self.states[pattern];
        self.open -= usize::from(!state.any);
        state.any = true;
    }

    fn failed(&mut self, pattern: usize) {
        let state = &mut self.states[pattern];
        self.open -= usize::from(!state.every_failed);
        state.every_failed = true;
    }

    fn line_matches(&mut self, pattern: usize, line: &[u8]) -> bool {
        self.matches(
            pattern,
            &Window {
                haystack: line,
                span: 0..line.len(),
            },
        )
    }

    fn matches(&mut self, pattern: usize, window: &Window<'_>) -> bool {
        let regex = &self.set.patterns[pattern].line;
        let input = Input::new(window.haystack)
            .span(window.span.clone())
            .earliest(true);
        regex
            .engine
            .search_half_with(self.caches.regex(regex), &input)
            .is_some()
    }

    /// End of the match that ends first at or after `at`.
    fn next_match(&mut self, pattern: usize, lines: &[u8], at: usize) -> Option<usize> {
        let regex = &self.set.patterns[pattern].buffer;
        let input = Input::new(lines).range(at..).earliest(true);
        regex
            .engine
            .search_half_with(self.caches.regex(regex), &input)
            .map(|found| found.offset())
    }
}

impl Bounds {
    /// The line around `at`. `last` is the line of an earlier offset, which saves looking for it again.
    fn around(lines: &[u8], at: usize, last: Option<Bounds>) -> Bounds {
        if let Some(last) = last.filter(|last| at <= last.end) {
            return last;
        }
        let start = memrchr(b'\n', &lines[..at]).map_or(0, |newline| newline + 1);
        let end = memchr(b'\n', &lines[at..]).map_or(lines.len(), |length| at + length);
        Bounds { start, end }
    }

    /// The line's bytes, without a `\r` at its end.
    fn of(self, lines: &[u8]) -> &[u8] {
        without_return(&lines[self.start..self.end])
    }
}

/// `line` without one `\r` at its end.
pub(super) fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

impl Filter {
    fn patterns(&self) -> &[usize] {
        match self {
            Filter::Literals(group) => &group.members,
            Filter::Regex(pattern) => std::slice::from_ref(pattern),
            Filter::Automaton { patterns, .. } => patterns,
        }
    }
}
