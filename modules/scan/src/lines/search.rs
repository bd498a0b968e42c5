//! The loops: what runs over a buffer of whole lines, or over a part of one long line.

use super::set::{Cached, Filter, LineSet, LiteralFilter, Selection};
use memchr::{memchr, memrchr};
use regex_automata::{Input, meta::Cache};
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
    caches: Vec<Option<Box<Cache>>>,
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
            caches: Vec::new(),
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

    pub(super) fn any(&self, pattern: usize) -> bool {
        self.states.get(pattern).is_some_and(|state| state.any)
    }

    pub(super) fn every(&self, pattern: usize) -> bool {
        self.states
            .get(pattern)
            .is_some_and(|state| !state.every_failed)
    }

    pub(super) fn settled(&self) -> bool {
        self.open == 0
    }

    /// Searches whole lines. The last `\n` is not part of `lines`, so an empty `lines` is one empty line.
    pub(super) fn lines(&mut self, selection: &Selection, lines: &[u8]) {
        for filter in &selection.filters {
            match filter {
                Filter::Literals(filter) => self.by_literals(filter, lines),
                Filter::Automaton { regex, patterns } => {
                    self.by_automaton(regex, patterns, lines, 0)
                }
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
                && filter
                    .finder
                    .find(window.haystack, window.span.start)
                    .is_none()
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

    /// Tries the patterns of a filter on each line in which one of their literals occurs.
    fn by_literals(&mut self, filter: &LiteralFilter, lines: &[u8]) {
        if !self.start(&filter.patterns) {
            return;
        }
        let (mut at, mut hits, mut line) = (0, 0, None);
        while let Some(hit) = filter.finder.find(lines, at) {
            let bounds = Bounds::around(lines, hit.start, line);
            line = Some(bounds);
            for &pattern in &filter.owners[hit.literal] {
                self.try_line(pattern, lines, bounds);
            }
            if self.all_found(&filter.patterns) {
                return;
            }
            at = if filter.patterns.len() == 1 {
                bounds.end
            } else {
                hit.start + 1
            };
            hits += 1;
            if hits >= NOISE_HITS && at < hits * NOISE_BYTES_PER_HIT {
                return self.directly(&filter.patterns, lines, bounds.start);
            }
        }
    }

    /// Tries patterns on each line in which their common automaton matches, from `at` on.
    fn by_automaton(&mut self, regex: &Cached, patterns: &[usize], lines: &[u8], at: usize) {
        if !self.start(patterns) {
            return;
        }
        let mut at = at;
        while let Some(end) = self.next_match(regex, lines, at) {
            let bounds = Bounds::around(lines, end, None);
            for &pattern in patterns {
                self.try_line(pattern, lines, bounds);
            }
            let found = patterns
                .iter()
                .filter(|&&pattern| self.states[pattern].any)
                .count();
            if found == patterns.len() || bounds.end >= lines.len() {
                return;
            }
            at = bounds.end + 1;
            if found > 0 {
                // The automaton would go on to stop at lines of patterns that are found already.
                return self.directly(patterns, lines, at);
            }
        }
    }

    /// Searches each of `patterns` with its own regex, from `at` on, which starts a line.
    fn directly(&mut self, patterns: &[usize], lines: &[u8], at: usize) {
        let set = Arc::clone(&self.set);
        for pattern in patterns {
            self.by_automaton(
                &set.patterns[*pattern].buffer,
                std::slice::from_ref(pattern),
                lines,
                at,
            );
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
        let Cached { regex, slot } = &self.set.patterns[pattern].line;
        let input = Input::new(window.haystack)
            .span(window.span.clone())
            .earliest(true);
        regex
            .search_half_with(cache(&mut self.caches, regex, *slot), &input)
            .is_some()
    }

    /// End of the match that ends first at or after `at`.
    fn next_match(
        &mut self,
        Cached { regex, slot }: &Cached,
        lines: &[u8],
        at: usize,
    ) -> Option<usize> {
        let input = Input::new(lines).range(at..).earliest(true);
        regex
            .search_half_with(cache(&mut self.caches, regex, *slot), &input)
            .map(|found| found.offset())
    }
}

/// The cache in `slot`, made when first used.
fn cache<'c>(
    caches: &'c mut Vec<Option<Box<Cache>>>,
    regex: &regex_automata::meta::Regex,
    slot: usize,
) -> &'c mut Cache {
    if caches.len() <= slot {
        caches.resize_with(slot + 1, || None);
    }
    caches[slot].get_or_insert_with(|| Box::new(regex.create_cache()))
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
            Filter::Literals(filter) => &filter.patterns,
            Filter::Automaton { patterns, .. } => patterns,
        }
    }
}
