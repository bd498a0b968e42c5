//! Fingerprints of keys.
use std::fmt;
use std::str::FromStr;

use pgp::types::Fingerprint as Raw;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The fingerprint of an OpenPGP key: what a key is called in Gumshoe.
///
/// Shape: upper-case hexadecimal without spaces, 40 digits (version 4, SHA-1) or 64 (version 6, SHA-256); in JSON
/// the same, as a string. Read in either case, and with the spaces that programs print between the digits.
/// Source: RFC 9580, section 5.5.4.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(Digits);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Digits {
    V4([u8; 20]),
    V6([u8; 32]),
}

/// Why a text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint has 40 or 64 hexadecimal digits, a key id is not enough")]
pub struct FingerprintError;

impl Fingerprint {
    /// The bytes: 20 or 32 of them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Digits::V4(bytes) => bytes,
            Digits::V6(bytes) => bytes,
        }
    }

    /// The library's fingerprint, if it is one of a version that is accepted.
    pub(crate) fn of(raw: &Raw) -> Option<Fingerprint> {
        match raw {
            Raw::V4(bytes) => Some(Fingerprint(Digits::V4(*bytes))),
            Raw::V6(bytes) => Some(Fingerprint(Digits::V6(*bytes))),
            _ => None,
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes()
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02X}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Fingerprint, FingerprintError> {
        // Longer than any fingerprint with a space behind each digit is none.
        if text.len() > 128 {
            return Err(FingerprintError);
        }
        let digits: Option<Vec<u8>> = text
            .chars()
            .filter(|&c| c != ' ')
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect();
        let digits = digits.ok_or(FingerprintError)?;
        if digits.len() % 2 != 0 {
            return Err(FingerprintError);
        }
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect();
        let v4 = bytes.as_slice().try_into().map(Digits::V4);
        v4.or_else(|_| bytes.as_slice().try_into().map(Digits::V6))
            .map(Fingerprint)
            .map_err(|_| FingerprintError)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fingerprint, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "A6A75D0A2172B7C1C12AF724E80A36F0F6007F03";
    const V6: &str = "CB186C4F0609A697E4D52DFA6C722B0C1F1E27C18A56708F6525EC27BAD9ACC9";

    #[test]
    fn read_as_people_write_them() {
        for text in [
            V4,
            V6,
            &V4.to_lowercase(),
            "A6A7 5D0A 2172 B7C1 C12A  F724 E80A 36F0 F600 7F03",
        ] {
            let fingerprint: Fingerprint = text.parse().unwrap();
            assert_eq!(fingerprint.to_string(), text.replace(' ', "").to_uppercase());
            let json = serde_json::to_string(&fingerprint).unwrap();
            assert_eq!(json, format!("\"{fingerprint}\""));
            assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), fingerprint);
        }
    }

    #[test]
    fn nothing_else_is_one() {
        let long = format!("{V6}00");
        let odd = format!("{V4}0");
        for text in [
            "",
            "F6007F03",
            &V4[24..],
            &odd,
            &long,
            "0xA6A75D0A2172B7C1C12AF724E80A36F0F6007F",
            &"g".repeat(40),
        ] {
            assert_eq!(text.parse::<Fingerprint>(), Err(FingerprintError), "{text}");
        }
    }
}
