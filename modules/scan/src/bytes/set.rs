//! The patterns of a byte scan.

use super::needle::Needle;
use super::plan::{ByteSelection, Plans};
use crate::caches::Slots;
use crate::{Limits, PatternError, hex, syntax, wide};
use regex_syntax::hir::Hir;
use std::sync::Arc;

/// Default of [`ByteSet::max_match_bytes`].
pub const MAX_MATCH_BYTES: usize = 4096;
/// Default of [`Pattern::max_matches`].
pub const MAX_MATCHES: usize = 16;

/// One pattern to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern<'p> {
    source: Source<'p>,
    also_wide: bool,
    max_matches: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source<'p> {
    Regex(&'p str),
    Hex(&'p str),
    Literal(&'p [u8]),
}

impl<'p> Pattern<'p> {
    /// A regex in `regex` syntax over bytes; Unicode off unless `(?u)`.
    #[must_use]
    pub fn regex(pattern: &'p str) -> Self {
        Pattern::new(Source::Regex(pattern))
    }

    /// Pairs of hex digits, `?` for any digit, blanks anywhere: `DE AD ?? B? ?F`.
    #[must_use]
    pub fn hex(pattern: &'p str) -> Self {
        Pattern::new(Source::Hex(pattern))
    }

    /// These bytes.
    #[must_use]
    pub fn literal(bytes: &'p [u8]) -> Self {
        Pattern::new(Source::Literal(bytes))
    }

    fn new(source: Source<'p>) -> Self {
        Pattern {
            source,
            also_wide: false,
            max_matches: MAX_MATCHES,
        }
    }

    /// Whether the pattern is also looked for in its UTF-16LE form. Only for patterns made of text and of classes of ASCII
    /// characters; hex patterns and others are refused with [`PatternError::NoWideForm`].
    #[must_use]
    pub fn also_wide(self, yes: bool) -> Self {
        Pattern {
            also_wide: yes,
            ..self
        }
    }

    /// Matches after which the pattern is settled for a target, at least 1. With 1, the answer is yes or no.
    #[must_use]
    pub fn max_matches(self, count: usize) -> Self {
        Pattern {
            max_matches: count.max(1),
            ..self
        }
    }

    /// Parses the pattern and compiles nothing: total for any input, and quick.
    ///
    /// # Errors
    ///
    /// As [`ByteSet::new`], with index 0; limits on the compiled size are not checked.
    pub fn check(&self, limits: &Limits) -> Result<(), PatternError> {
        let hir = self.parse(0, limits)?;
        if self.also_wide && wide_form(self, &hir).is_none() {
            return Err(PatternError::NoWideForm { index: 0 });
        }
        Ok(())
    }

    fn parse(&self, index: usize, limits: &Limits) -> Result<Hir, PatternError> {
        match self.source {
            Source::Regex(pattern) => syntax::parse(index, pattern, limits),
            Source::Hex(pattern) => {
                limits.check_length(index, pattern.len())?;
                hex::parse(index, pattern)
            }
            Source::Literal(bytes) => {
                limits.check_length(index, bytes.len())?;
                Ok(Hir::literal(bytes))
            }
        }
    }
}

/// Byte patterns, compiled once and shared by all threads.
#[derive(Debug)]
pub struct ByteSet {
    pub(super) needles: Vec<Needle>,
    /// Per pattern, how many matches settle it.
    pub(super) max_matches: Vec<usize>,
    pub(super) max_match_bytes: usize,
    pub(super) limits: Limits,
    pub(super) slots: Slots,
    pub(super) plans: Plans,
}

impl ByteSet {
    /// Compiles `patterns` with the default [`Limits`] and [`MAX_MATCH_BYTES`].
    ///
    /// # Errors
    ///
    /// The first pattern that is refused, with its index; see [`PatternError`].
    pub fn new(patterns: &[Pattern<'_>]) -> Result<ByteSet, PatternError> {
        ByteSet::with_limits(patterns, Limits::default(), MAX_MATCH_BYTES)
    }

    /// Compiles `patterns`, which are numbered from 0 in their order. A match up to `max_match_bytes` long is found
    /// wherever it lies; a longer pattern of fixed length raises that.
    ///
    /// # Errors
    ///
    /// The first pattern that is refused, with its index; see [`PatternError`]. Here also those that match the empty
    /// string are refused.
    pub fn with_limits(
        patterns: &[Pattern<'_>],
        limits: Limits,
        max_match_bytes: usize,
    ) -> Result<ByteSet, PatternError> {
        limits.check_count(patterns.len())?;
        let slots = Slots::default();
        let mut needles = Vec::with_capacity(patterns.len());
        for (index, pattern) in patterns.iter().enumerate() {
            let hir = pattern.parse(index, &limits)?;
            if hir.properties().minimum_len() == Some(0) {
                return Err(PatternError::MatchesEverything { index });
            }
            if pattern.also_wide {
                let wide = wide_form(pattern, &hir).ok_or(PatternError::NoWideForm { index })?;
                needles.push(Needle::new(index, true, wide, &limits, &slots)?);
            }
            needles.push(Needle::new(index, false, hir, &limits, &slots)?);
        }
        let fixed = needles.iter().filter_map(Needle::fixed_bytes).max().unwrap_or(0);
        Ok(ByteSet {
            needles,
            max_matches: patterns.iter().map(|pattern| pattern.max_matches).collect(),
            max_match_bytes: max_match_bytes.max(fixed).max(1),
            limits,
            slots,
            plans: Plans::default(),
        })
    }

    /// Number of patterns.
    #[must_use]
    pub fn len(&self) -> usize {
        self.max_matches.len()
    }

    /// Whether there is no pattern.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.max_matches.is_empty()
    }

    /// The length in bytes up to which a match is found wherever it lies.
    #[must_use]
    pub fn max_match_bytes(&self) -> usize {
        self.max_match_bytes
    }

    /// Chooses patterns by number; numbers that are no pattern's are ignored. Make one per combination that occurs.
    #[must_use]
    pub fn select(&self, patterns: &[usize]) -> Arc<ByteSelection> {
        Arc::new(ByteSelection::new(self, patterns))
    }
}

fn wide_form(pattern: &Pattern<'_>, hir: &Hir) -> Option<Hir> {
    match pattern.source {
        Source::Hex(_) => None,
        Source::Regex(_) | Source::Literal(_) => wide::widen(hir),
    }
}
