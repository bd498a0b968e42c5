//! Durations and sizes as people write them: `90s`, `5m`, `512m`, `8g`.

use serde::{Deserialize, Deserializer};
use std::str::FromStr;

/// A time span: an integer with `ms`, `s`, `m`, `h` or `d`; seconds when nothing follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(u64);

impl Duration {
    /// The time span of so many milliseconds.
    #[must_use]
    pub const fn from_milliseconds(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// In milliseconds.
    #[must_use]
    pub fn milliseconds(self) -> u64 {
        self.0
    }
}

/// A number of bytes: an integer with `k`, `m`, `g` or `t` (powers of 1024) or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(u64);

impl Bytes {
    /// So many bytes.
    #[must_use]
    pub const fn from_count(count: u64) -> Self {
        Self(count)
    }

    /// As a plain number.
    #[must_use]
    pub fn count(self) -> u64 {
        self.0
    }
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [
            ("ms", 1),
            ("", 1000),
            ("s", 1000),
            ("m", 60_000),
            ("h", 3_600_000),
            ("d", 86_400_000),
        ];
        scaled(text, &units).filter(|&n| n > 0).map(Self).ok_or_else(|| {
            format!(
                "{text:?} is not a duration: write a whole number above 0 and ms, s, m, h or d, such as 90s"
            )
        })
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [
            ("", 1),
            ("k", 1 << 10),
            ("m", 1 << 20),
            ("g", 1 << 30),
            ("t", 1 << 40),
        ];
        scaled(&text.to_ascii_lowercase(), &units).map(Self).ok_or_else(|| {
            format!("{text:?} is not a size: write a whole number and k, m, g or t (powers of 1024), such as 512m")
        })
    }
}

/// Splits number and unit and multiplies; `None` for anything else, also on overflow.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = units.iter().find(|(name, _)| *name == unit.trim_start())?.1;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_understood_and_the_rest_explained() {
        for (text, milliseconds) in [
            ("90", 90_000),
            ("1500ms", 1500),
            ("5m", 300_000),
            ("2 h", 7_200_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(
                text.parse::<Duration>().unwrap().milliseconds(),
                milliseconds,
                "{text}"
            );
        }
        for text in [
            "",
            "m",
            "0s",
            "-1s",
            "5 minutes",
            "1.5h",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert!(
                text.parse::<Duration>().unwrap_err().contains("such as 90s"),
                "{text}"
            );
        }
        assert_eq!("512M".parse::<Bytes>().unwrap().count(), 512 << 20);
        assert!("512mb".parse::<Bytes>().is_err());
    }
}
