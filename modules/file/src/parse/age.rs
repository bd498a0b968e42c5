//! Ages: `<90d` (changed since), `>5h` (changed before).

/// Nanoseconds since 1970, for points in time.
pub type Nanoseconds = i128;

/// A condition on how long ago something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgeTest {
    since: bool,
    seconds: u64,
}

/// Why a text is no [`AgeTest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AgeError {
    /// No comparison, number or unit.
    #[error("not an age: write `<90d` (changed since) or `>5h` (changed before), with the units d, h, m")]
    Syntax,
    /// More seconds than 64 bits hold.
    #[error("the age exceeds 64 bits")]
    TooLarge,
}

impl AgeTest {
    /// Reads `<NUMBER(d|h|m)` or `>NUMBER(d|h|m)`: days, hours, minutes.
    ///
    /// # Errors
    ///
    /// [`AgeError`] when the text has another form or stands for more than 64 bits hold.
    pub fn parse(text: &str) -> Result<Self, AgeError> {
        let (since, rest) = match text.split_at_checked(1) {
            Some(("<", rest)) => (true, rest),
            Some((">", rest)) => (false, rest),
            _ => return Err(AgeError::Syntax),
        };
        let digits = rest.trim_end_matches(['d', 'h', 'm']);
        let unit_seconds = match &rest[digits.len()..] {
            "d" => 24 * 60 * 60,
            "h" => 60 * 60,
            "m" => 60,
            _ => return Err(AgeError::Syntax),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AgeError::Syntax);
        }
        let number: u64 = digits.parse().map_err(|_| AgeError::TooLarge)?;
        let seconds = number.checked_mul(unit_seconds).ok_or(AgeError::TooLarge)?;
        Ok(Self { since, seconds })
    }

    /// Whether a time is later (`<`) or earlier (`>`) than the age before `now`.
    #[must_use]
    pub fn matches(self, time: Nanoseconds, now: Nanoseconds) -> bool {
        let edge = now - Nanoseconds::from(self.seconds) * 1_000_000_000;
        if self.since { time > edge } else { time < edge }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Nanoseconds = 24 * 60 * 60 * 1_000_000_000;

    #[test]
    fn less_means_since_and_more_means_before() {
        let now = 1000 * DAY;
        let matches = |text: &str, time| AgeTest::parse(text).unwrap().matches(time, now);
        assert!(matches("<90d", now - 89 * DAY) && !matches("<90d", now - 91 * DAY));
        assert!(matches(">24h", now - 2 * DAY) && !matches(">24h", now - DAY / 2));
        assert!(matches("<60m", now + DAY), "times in the future are recent");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "", "<", "90d", "<d", "<9", "<9s", "<9dd", "<-9d", "< 9d", "<1.5d", "é9d",
        ] {
            assert_eq!(AgeTest::parse(text), Err(AgeError::Syntax), "{text}");
        }
        assert_eq!(AgeTest::parse("<18446744073709551615d"), Err(AgeError::TooLarge));
    }
}
