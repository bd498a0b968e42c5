//! pacman's order.
//!
//! Source: behaviour of `vercmp(8)`. It is not rpm's: a letter after a number makes a version older, the number of
//! separating characters counts, and a missing release equals every release, so that it orders only versions that
//! all have a release or all have none.

use std::cmp::Ordering;

use crate::number::{self, split_run};

/// Compares epochs, then versions, then releases where both have one.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let ((epoch_a, a), (epoch_b, b)) = (split_epoch(a), split_epoch(b));
    let ((version_a, release_a), (version_b, release_b)) = (split_release(a), split_release(b));
    compare_part(epoch_a.as_bytes(), epoch_b.as_bytes())
        .then_with(|| compare_part(version_a.as_bytes(), version_b.as_bytes()))
        .then_with(|| match (release_a, release_b) {
            (Some(a), Some(b)) => compare_part(a.as_bytes(), b.as_bytes()),
            _ => Ordering::Equal,
        })
}

fn split_epoch(version: &str) -> (&str, &str) {
    match version.split_once(':') {
        Some(("", rest)) => ("0", rest),
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
        _ => ("0", version),
    }
}

fn split_release(version: &str) -> (&str, Option<&str>) {
    match version.rsplit_once('-') {
        Some((version, release)) => (version, Some(release)),
        None => (version, None),
    }
}

fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    while !a.is_empty() && !b.is_empty() {
        let ((gap_a, rest_a), (gap_b, rest_b)) = (split_gap(a), split_gap(b));
        (a, b) = (rest_a, rest_b);
        let (Some(first), false) = (a.first(), b.is_empty()) else {
            break;
        };
        if gap_a.len() != gap_b.len() {
            return gap_a.len().cmp(&gap_b.len());
        }
        let (run_a, run_b);
        let numeric = first.is_ascii_digit();
        ((run_a, a), (run_b, b)) = (split_kind(a, numeric), split_kind(b, numeric));
        let order = compare_runs(run_a, run_b, numeric);
        if order.is_ne() {
            return order;
        }
    }
    compare_rests(a, b)
}

fn split_gap(text: &[u8]) -> (&[u8], &[u8]) {
    split_run(text, |byte| !byte.is_ascii_alphanumeric())
}

fn split_kind(text: &[u8], numeric: bool) -> (&[u8], &[u8]) {
    match numeric {
        true => split_run(text, u8::is_ascii_digit),
        false => split_run(text, u8::is_ascii_alphabetic),
    }
}

/// Compares two runs, the second of which is empty when it is not of the first one's kind.
fn compare_runs(a: &[u8], b: &[u8], numeric: bool) -> Ordering {
    match (b.is_empty(), numeric) {
        (true, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, true) => number::compare(a, b),
        (false, false) => a.cmp(b),
    }
}

/// What is left over decides: letters make a version older, anything else newer.
fn compare_rests(a: &[u8], b: &[u8]) -> Ordering {
    match (a.first(), b.first()) {
        (None, None) => Ordering::Equal,
        (Some(rest), _) if rest.is_ascii_alphabetic() => Ordering::Less,
        (None, Some(rest)) if !rest.is_ascii_alphabetic() => Ordering::Less,
        _ => Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering::{Equal, Greater, Less};

    #[test]
    fn versions_as_arch_has_them() {
        for (a, expected, b) in [
            ("1.5.0-1", Less, "1.5.0-2"),
            ("1.5", Equal, "1.5-1"),
            ("1.5.1", Greater, "1.5"),
            ("1.5b", Less, "1.5"),
            ("1.5.b", Greater, "1.5"),
            ("1.5rc", Less, "1.5"),
            ("1.5..1", Greater, "1.5.1"),
            ("1:1.0-1", Greater, "3.6-1"),
            ("0:1.0", Equal, "1.0"),
            ("2.0.001", Equal, "2.0.1"),
            ("1.0a", Less, "1.0b"),
        ] {
            assert_eq!(compare(a, b), expected, "{a} {b}");
            assert_eq!(compare(b, a), expected.reverse(), "{b} {a}");
        }
    }
}
