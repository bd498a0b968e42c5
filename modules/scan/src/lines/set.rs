//! Compiled patterns, and the choice of how to search for some of them.

use super::rewrite;
use crate::finder::{self, Finder, MAX_PACKED_LITERALS};
use crate::literals::{self, Required};
use crate::{Limits, PatternError, syntax};
use regex_automata::meta::Regex;
use regex_syntax::hir::Hir;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that one automaton over several patterns may have, as a multiple of what one pattern may have.
const COMBINED_AUTOMATON_FACTOR: usize = 4;

/// Line patterns, compiled once and shared by all threads.
#[derive(Debug)]
pub struct LineSet {
    pub(super) patterns: Vec<LinePattern>,
    limits: Limits,
    /// Number of caches that a scan may need so far: one per regex of a pattern or filter.
    slots: AtomicUsize,
}

/// One pattern in its two forms.
#[derive(Debug)]
pub(super) struct LinePattern {
    /// Over buffers; see [`rewrite::for_buffer`].
    pub(super) buffer: Cached,
    /// On one line alone: the truth.
    pub(super) line: Cached,
    hir: Hir,
    required: Option<Required>,
}

/// A regex and the place of its cache in each scan.
#[derive(Debug, Clone)]
pub(super) struct Cached {
    pub(super) regex: Regex,
    pub(super) slot: usize,
}

/// Which patterns are looked for in a file, and how. Make one per combination that occurs and reuse it.
#[derive(Debug)]
pub struct Selection {
    pub(super) any: Vec<usize>,
    pub(super) every: Vec<usize>,
    pub(super) filters: Vec<Filter>,
}

/// Finds lines worth looking at, for some of the patterns of a selection.
#[derive(Debug)]
pub(super) enum Filter {
    /// For patterns with literals that they require.
    Literals(LiteralFilter),
    /// For patterns without.
    Automaton { regex: Cached, patterns: Vec<usize> },
}

/// One searcher for the literals of several patterns.
#[derive(Debug)]
pub(super) struct LiteralFilter {
    pub(super) finder: Finder,
    /// For each literal the patterns that may match where it is found.
    pub(super) owners: Vec<Vec<usize>>,
    pub(super) patterns: Vec<usize>,
}

impl LineSet {
    /// Compiles `patterns` with the default [`Limits`].
    ///
    /// # Errors
    ///
    /// The first pattern that is refused, with its index; see [`PatternError`].
    pub fn new<P: AsRef<str>>(patterns: &[P]) -> Result<LineSet, PatternError> {
        LineSet::with_limits(patterns, Limits::default())
    }

    /// Compiles `patterns`, which are numbered from 0 in their order.
    ///
    /// A pattern that matches the empty string is allowed: it matches every line.
    ///
    /// # Errors
    ///
    /// The first pattern that is refused, with its index; see [`PatternError`].
    pub fn with_limits<P: AsRef<str>>(
        patterns: &[P],
        limits: Limits,
    ) -> Result<LineSet, PatternError> {
        limits.check_count(patterns.len())?;
        let slots = AtomicUsize::new(0);
        let compiled = patterns.iter().enumerate().map(|(index, pattern)| {
            let hir = syntax::parse(index, pattern.as_ref(), &limits)?;
            LinePattern::new(index, &hir, &limits, &slots)
        });
        Ok(LineSet {
            patterns: compiled.collect::<Result<_, _>>()?,
            limits,
            slots,
        })
    }

    /// Number of patterns.
    #[must_use]
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// Whether there is no pattern.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Chooses patterns: for each of `any` a scan answers whether some line matches, for each of `every` whether all
    /// lines do. Numbers that are no pattern's are ignored.
    ///
    /// This is where the way of searching is chosen:
    /// * patterns that require literals share vectorised searchers of at most 64 literals, each followed by the one
    ///   pattern on the one line; when hits are too frequent for that to pay, the pattern's regex takes over;
    /// * the other patterns share one automaton, or have one each where together they would be too big;
    /// * a pattern that can never match is not looked for;
    /// * patterns of `every` are tried line by line, until a line does not match.
    #[must_use]
    pub fn select(&self, any: &[usize], every: &[usize]) -> Selection {
        let any = self.known(any);
        let (with, mut without): (Vec<usize>, Vec<usize>) = any
            .iter()
            .partition(|&&pattern| self.patterns[pattern].required.is_some());
        let mut filters = self.literal_filters(&with, &mut without);
        self.automaton_filters(&without, &mut filters);
        Selection {
            any,
            every: self.known(every),
            filters,
        }
    }

