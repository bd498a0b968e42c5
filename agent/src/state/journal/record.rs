//! One line of the journal: a checksum, a space, a JSON object, a newline.

use gumshoe_protocol::{ActionId, ContentDigest, Timestamp};
use serde::{Deserialize, Serialize};

/// Version of the journal's form.
pub const VERSION: u32 = 1;
/// How long a line may be; the longest one that is written has fewer than 500 bytes.
pub const MAX_LINE_BYTES: usize = 1024;
/// Hexadecimal digits of the checksum: the beginning of a SHA-256.
const CHECKSUM_DIGITS: usize = 16;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// The first line: what is known of records that are gone.
    Journal {
        /// [`VERSION`].
        version: u32,
        /// The latest `expires` among them.
        horizon: Timestamp,
        /// The latest `not_before` of any action that was accepted.
        floor: Timestamp,
    },
    /// An action was accepted.
    Accepted(Entry),
    /// The report of one of its operations is in safe hands.
    Done {
        /// The action.
        id: ActionId,
        /// Which operation, from 0.
        index: u32,
    },
    /// Everything about it has been reported.
    Ended {
        /// The action.
        id: ActionId,
    },
    /// It is not to be run, whether it has arrived or not.
    Cancelled {
        /// The action.
        id: ActionId,
        /// How long this has to be remembered.
        record_until: Timestamp,
    },
}

/// An action that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its identifier.
    pub id: ActionId,
    /// SHA-256 of its payload.
    pub digest: ContentDigest,
    /// When its window began.
    pub not_before: Timestamp,
    /// When its window ends.
    pub expires: Timestamp,
    /// How long it has to be remembered.
    pub record_until: Timestamp,
    /// How many operations it has, at most 64.
    pub operations: u32,
    /// When it was accepted.
    pub accepted: Timestamp,
    /// Bit `i` is set when operation `i` has been reported.
    #[serde(default)]
    pub done: u64,
    /// Whether everything about it has been reported.
    #[serde(default)]
    pub ended: bool,
}

impl Entry {
    /// Indices of the operations that have not been reported.
    #[must_use]
    pub fn missing(&self) -> Vec<u32> {
        let is_done = |index: u32| self.done.checked_shr(index).unwrap_or(0) & 1 == 1;
        (0..self.operations).filter(|index| !is_done(*index)).collect()
    }

    /// Notes that an operation has been reported.
    pub fn mark(&mut self, index: u32) {
        self.done |= 1_u64.checked_shl(index).unwrap_or(0);
    }
}

/// A record as a line.
#[must_use]
pub fn line(record: &Record) -> String {
    // Text keys, no floats: this cannot fail, and an empty line would be refused when it is read.
    let json = serde_json::to_string(record).unwrap_or_default();
    format!("{} {json}\n", checksum(&json))
}

/// Reads a line without its newline.
///
/// # Errors
///
/// What is wrong with it.
pub fn parse(line: &[u8]) -> Result<Record, String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not text".to_owned())?;
    let (sum, json) = text.split_once(' ').ok_or("it has no checksum")?;
    if sum != checksum(json) {
        return Err("its checksum is wrong".to_owned());
    }
    serde_json::from_str(json).map_err(|error| error.to_string())
}

fn checksum(json: &str) -> String {
    let mut digits = ContentDigest::of(json.as_bytes()).to_string();
    digits.truncate(CHECKSUM_DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_and_every_flipped_bit_is_noticed() {
        let record = Record::Done {
            id: ActionId::from_bytes([7; 16]),
            index: 3,
        };
        let written = line(&record);
        let good = written.trim_end_matches('\n').as_bytes();
        assert_eq!(parse(good).unwrap(), record);
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.to_vec();
                bad[at] ^= 1 << bit;
                assert!(parse(&bad).is_err(), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn what_is_missing_are_the_operations_without_a_report() {
        let mut entry = Entry {
            id: ActionId::from_bytes([0; 16]),
            digest: ContentDigest::of(b""),
            not_before: Timestamp::UNIX_EPOCH,
            expires: Timestamp::UNIX_EPOCH,
            record_until: Timestamp::UNIX_EPOCH,
            accepted: Timestamp::UNIX_EPOCH,
            operations: 64,
            done: 0,
            ended: false,
        };
        for index in (0..64).filter(|i| *i != 5).chain([64, u32::MAX]) {
            entry.mark(index);
        }
        assert_eq!(entry.missing(), [5]);
        assert!(line(&Record::Accepted(entry)).len() < MAX_LINE_BYTES);
    }
}
