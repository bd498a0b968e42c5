//! dpkg's order.
//!
//! Source: Debian policy, section 5.6.12.

use std::cmp::Ordering;

use crate::number::{self, split_run};

/// Compares epochs, then upstream versions, then revisions.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let ((epoch_a, a), (epoch_b, b)) = (split_epoch(a), split_epoch(b));
    let ((version_a, revision_a), (version_b, revision_b)) = (split_revision(a), split_revision(b));
    number::compare(epoch_a, epoch_b)
        .then_with(|| compare_part(version_a, version_b))
        .then_with(|| compare_part(revision_a, revision_b))
}

/// The epoch's digits; empty when there is no epoch.
fn split_epoch(version: &str) -> (&[u8], &[u8]) {
    match version.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => {
            (epoch.as_bytes(), rest.as_bytes())
        }
        _ => (b"", version.as_bytes()),
    }
}

fn split_revision(version: &[u8]) -> (&[u8], &[u8]) {
    match version.iter().rposition(|&byte| byte == b'-') {
        Some(at) => (&version[..at], &version[at + 1..]),
        None => (version, b""),
    }
}

/// Alternately runs of anything but digits, byte by byte, and runs of digits, by value.
fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !(a.is_empty() && b.is_empty()) {
        let ((text_a, rest_a), (text_b, rest_b)) = (split_text(a), split_text(b));
        let ((digits_a, next_a), (digits_b, next_b)) = (split_digits(rest_a), split_digits(rest_b));
        let order = compare_text(text_a, text_b).then_with(|| number::compare(digits_a, digits_b));
        if order.is_ne() {
            return order;
        }
        (a, b) = (next_a, next_b);
    }
    Ordering::Equal
}

fn split_text(part: &[u8]) -> (&[u8], &[u8]) {
    split_run(part, |byte| !byte.is_ascii_digit())
}

fn split_digits(part: &[u8]) -> (&[u8], &[u8]) {
    split_run(part, u8::is_ascii_digit)
}

fn compare_text(a: &[u8], b: &[u8]) -> Ordering {
    let weights =
        |text: &[u8], length: usize| -> Vec<u16> { (0..length).map(|at| weight(text.get(at))).collect() };
    let length = a.len().max(b.len());
    weights(a, length).cmp(&weights(b, length))
}

/// `~`, then the end, then letters, then everything else.
fn weight(byte: Option<&u8>) -> u16 {
    match byte {
        Some(b'~') => 0,
        None => 1,
        Some(letter) if letter.is_ascii_alphabetic() => 2 + u16::from(*letter),
        Some(other) => 2 + 256 + u16::from(*other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering::{Equal, Greater, Less};

    #[test]
    fn examples_of_the_policy_and_of_real_packages() {
        for (a, expected, b) in [
            ("1.0~~", Less, "1.0~~a"),
            ("1.0~~a", Less, "1.0~"),
            ("1.0~", Less, "1.0"),
            ("1.0", Less, "1.0a"),
            ("1.0", Equal, "1.0-0"),
            ("0:1.0", Equal, "1.0"),
            ("1.0-1+b1", Greater, "1.0-1ubuntu1"),
            ("1.0-1", Less, "1.0-1+deb12u1"),
            ("2:8.2.3995-1ubuntu2.24", Greater, "2:8.2.3995-1ubuntu2.3"),
            ("1.00", Equal, "1.0"),
        ] {
            assert_eq!(compare(a, b), expected, "{a} {b}");
            assert_eq!(compare(b, a), expected.reverse(), "{b} {a}");
        }
    }
}
