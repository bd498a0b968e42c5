//! Literals that a pattern cannot match without.
//!
//! A regex is slow next to a search for a fixed string, and nearly always contains one. From each part of a pattern
//! on, the set of strings with which a match must go on there is extracted; the set that ordinary data contains least
//! often wins. A stretch of bytes without any of them cannot match.

use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use regex_syntax::hir::{Hir, HirKind};

/// Parts of a pattern from which literals are extracted. Further ones are rarely better and cost time to compile.
const MAX_PARTS: usize = 128;
/// Parts that follow and are looked at from each.
const WINDOW_PARTS: usize = 12;
/// Bytes of a literal kept. More makes a literal no rarer in practice.
const MAX_LITERAL_BYTES: usize = 32;
/// Literals per pattern; a vectorised searcher takes 64 in all, so several patterns must fit.
const MAX_LITERALS: usize = 16;
/// Estimated occurrences per byte above which literals are not worth looking for: verifying costs more than it saves.
const MAX_RATE: f64 = 1.0 / 100.0;
/// Estimated occurrences per byte below which fewer literals are better than rarer ones.
const RARE_ENOUGH: f64 = 5e-5;

/// Strings one of which is part of every match.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Required {
    /// The strings, distinct, none empty. No string at all: the pattern never matches.
    pub literals: Vec<Vec<u8>>,
    /// Bytes of a match in front of the string.
    pub before: Before,
    /// Estimated occurrences per byte of ordinary data.
    rate: f64,
}

/// How many bytes of a match may lie in front of its required literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Before {
    pub min: usize,
    /// None: any number.
    pub max: Option<usize>,
}

/// The rarest set of literals that `hir` requires; none when there is no useful one.
pub(crate) fn required(hir: &Hir) -> Option<Required> {
    let parts: &[Hir] = match hir.kind() {
        HirKind::Concat(parts) => parts,
        _ => std::slice::from_ref(hir),
    };
    (0..parts.len().min(MAX_PARTS))
        .filter(|&i| !matches!(parts[i].kind(), HirKind::Look(_) | HirKind::Empty))
        .flat_map(|i| from_part(parts, i))
        .filter(|required| required.rate <= MAX_RATE)
        .min_by(|a, b| cost(a).total_cmp(&cost(b)))
}

/// Candidate sets of literals with which part `i` and its followers must begin, one per number of bytes kept.
fn from_part(parts: &[Hir], i: usize) -> Vec<Required> {
    let window = parts[i..parts.len().min(i + WINDOW_PARTS)].to_vec();
    let seq = Extractor::new()
        .kind(ExtractKind::Prefix)
        .extract(&Hir::concat(window));
    let before = before(&parts[..i]);
    let lengths = [MAX_LITERAL_BYTES, 8, 6, 5, 4, 3, 2, 1];
    let sets = lengths.iter().filter_map(|&keep| shortened(&seq, keep, before));
    sets.filter(|set| set.literals.len() <= MAX_LITERALS).collect()
}

/// Lengths that matches of `parts`, one after the other, may have.
fn before(parts: &[Hir]) -> Before {
    let lengths = |part: &Hir| (part.properties().minimum_len(), part.properties().maximum_len());
    parts
        .iter()
        .map(lengths)
        .fold(Before { min: 0, max: Some(0) }, |sum, (min, max)| Before {
            min: sum.min.saturating_add(min.unwrap_or(0)),
            max: sum.max.zip(max).and_then(|(a, b)| a.checked_add(b)),
        })
}

fn shortened(seq: &Seq, keep: usize, before: Before) -> Option<Required> {
    let cut = |bytes: &[u8]| bytes[..bytes.len().min(keep)].to_vec();
    let mut literals: Vec<Vec<u8>> = seq
        .literals()?
        .iter()
        .map(|literal| cut(literal.as_bytes()))
        .collect();
    literals.sort();
    // Sorted, so whatever starts with an earlier string follows it: it adds nothing.
    literals.dedup_by(|later, earlier| later.starts_with(earlier));
    if literals.iter().any(Vec::is_empty) {
        return None;
    }
    let rate = literals.iter().map(|literal| rate_of(literal)).sum();
    Some(Required {
        literals,
        before,
        rate,
    })
}

/// Order of preference: rare first; among sets that are rare enough, few first.
fn cost(required: &Required) -> f64 {
    required.rate.max(RARE_ENOUGH) * (1.0 + required.literals.len() as f64 / 4.0)
}

/// Estimated occurrences per byte of `literal`, bytes taken as independent.
pub(crate) fn rate_of(literal: &[u8]) -> f64 {
    literal.iter().map(|&byte| frequency(byte)).product()
}

/// Rough share of `byte` in the files and memory of a host: text, logs, machine code, zeros.
fn frequency(byte: u8) -> f64 {
    match byte {
        0 => 0.25,
        b' ' | b'e' => 0.08,
        b'a' | b'i' | b'n' | b'o' | b'r' | b's' | b't' => 0.05,
        b'c' | b'd' | b'l' | b'm' | b'p' | b'u' => 0.03,
        b'0' | b'1' | 0xff | b'\n' | b'.' | b'/' | b'-' => 0.03,
        b'b' | b'f' | b'g' | b'h' | b'y' | b'v' | b'w' | b'_' => 0.015,
        b'2'..=b'9' | b'A'..=b'Z' | 1..=8 | 0x8b | b',' | b'"' | b'=' | b':' => 0.012,
        b'\t' | b'!'..=b'~' => 0.006,
        _ => 0.003,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, syntax};

    fn of(pattern: &str) -> Option<(Vec<String>, Before)> {
        let hir = syntax::parse(0, pattern, &Limits::default()).unwrap();
        let required = required(&hir)?;
        let text = required
            .literals
            .iter()
            .map(|literal| literal.escape_ascii().to_string());
        Some((text.collect(), required.before))
    }

    #[test]
    fn the_rarest_part_is_required() {
        let at = |min, max| Before { min, max };
        for (pattern, literals, before) in [
            ("needle", &["needle"][..], at(0, Some(0))),
            ("(foo)bar", &["foobar"], at(0, Some(0))),
            (r"^\s+needle", &["needle"], at(1, None)),
            (r"e.{2,5}xyzzy.*e", &["xyzzy"], at(3, Some(6))),
            ("foo1|bar2", &["bar2", "foo1"], at(0, Some(0))),
        ] {
            let expected = literals.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            assert_eq!(of(pattern), Some((expected, before)), "{pattern}");
        }
    }

    #[test]
    fn common_or_many_strings_are_not_worth_it() {
        for pattern in ["e", r"\w+", "[a-z]{8}", r"\d\d", "x?", r"\d+quux|x"] {
            assert_eq!(of(pattern), None, "{pattern}");
        }
        let (literals, _) = of("(?i)gumshoe").unwrap();
        assert!(literals.len() <= MAX_LITERALS);
    }

    #[test]
    fn what_never_matches_requires_no_literal_at_all() {
        assert_eq!(required(&Hir::fail()).unwrap().literals, Vec::<Vec<u8>>::new());
    }
}
