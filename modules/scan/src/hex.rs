//! Hex patterns: `DE AD ?? B? ?F`.
//!
//! Pairs of hexadecimal digits of either case; `?` stands for any digit. Blanks (space, tab, line end) may stand anywhere
//! between digits. One nibble must be fixed at least, or the pattern would match everything.

use crate::PatternError;
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir};

/// Parses pattern number `index` into a tree in which each byte is a literal or a class of 16 or 256 bytes.
pub(crate) fn parse(index: usize, pattern: &str) -> Result<Hir, PatternError> {
    let nibbles = nibbles(index, pattern)?;
    if nibbles.len() % 2 == 1 {
        return Err(PatternError::syntax(
            index,
            pattern,
            pattern.len(),
            "odd number of hex digits",
        ));
    }
    if nibbles.iter().all(Option::is_none) {
        return Err(PatternError::MatchesEverything { index });
    }
    Ok(Hir::concat(
        nibbles
            .chunks_exact(2)
            .map(|pair| byte(pair[0], pair[1]))
            .collect(),
    ))
}

/// The digits of `pattern`, none for a wildcard.
fn nibbles(index: usize, pattern: &str) -> Result<Vec<Option<u8>>, PatternError> {
    let mut nibbles = Vec::with_capacity(pattern.len());
    for (position, character) in pattern.char_indices() {
        match (character, character.to_digit(16)) {
            (' ' | '\t' | '\r' | '\n', _) => {}
            ('?', _) => nibbles.push(None),
            (_, Some(digit)) => nibbles.push(Some(digit as u8)),
            _ => {
                let message = "expected a hex digit, `?` or a blank";
                return Err(PatternError::syntax(index, pattern, position, message));
            }
        }
    }
    Ok(nibbles)
}

/// One byte with these nibbles.
fn byte(high: Option<u8>, low: Option<u8>) -> Hir {
    let range = |first, last| ClassBytesRange::new(first, last);
    let ranges = match (high, low) {
        (Some(high), Some(low)) => vec![range(high << 4 | low, high << 4 | low)],
        (Some(high), None) => vec![range(high << 4, high << 4 | 15)],
        (None, Some(low)) => (0..16)
            .map(|high| range(high << 4 | low, high << 4 | low))
            .collect(),
        (None, None) => vec![range(0, 255)],
    };
    Hir::class(Class::Bytes(ClassBytes::new(ranges)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex_syntax::hir::HirKind;

    #[test]
    fn plain_digits_are_one_literal() {
        for same in ["DEADbeef", "de ad be ef", "d e\tadBE EF"] {
            let hir = parse(0, same).unwrap();
            assert!(
                matches!(hir.kind(), HirKind::Literal(l) if *l.0 == *b"\xde\xad\xbe\xef"),
                "{same}: {hir:?}"
            );
        }
    }

    #[test]
    fn faults_are_placed() {
        for (pattern, position) in [
            ("DE A", Some(4)),
            ("DE XX", Some(3)),
            ("0é", Some(1)),
            ("", None),
            ("?? ??", None),
        ] {
            let error = parse(7, pattern).unwrap_err();
            assert_eq!(
                (error.index(), error.position()),
                (Some(7), position),
                "{pattern}: {error}"
            );
        }
    }

    proptest! {
        #[test]
        fn wildcards_match_exactly_their_nibble(fixed: u8, other: u8, high: bool) {
            let pattern = if high { format!("{:x}?", fixed >> 4) } else { format!("?{:X}", fixed & 15) };
            let hir = parse(0, &pattern).unwrap();
            let HirKind::Class(Class::Bytes(class)) = hir.kind() else { unreachable!("{hir:?}") };
            let matches = class.iter().any(|range| (range.start()..=range.end()).contains(&other));
            prop_assert_eq!(matches, if high { other >> 4 == fixed >> 4 } else { other & 15 == fixed & 15 });
        }

        #[test]
        fn any_text_is_survived(pattern in ".{0,40}") {
            let _ = parse(0, &pattern);
        }
    }
}
