//! Wide forms: what a pattern looks like in UTF-16LE memory.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Last byte value that stands for itself in UTF-16.
const LAST_ASCII: u8 = 0x7f;

/// `hir` for UTF-16LE text; none when it has none.
///
/// Literals that are UTF-8, classes of ASCII characters, and what is built of them have a wide form. Look-around and
/// classes with other bytes, such as `.` and `\W`, have none.
pub(crate) fn widen(hir: &Hir) -> Option<Hir> {
    let all = |parts: &[Hir]| parts.iter().map(widen).collect::<Option<Vec<Hir>>>();
    match hir.kind() {
        HirKind::Empty => Some(Hir::empty()),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            Some(Hir::literal(
                text.encode_utf16()
                    .flat_map(u16::to_le_bytes)
                    .collect::<Vec<u8>>(),
            ))
        }
        HirKind::Class(class) => is_ascii(class).then(|| Hir::concat(vec![hir.clone(), Hir::literal([0])])),
        HirKind::Look(_) => None,
        HirKind::Repetition(repetition) => Some(Hir::repetition(repetition.with(widen(&repetition.sub)?))),
        HirKind::Capture(capture) => widen(&capture.sub),
        HirKind::Concat(parts) => all(parts).map(Hir::concat),
        HirKind::Alternation(parts) => all(parts).map(Hir::alternation),
    }
}

fn is_ascii(class: &Class) -> bool {
    match class {
        Class::Bytes(class) => class
            .ranges()
            .last()
            .is_some_and(|range| range.end() <= LAST_ASCII),
        Class::Unicode(class) => class.ranges().last().is_some_and(|range| range.end().is_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, syntax};
    use regex::bytes::Regex;

    fn wide_regex(pattern: &str) -> Option<Regex> {
        let hir = syntax::parse(0, pattern, &Limits::default()).unwrap();
        widen(&hir).map(|wide| Regex::new(&format!("(?-u){wide}")).unwrap())
    }

    #[test]
    fn wide_forms_match_utf16() {
        for (pattern, text) in [
            ("secret", "secret"),
            ("(?i)SECret", "seCRet"),
            ("über €", "über €"),
            ("a[0-9]{3}|b", "a123"),
        ] {
            let encoded: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let found = wide_regex(pattern)
                .unwrap()
                .find(&encoded)
                .map(|found| found.range());
            assert_eq!(found, Some(0..encoded.len()), "{pattern}");
        }
    }

    #[test]
    fn what_is_not_text_has_none() {
        for pattern in [r"\xff", "a.b", r"\bfoo", r"\W", "^a"] {
            assert!(wide_regex(pattern).is_none(), "{pattern}");
        }
    }
}
