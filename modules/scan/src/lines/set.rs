//! Compiled patterns, and the choice of how to search for some of them.

use super::rewrite;
use crate::automaton::{Automaton, Together, together};
use crate::caches::{Cached, Slots};
use crate::group::{self, Group};
use crate::literals::{self, Required};
use crate::{Limits, PatternError, syntax};
use regex_automata::meta::Regex;
use regex_syntax::hir::Hir;

/// Line patterns, compiled once and shared by all threads.
#[derive(Debug)]
pub struct LineSet {
    pub(super) patterns: Vec<LinePattern>,
    limits: Limits,
    slots: Slots,
}

/// One pattern in its two forms.
#[derive(Debug)]
pub(super) struct LinePattern {
    /// Over buffers; see [`rewrite::for_buffer`].
    pub(super) buffer: Cached<Regex>,
    /// On one line alone: the truth.
    pub(super) line: Cached<Regex>,
    hir: Hir,
    required: Option<Required>,
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
    Literals(Group),
    /// For a pattern without, alone.
    Regex(usize),
    /// For several patterns without.
    Automaton {
        automaton: Cached<Automaton>,
        patterns: Vec<usize>,
    },
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
    pub fn with_limits<P: AsRef<str>>(patterns: &[P], limits: Limits) -> Result<LineSet, PatternError> {
        limits.check_count(patterns.len())?;
        let slots = Slots::default();
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
        let (groups, without) = group::of_required(&any, |id| self.patterns[id].required.as_ref());
        let hir = |id: usize| &self.patterns[id].hir;
        let without = together(&without, &hir, self.limits.max_automaton_bytes)
            .into_iter()
            .map(|one| match one {
                Together::One(pattern) => Filter::Regex(pattern),
                Together::Several(automaton, patterns) => Filter::Automaton {
                    automaton: Cached::new(automaton, &self.slots),
                    patterns,
                },
            });
        let with = groups.into_iter().map(Filter::Literals);
        Selection {
            filters: with.chain(without).collect(),
            every: self.known(every),
            any,
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
}

impl LinePattern {
    fn new(index: usize, original: &Hir, limits: &Limits, slots: &Slots) -> Result<Self, PatternError> {
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

impl Selection {
    /// Whether nothing is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.any.is_empty() && self.every.is_empty()
    }
}