    fn known(&self, numbers: &[usize]) -> Vec<usize> {
        let mut known: Vec<usize> = numbers
            .iter()
            .copied()
            .filter(|&number| number < self.len())
            .collect();
        known.sort_unstable();
        known.dedup();
        known
    }

    /// Filters for patterns that require literals, filled in order. Patterns whose literals no searcher takes go to
    /// `refused`.
    fn literal_filters(&self, patterns: &[usize], refused: &mut Vec<usize>) -> Vec<Filter> {
        let mut groups: Vec<Vec<(usize, &[u8])>> = vec![Vec::new()];
        for &pattern in patterns {
            let literals = self.patterns[pattern]
                .required
                .iter()
                .flat_map(|required| &required.literals);
            let pairs: Vec<_> = literals
                .map(|literal| (pattern, literal.as_slice()))
                .collect();
            match groups.last_mut() {
                Some(last) if last.len() + pairs.len() <= MAX_PACKED_LITERALS => last.extend(pairs),
                _ => groups.push(pairs),
            }
        }
        groups.retain(|group| !group.is_empty());
        let filters = groups
            .iter()
            .filter_map(|group| match LiteralFilter::new(group) {
                Some(filter) => Some(Filter::Literals(filter)),
                None => {
                    refused.extend(owners(group));
                    None
                }
            });
        filters.collect()
    }

    /// One filter for `patterns`, or two halves where that is too big.
    fn automaton_filters(&self, patterns: &[usize], filters: &mut Vec<Filter>) {
        let (left, right) = match patterns {
            [] => return,
            [only] => {
                let regex = self.patterns[*only].buffer.clone();
                return filters.push(Filter::Automaton {
                    regex,
                    patterns: patterns.to_vec(),
                });
            }
            _ => patterns.split_at(patterns.len() / 2),
        };
        let hirs: Vec<&Hir> = patterns
            .iter()
            .map(|&pattern| &self.patterns[pattern].hir)
            .collect();
        match syntax::compile_many(
            &hirs,
            self.limits.max_automaton_bytes * COMBINED_AUTOMATON_FACTOR,
        ) {
            Some(regex) => {
                let regex = Cached::new(regex, &self.slots);
                filters.push(Filter::Automaton {
                    regex,
                    patterns: patterns.to_vec(),
                });
            }
            None => {
                self.automaton_filters(left, filters);
                self.automaton_filters(right, filters);
            }
        }
    }
}

impl LinePattern {
    fn new(
        index: usize,
        original: &Hir,
        limits: &Limits,
        slots: &AtomicUsize,
    ) -> Result<Self, PatternError> {
        let hir = rewrite::for_buffer(original);
        let buffer = Cached::new(syntax::compile(index, &hir, limits)?, slots);
        let line = if rewrite::is_exact_on_a_line(original) {
            buffer.clone()
        } else {
            Cached::new(syntax::compile(index, original, limits)?, slots)
        };
        let required = literals::required(&hir);
        Ok(LinePattern {
            buffer,
            line,
            hir,
            required,
        })
    }
}

impl Cached {
    fn new(regex: Regex, slots: &AtomicUsize) -> Cached {
        Cached {
            regex,
            slot: slots.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl LiteralFilter {
    /// A filter for pairs of pattern and literal, ordered by pattern; none when no searcher takes so many.
    fn new(pairs: &[(usize, &[u8])]) -> Option<LiteralFilter> {
        let literals: Vec<&[u8]> = pairs.iter().map(|&(_, literal)| literal).collect();
        let finder = Finder::new(&literals)?;
        let companions = finder::companions(&literals).into_iter();
        let owners_of =
            |literals: Vec<usize>| owners(&literals.iter().map(|&i| pairs[i]).collect::<Vec<_>>());
        Some(LiteralFilter {
            finder,
            owners: companions.map(owners_of).collect(),
            patterns: owners(pairs),
        })
    }
}

/// The patterns of `pairs`, each once.
fn owners(pairs: &[(usize, &[u8])]) -> Vec<usize> {
    let mut patterns: Vec<usize> = pairs.iter().map(|&(pattern, _)| pattern).collect();
    patterns.dedup();
    patterns
}

impl Selection {
    /// Whether nothing is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.any.is_empty() && self.every.is_empty()
    }
}
