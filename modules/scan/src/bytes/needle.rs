//! One form of one pattern, and how it is tried where a literal of it was found.

use crate::caches::{Cached, Slots};
use crate::literals::{self, Before, Required};
use crate::{Limits, PatternError, syntax};
use memchr::memmem;
use regex_automata::meta::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};
use std::ops::Range;

/// A pattern as it is, or its wide form.
#[derive(Debug)]
pub(super) struct Needle {
    /// Number of the pattern.
    pub(super) pattern: usize,
    /// Whether it is the wide form.
    pub(super) wide: bool,
    pub(super) hir: Hir,
    pub(super) regex: Cached<Regex>,
    pub(super) required: Option<Required>,
    pub(super) check: Check,
}

/// How to decide whether a needle matches around one of its literals.
#[derive(Debug)]
pub(super) enum Check {
    /// All matches have one length and each byte is decided by itself: compare.
    Masked(Masked),
    /// The literal has a fixed place in the match: run the regex from the match's start.
    Anchored { before: usize },
    /// Search the surroundings; none: any number of bytes may precede the literal.
    Around { before: Option<usize> },
}

/// A byte string in which some bits are arbitrary.
#[derive(Debug, Clone)]
pub(super) struct Masked {
    value: Vec<u8>,
    /// One bits must agree with `value`. Empty: all must.
    mask: Vec<u8>,
    /// Bytes in front of the literal that leads to it.
    pub(super) before: usize,
    /// Searches a long value without a mask in linear time, which no automaton of its size does.
    whole: Option<Box<memmem::Finder<'static>>>,
}

/// Bytes of a masked needle; longer ones are left to their regex.
const MAX_MASKED_BYTES: usize = 16 << 10;
/// Bytes of a masked needle that its regex searches fast; a longer one is better compared everywhere.
const MAX_REGEX_BYTES: usize = 256;
/// Bytes compared at a time: one vector register.
const COMPARE_BYTES: usize = 32;

impl Needle {
    pub(super) fn new(
        pattern: usize,
        wide: bool,
        hir: Hir,
        limits: &Limits,
        slots: &Slots,
    ) -> Result<Needle, PatternError> {
        let regex = Cached::new(syntax::compile(pattern, &hir, limits)?, slots);
        let required = literals::required(&hir);
        let before = required
            .as_ref()
            .map_or(Before { min: 0, max: None }, |required| required.before);
        let check = match Masked::new(&hir, before.min) {
            Some(masked) => Check::Masked(masked),
            None if before.max == Some(before.min) => Check::Anchored { before: before.min },
            None => Check::Around { before: before.max },
        };
        Ok(Needle {
            pattern,
            wide,
            hir,
            regex,
            required,
            check,
        })
    }

    /// Length of all matches, where it is one.
    pub(super) fn fixed_bytes(&self) -> Option<usize> {
        match &self.check {
            Check::Masked(masked) => Some(masked.value.len()),
            Check::Anchored { .. } | Check::Around { .. } => None,
        }
    }
}

