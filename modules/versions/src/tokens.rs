//! A version as runs of digits and letters.

use std::cmp::Ordering;

use crate::{
    evr::Caret,
    number::{self, split_run},
};

/// One piece of a version. Variants stand in their order, the end of the version among them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Token<'a> {
    Tilde,
    End,
    Caret,
    Letters(&'a [u8]),
    Digits(&'a [u8]),
}

impl<'a> Token<'a> {
    fn rank(self) -> u8 {
        match self {
            Self::Tilde => 0,
            Self::End => 1,
            Self::Caret => 2,
            Self::Letters(_) => 3,
            Self::Digits(_) => 4,
        }
    }

    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Letters(a), Self::Letters(b)) => a.cmp(b),
            (Self::Digits(a), Self::Digits(b)) => number::compare(a, b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// Takes the next token off a version.
    fn next(text: &mut &'a [u8], caret: Caret) -> Self {
        while let Some((&first, rest)) = text.split_first() {
            let token = match first {
                b'~' => Self::Tilde,
                b'^' if caret == Caret::SortsAfterEnd => Self::Caret,
                byte if byte.is_ascii_digit() => {
                    let (run, rest) = split_run(text, u8::is_ascii_digit);
                    *text = rest;
                    return Self::Digits(run);
                }
                byte if byte.is_ascii_alphabetic() => {
                    let (run, rest) = split_run(text, u8::is_ascii_alphabetic);
                    *text = rest;
                    return Self::Letters(run);
                }
                _ => {
                    *text = rest;
                    continue;
                }
            };
            *text = rest;
            return token;
        }
        Self::End
    }
}

/// Compares token by token; the first difference decides.
pub(crate) fn compare(a: &str, b: &str, caret: Caret) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        let (left, right) = (Token::next(&mut a, caret), Token::next(&mut b, caret));
        let order = left.compare(right);
        if order.is_ne() || matches!(left, Token::End) {
            return order;
        }
    }
}
