//! Sizes: `<10m`, `>4k`, `1024`.

use std::cmp::Ordering;

/// A condition on a size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeTest {
    order: Ordering,
    bytes: u64,
}

/// Why a text is no [`SizeTest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SizeError {
    /// No number, or something else than a unit behind it.
    #[error("not a size: write `<10m`, `>4k` or `1024`, with the units k, m, g, t (powers of 1024)")]
    Syntax,
    /// More bytes than 64 bits hold.
    #[error("the size exceeds 64 bits")]
    TooLarge,
}

impl SizeTest {
    /// Reads `[<>]NUMBER[kmgt]`; units are powers of 1024, in either case.
    ///
    /// # Errors
    ///
    /// [`SizeError`] when the text has another form or stands for more than 64 bits hold.
    pub fn parse(text: &str) -> Result<Self, SizeError> {
        let (order, rest) = match text.split_at_checked(1) {
            Some(("<", rest)) => (Ordering::Less, rest),
            Some((">", rest)) => (Ordering::Greater, rest),
            _ => (Ordering::Equal, text),
        };
        let digits = rest.trim_end_matches(|letter: char| !letter.is_ascii_digit());
        let shift = match &rest[digits.len()..] {
            "" => 0,
            "k" | "K" => 10,
            "m" | "M" => 20,
            "g" | "G" => 30,
            "t" | "T" => 40,
            _ => return Err(SizeError::Syntax),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SizeError::Syntax);
        }
        let number: u64 = digits.parse().map_err(|_| SizeError::TooLarge)?;
        let bytes = number.checked_mul(1 << shift).ok_or(SizeError::TooLarge)?;
        Ok(Self { order, bytes })
    }

    /// Whether a size is strictly smaller, strictly greater, or equal, as the text says.
    #[must_use]
    pub fn matches(self, bytes: u64) -> bool {
        bytes.cmp(&self.bytes) == self.order
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn comparisons_are_strict_and_units_are_powers_of_1024() {
        let cases = [
            ("<10m", 10 << 20, [true, false, false]),
            (">4k", 4 << 10, [false, false, true]),
            ("1024", 1024, [false, true, false]),
            ("1G", 1 << 30, [false, true, false]),
            ("<1t", 1 << 40, [true, false, false]),
        ];
        for (text, edge, expected) in cases {
            let test = SizeTest::parse(text).unwrap();
            assert_eq!(
                [edge - 1, edge, edge + 1].map(|size| test.matches(size)),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "", "<", "k", "<k", "10x", "1 k", "-1", "+1", "1.5k", "<<1", "1kk", "é", "<é", "１",
        ] {
            assert_eq!(SizeTest::parse(text), Err(SizeError::Syntax), "{text}");
        }
        for text in ["18446744073709551616", "16777216t"] {
            assert_eq!(SizeTest::parse(text), Err(SizeError::TooLarge), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            let _ = SizeTest::parse(&text);
        }
    }
}
