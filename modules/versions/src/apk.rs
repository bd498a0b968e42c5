//! apk's order.
//!
//! Source: the version syntax of apk-tools 3, `apk-package(5)`:
//! `number{.number}[letter]{_suffix[number]}[~hash][-r number]`.

use std::cmp::Ordering;

use crate::{
    Order, VersionError,
    number::{self, split_run},
};

/// Suffixes of versions that come before the one they are attached to, oldest first.
const BEFORE: [&[u8]; 4] = [b"alpha", b"beta", b"pre", b"rc"];
/// Suffixes of versions that come after, oldest first.
const AFTER: [&[u8]; 5] = [b"cvs", b"svn", b"git", b"hg", b"p"];

/// One piece of a version. Variants stand in their order, the end of the version among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Before(usize),
    End,
    Revision(&'a [u8]),
    Hash(&'a [u8]),
    SuffixNumber(&'a [u8]),
    After(usize),
    Letter(u8),
    Number(&'a [u8]),
}

impl Token<'_> {
    fn rank(self) -> u8 {
        match self {
            Self::Before(_) => 0,
            Self::End => 1,
            Self::Revision(_) => 2,
            Self::Hash(_) => 3,
            Self::SuffixNumber(_) => 4,
            Self::After(_) => 5,
            Self::Letter(_) => 6,
            Self::Number(_) => 7,
        }
    }
}

/// Compares token by token; the first difference decides.
pub(crate) fn compare(a: &str, b: &str) -> Result<Ordering, VersionError> {
    let (left, right) = (tokens(a)?, tokens(b)?);
    let pairs = left.iter().zip(&right).enumerate();
    let differences = pairs.map(|(index, (&a, &b))| compare_token(a, b, index == 0));
    Ok(differences.fold(Ordering::Equal, Ordering::then))
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, VersionError> {
    parse(text.as_bytes()).ok_or_else(|| Order::Apk.refuses(text))
}

fn compare_token(a: Token<'_>, b: Token<'_>, first: bool) -> Ordering {
    match (a, b) {
        (Token::Number(a), Token::Number(b)) if !first && (starts_with_zero(a) || starts_with_zero(b)) => {
            a.cmp(b)
        }
        (Token::Number(a), Token::Number(b))
        | (Token::SuffixNumber(a), Token::SuffixNumber(b))
        | (Token::Revision(a), Token::Revision(b)) => number::compare(a, b),
        (Token::Hash(a), Token::Hash(b)) => a.cmp(b),
        (Token::Letter(a), Token::Letter(b)) => a.cmp(&b),
        (Token::Before(a), Token::Before(b)) | (Token::After(a), Token::After(b)) => a.cmp(&b),
        _ => a.rank().cmp(&b.rank()),
    }
}

/// A number such as `05`, after the first, counts as a fraction does.
fn starts_with_zero(digits: &[u8]) -> bool {
    digits.first() == Some(&b'0')
}

/// The tokens, the end included; none when it is not a version of apk's.
fn parse(text: &[u8]) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = numbers(text, &mut tokens)?;
    if let Some((&letter, after)) = rest.split_first().filter(|(byte, _)| byte.is_ascii_lowercase()) {
        tokens.push(Token::Letter(letter));
        rest = after;
    }
    while let Some(after) = rest.strip_prefix(b"_") {
        rest = suffix(after, &mut tokens)?;
    }
    if let Some(after) = rest.strip_prefix(b"~") {
        let (hash, after) = split_run(after, u8::is_ascii_hexdigit);
        tokens.push(Token::Hash(hash));
        rest = after;
    }
    if let Some(after) = rest.strip_prefix(b"-r") {
        let (digits, after) = digits(after)?;
        tokens.push(Token::Revision(digits));
        rest = after;
    }
    tokens.push(Token::End);
    rest.is_empty().then_some(tokens)
}

fn numbers<'a>(text: &'a [u8], tokens: &mut Vec<Token<'a>>) -> Option<&'a [u8]> {
    let (first, mut rest) = digits(text)?;
    tokens.push(Token::Number(first));
    while let Some(after) = rest.strip_prefix(b".") {
        let (number, after) = digits(after)?;
        tokens.push(Token::Number(number));
        rest = after;
    }
    Some(rest)
}

fn suffix<'a>(text: &'a [u8], tokens: &mut Vec<Token<'a>>) -> Option<&'a [u8]> {
    let (word, rest) = split_run(text, u8::is_ascii_lowercase);
    let before = BEFORE.iter().position(|known| *known == word).map(Token::Before);
    let after = || AFTER.iter().position(|known| *known == word).map(Token::After);
    tokens.push(before.or_else(after)?);
    let Some((number, rest)) = digits(rest) else {
        return Some(rest);
    };
    tokens.push(Token::SuffixNumber(number));
    Some(rest)
}

/// At least one digit, and what follows.
fn digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (run, rest) = split_run(text, u8::is_ascii_digit);
    (!run.is_empty()).then_some((run, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering::{Equal, Greater, Less};

    #[test]
    fn versions_as_alpine_has_them() {
        for (a, expected, b) in [
            ("1.2.3-r0", Less, "1.2.3-r1"),
            ("1.2.3-r9", Less, "1.2.3-r10"),
            ("3.0_rc1", Less, "3.0"),
            ("3.0_alpha", Less, "3.0_beta1"),
            ("3.0_pre2", Less, "3.0_rc1"),
            ("3.0_p1", Greater, "3.0"),
            ("3.0_git20200101", Less, "3.0_p1"),
            ("3.0", Less, "3.0-r0"),
            ("1.1.1w", Greater, "1.1.1v"),
            ("1.1.1a", Greater, "1.1.1"),
            ("1.1.1.1", Greater, "1.1.1z"),
            ("1.05", Less, "1.1"),
            ("1.05", Less, "1.5"),
            ("1.0", Less, "1.00"),
            ("01", Equal, "1"),
            ("20240101120000000000000000", Greater, "9"),
        ] {
            assert_eq!(compare(a, b), Ok(expected), "{a} {b}");
            assert_eq!(compare(b, a), Ok(expected.reverse()), "{b} {a}");
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "a", "1.", "1.2_foo", "1-r", "1.2 "] {
            assert!(compare("1", text).is_err(), "{text}");
        }
    }
}
