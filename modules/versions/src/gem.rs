//! RubyGems' order.
//!
//! Source: documentation of `Gem::Version`: runs of digits and of letters, letters (a pre-release) before digits,
//! zeros at the end without meaning, `-` short for `.pre.`.

use std::cmp::Ordering;

use crate::number::{self, split_run};

#[derive(Debug, Clone, Copy)]
enum Segment<'a> {
    Letters(&'a [u8]),
    Digits(&'a [u8]),
}

impl Segment<'_> {
    const ZERO: Self = Self::Digits(b"0");

    fn is_zero(&self) -> bool {
        matches!(self, Self::Digits(digits) if number::without_zeros(digits).is_empty())
    }

    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Letters(a), Self::Letters(b)) => a.cmp(b),
            (Self::Digits(a), Self::Digits(b)) => number::compare(a, b),
            (Self::Letters(_), Self::Digits(_)) => Ordering::Less,
            (Self::Digits(_), Self::Letters(_)) => Ordering::Greater,
        }
    }
}

/// Compares segment by segment; a missing one is 0.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (segments(a.as_bytes()), segments(b.as_bytes()));
    (0..a.len().max(b.len()))
        .map(|index| {
            let left = a.get(index).copied().unwrap_or(Segment::ZERO);
            left.compare(b.get(index).copied().unwrap_or(Segment::ZERO))
        })
        .fold(Ordering::Equal, Ordering::then)
}

/// The segments without the zeros at the end of the release and of the whole.
fn segments(mut text: &[u8]) -> Vec<Segment<'_>> {
    let mut list = Vec::new();
    while let Some((&first, rest)) = text.split_first() {
        let segment;
        (segment, text) = match first {
            b'-' => (Segment::Letters(b"pre"), rest),
            byte if byte.is_ascii_digit() => take(text, u8::is_ascii_digit, Segment::Digits),
            byte if byte.is_ascii_alphabetic() => take(text, u8::is_ascii_alphabetic, Segment::Letters),
            _ => {
                text = rest;
                continue;
            }
        };
        if matches!(segment, Segment::Letters(_)) && !list.iter().any(|s| matches!(s, Segment::Letters(_))) {
            trim_zeros(&mut list);
        }
        list.push(segment);
    }
    trim_zeros(&mut list);
    list
}

fn take<'a>(
    text: &'a [u8],
    belongs: fn(&u8) -> bool,
    make: fn(&'a [u8]) -> Segment<'a>,
) -> (Segment<'a>, &'a [u8]) {
    let (run, rest) = split_run(text, belongs);
    (make(run), rest)
}

fn trim_zeros(list: &mut Vec<Segment<'_>>) {
    while list.last().is_some_and(Segment::is_zero) {
        list.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering::{Equal, Less};

    #[test]
    fn versions_as_gems_have_them() {
        let rising = [
            "1.0.0.a",
            "1.0.a.2",
            "1.0.0.rc1",
            "1.0",
            "1.0.1",
            "1.1.a",
            "1.1",
            "1.10",
            "2.0",
        ];
        for pair in rising.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Less, "{pair:?}");
        }
        assert_eq!(compare("1.0.0", "1"), Equal);
        assert_eq!(compare("1.0.0-1", "1.pre.1"), Equal);
    }
}