impl Masked {
    fn new(hir: &Hir, before: usize) -> Option<Masked> {
        let mut pairs = Vec::new();
        push(hir, &mut pairs)?;
        let (value, mut mask): (Vec<u8>, Vec<u8>) = pairs.into_iter().unzip();
        if mask.iter().all(|&mask| mask == 0xff) {
            mask.clear();
        }
        let whole = mask
            .is_empty()
            .then(|| Box::new(memmem::Finder::new(&value).into_owned()));
        Some(Masked {
            value,
            mask,
            before,
            whole,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether `bytes`, of the right length, match.
    pub(super) fn matches(&self, bytes: &[u8]) -> bool {
        if self.mask.is_empty() || bytes.len() != self.len() {
            return bytes == self.value;
        }
        let chunks = bytes.chunks(COMPARE_BYTES).zip(self.mask.chunks(COMPARE_BYTES));
        chunks
            .zip(self.value.chunks(COMPARE_BYTES))
            .all(|((bytes, masks), values)| {
                let pairs = bytes.iter().zip(masks).zip(values);
                pairs.fold(0, |wrong, ((byte, mask), value)| wrong | ((byte & mask) ^ value)) == 0
            })
    }

    /// Whether [`find`](Self::find) is better than the regex.
    pub(super) fn finds_itself(&self) -> bool {
        self.whole.is_some() || self.len() > MAX_REGEX_BYTES
    }

    /// The first match within `span`. Without a mask, in linear time; with one, a comparison per byte at worst.
    pub(super) fn find(&self, haystack: &[u8], span: Range<usize>) -> Option<Range<usize>> {
        let within = haystack.get(span.clone())?;
        let at = match &self.whole {
            Some(finder) => finder.find(within),
            None => within.windows(self.len()).position(|bytes| self.matches(bytes)),
        };
        at.map(|at| span.start + at..span.start + at + self.len())
    }
}

/// Appends value and mask of each byte that `hir` matches; none when it cannot be said like this.
fn push(hir: &Hir, pairs: &mut Vec<(u8, u8)>) -> Option<()> {
    match hir.kind() {
        HirKind::Literal(literal) => pairs.extend(literal.0.iter().map(|&byte| (byte, 0xff))),
        HirKind::Class(Class::Bytes(class)) => {
            let bytes: Vec<u8> = class
                .iter()
                .flat_map(|range| range.start()..=range.end())
                .collect();
            pairs.push(masked_byte(&bytes)?);
        }
        HirKind::Repetition(repetition) if repetition.max == Some(repetition.min) => {
            let max_bytes = hir.properties().maximum_len()?;
            if max_bytes > MAX_MASKED_BYTES {
                return None;
            }
            for _ in 0..repetition.min {
                push(&repetition.sub, pairs)?;
            }
        }
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| push(part, pairs))?,
        _ => return None,
    }
    (pairs.len() <= MAX_MASKED_BYTES).then_some(())
}

/// Value and mask that select exactly `bytes`, which are distinct.
fn masked_byte(bytes: &[u8]) -> Option<(u8, u8)> {
    let first = *bytes.first()?;
    let free = bytes.iter().fold(0, |bits, byte| bits | (byte ^ first));
    (bytes.len() == 1 << free.count_ones()).then_some((first & !free, !free))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(pattern: &str) -> Option<Masked> {
        Masked::new(&syntax::parse(0, pattern, &Limits::default()).unwrap(), 0)
    }

    #[test]
    fn masks_say_what_the_pattern_says() {
        let any_case = masked("(?i)aB1").unwrap();
        assert!(
            [b"ab1", b"AB1", b"aB1"]
                .iter()
                .all(|text| any_case.matches(*text))
        );
        assert!(
            [&b"ab2"[..], b"ab", b"\x01b1"]
                .iter()
                .all(|text| !any_case.matches(text))
        );
        assert!(masked(r"(?s)a.{3}\xff").unwrap().matches(b"a\n\0b\xff"));
        assert_eq!(masked("abc").unwrap().mask, Vec::<u8>::new());
    }

    #[test]
    fn long_needles_are_compared_in_full() {
        let pattern = format!("(?i){}b{}", "a".repeat(300), "a".repeat(40));
        let text = pattern[4..].to_uppercase();
        let needle = masked(&pattern).unwrap();
        let haystack = format!("{}{text}", "A".repeat(100));
        assert_eq!(
            needle.find(haystack.as_bytes(), 5..haystack.len()),
            Some(100..haystack.len())
        );
        assert_eq!(needle.find(haystack.as_bytes(), 5..haystack.len() - 1), None);
    }

    #[test]
    fn other_patterns_have_no_mask() {
        for pattern in ["a.b", "a?b", "[abc]", r"\bab", "a|bc", r"(?s)(.{1000}){1000}a"] {
            assert!(masked(pattern).is_none(), "{pattern}");
        }
    }
}
