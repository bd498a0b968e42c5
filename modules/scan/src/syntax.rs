//! Text patterns: from `regex` syntax to the tree that the engines compile.

use crate::{PatternError, dialect};
use regex_automata::meta;
use regex_syntax::hir::{Hir, HirKind};

/// Bounds on patterns. Beyond one, [`PatternError`] names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Patterns in one set.
    pub max_patterns: usize,
    /// Bytes of one pattern as written.
    pub max_pattern_bytes: usize,
    /// Depth of groups, repetitions and nested classes in one pattern.
    pub max_nesting: u32,
    /// Bytes of the automaton of one pattern.
    pub max_automaton_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_patterns: 4096,
            max_pattern_bytes: 16 << 10,
            max_nesting: 64,
            max_automaton_bytes: 256 << 10,
        }
    }
}

impl Limits {
    /// Refuses a set with too many patterns.
    pub(crate) fn check_count(&self, count: usize) -> Result<(), PatternError> {
        if count > self.max_patterns {
            return Err(PatternError::TooMany {
                count,
                limit: self.max_patterns,
            });
        }
        Ok(())
    }

    /// Refuses a pattern that is too long as written.
    pub(crate) fn check_length(&self, index: usize, length: usize) -> Result<(), PatternError> {
        if length > self.max_pattern_bytes {
            return Err(PatternError::TooLong {
                index,
                length,
                limit: self.max_pattern_bytes,
            });
        }
        Ok(())
    }
}

/// Parses a text pattern: `regex` syntax over bytes, Unicode off unless `(?u)`, captures dropped.
///
/// What is not valid `regex` syntax is tried once more after [`dialect::from_go`].
pub(crate) fn parse(index: usize, pattern: &str, limits: &Limits) -> Result<Hir, PatternError> {
    limits.check_length(index, pattern.len())?;
    let error = match parse_regex(pattern, limits) {
        Ok(hir) => return Ok(without_captures(&hir)),
        Err(error) => error,
    };
    let translated = dialect::from_go(pattern).and_then(|go| parse_regex(&go, limits).ok());
    match translated {
        Some(hir) => Ok(without_captures(&hir)),
        None => Err(describe(index, pattern, &error)),
    }
}

/// Compiles `hir`, alone, into a regex that reports matches and nothing else.
pub(crate) fn compile(index: usize, hir: &Hir, limits: &Limits) -> Result<meta::Regex, PatternError> {
    let limit = limits.max_automaton_bytes;
    meta::Builder::new()
        .configure(config(limit))
        .build_from_hir(hir)
        .map_err(|_| PatternError::TooBig { index, limit })
}

fn config(automaton_bytes: usize) -> meta::Config {
    meta::Config::new()
        .utf8_empty(false)
        .onepass(false)
        .nfa_size_limit(Some(automaton_bytes))
        .hybrid_cache_capacity(1 << 20)
}

fn parse_regex(pattern: &str, limits: &Limits) -> Result<Hir, Box<regex_syntax::Error>> {
    regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .nest_limit(limits.max_nesting)
        .build()
        .parse(pattern)
        .map_err(Box::new)
}

fn describe(index: usize, pattern: &str, error: &regex_syntax::Error) -> PatternError {
    let (position, message) = match error {
        regex_syntax::Error::Parse(e) => (e.span().start.offset, e.kind().to_string()),
        regex_syntax::Error::Translate(e) => (e.span().start.offset, translate_message(e)),
        other => (0, other.to_string()),
    };
    PatternError::syntax(index, pattern, position, message)
}

fn translate_message(error: &regex_syntax::hir::Error) -> String {
    use regex_syntax::hir::ErrorKind;
    match error.kind() {
        ErrorKind::UnicodeNotAllowed => "Unicode is off here; write (?u) in front to switch it on".to_owned(),
        kind => kind.to_string(),
    }
}

/// The same tree without capture groups, which let neighbouring literals join and spare the engines work.
fn without_captures(hir: &Hir) -> Hir {
    rebuild(hir, &mut |leaf| leaf.clone())
}

/// Rebuilds a tree bottom-up with each leaf (empty, literal, class, look-around) replaced by `leaf`.
///
/// Depth is bounded by [`Limits::max_nesting`].
pub(crate) fn rebuild(hir: &Hir, leaf: &mut dyn FnMut(&Hir) -> Hir) -> Hir {
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => leaf(hir),
        HirKind::Repetition(repetition) => Hir::repetition(repetition.with(rebuild(&repetition.sub, leaf))),
        HirKind::Capture(capture) => rebuild(&capture.sub, leaf),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(|part| rebuild(part, leaf)).collect()),
        HirKind::Alternation(parts) => {
            Hir::alternation(parts.iter().map(|part| rebuild(part, leaf)).collect())
        }
    }
}
