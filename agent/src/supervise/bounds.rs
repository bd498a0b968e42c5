//! How long a report can get besides its findings, so that it fits into one message to the relay whatever a module tells.
//!
//! An envelope with a report has at most [`REPORT_ENVELOPE_BYTES`](gumshoe_protocol::bounds::REPORT_ENVELOPE_BYTES); in base64 that
//! is 9 MiB of report, of which findings take 8.

use gumshoe_plugin_api::{Coverage, Skipped};
use serde::Serialize;
use serde_json::{Map, Value};

/// How many errors a report lists; more are counted.
const MAX_ERRORS: usize = 1000;
/// How long an error may be.
const MAX_ERROR_BYTES: usize = 16 << 10;
/// How long all errors together may be, as JSON.
const MAX_ERRORS_BYTES: usize = 128 << 10;
/// How many coverage entries a report lists; more are added up in a last one.
const MAX_SKIPPED: usize = 1000;
/// How long the two texts of a coverage entry may be.
const MAX_TEXT_BYTES: usize = 1024;
/// How long all coverage entries together may be, as JSON.
const MAX_COVERAGE_BYTES: usize = 256 << 10;
/// How long statistics may be, as JSON.
const MAX_STATISTICS_BYTES: usize = 64 << 10;

/// The errors of a report.
#[derive(Debug, Default)]
pub struct Errors {
    listed: Vec<String>,
    bytes: usize,
    more: u64,
}

impl Errors {
    /// Adds one; what is too much is cut or counted.
    pub fn add(&mut self, error: String) {
        let error = shorten(error, MAX_ERROR_BYTES);
        let bytes = self.bytes + length(&error);
        if self.listed.len() < MAX_ERRORS && bytes <= MAX_ERRORS_BYTES {
            self.bytes = bytes;
            self.listed.push(error);
        } else {
            self.more += 1;
        }
    }

    /// All of them; the last one says how many are not listed, if there are such.
    pub fn finish(mut self) -> Vec<String> {
        if self.more > 0 {
            self.listed
                .push(format!("{} more errors are not listed", self.more));
        }
        self.listed
    }
}

/// What a module's coverage entries take.
#[derive(Debug, Default)]
pub struct Room {
    bytes: usize,
}

impl Room {
    /// Sets an entry that a module tells: examples that do not fit are left out, and so are entries, which are added up in a last
    /// one.
    pub fn set(&mut self, coverage: &mut Coverage, entry: Skipped) {
        let mut entry = short(entry);
        let same = |old: &&Skipped| old.what == entry.what && old.why == entry.why;
        let old = coverage.skipped.iter().find(same).map(length);
        let others = self.bytes - old.unwrap_or(0);
        if others + length(&entry) > MAX_COVERAGE_BYTES {
            entry.examples.clear();
        }
        let bytes = others + length(&entry);
        let has_room = coverage.skipped.len() < MAX_SKIPPED && bytes <= MAX_COVERAGE_BYTES;
        if old.is_some() || has_room {
            self.bytes = bytes;
            coverage.set(entry);
        } else {
            Self::add_up(coverage, entry);
        }
    }

    fn add_up(coverage: &mut Coverage, entry: Skipped) {
        let mut rest = Skipped::one("things", "too many different reasons to list").count(0);
        rest.by_design = true;
        let same = |old: &&Skipped| old.what == rest.what && old.why == rest.why;
        let old = coverage.skipped.iter().find(same).cloned();
        let mut rest = old.unwrap_or(rest);
        let unnamed = Skipped {
            examples: Vec::new(),
            ..entry
        };
        rest.merge(unnamed);
        coverage.set(rest);
    }
}

/// A module's statistics, if they are not too long.
///
/// # Errors
///
/// Why there are none.
pub fn statistics(map: Map<String, Value>) -> Result<Map<String, Value>, String> {
    match length(&map) {
        0..=MAX_STATISTICS_BYTES => Ok(map),
        bytes => Err(format!(
            "the module's statistics have {bytes} bytes, at most {MAX_STATISTICS_BYTES} are reported"
        )),
    }
}

/// An error's text within its bound.
#[must_use]
pub fn error(text: String) -> String {
    shorten(text, MAX_ERROR_BYTES)
}

fn short(entry: Skipped) -> Skipped {
    let examples = entry.examples.into_iter().take(Skipped::MAX_EXAMPLES);
    Skipped {
        what: shorten(entry.what, MAX_TEXT_BYTES),
        why: shorten(entry.why, MAX_TEXT_BYTES),
        examples: examples
            .map(|example| shorten(example, Skipped::MAX_EXAMPLE_BYTES))
            .collect(),
        ..entry
    }
}

fn shorten(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most - '…'.len_utf8()));
        text.push('…');
    }
    text
}

/// How long something is as JSON, with a comma.
fn length<T: Serialize>(what: &T) -> usize {
    serde_json::to_string(what).map_or(usize::MAX / 4, |text| text.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_bounded_one_by_one_and_together() {
        let mut errors = Errors::default();
        errors.add("é".repeat(MAX_ERROR_BYTES));
        // Six bytes each as JSON.
        (0..100).for_each(|_| errors.add("\u{1}".repeat(5000)));
        let listed = errors.finish();
        assert!(listed[0].len() <= MAX_ERROR_BYTES && listed[0].ends_with('…'));
        assert!(length(&listed) < MAX_ERRORS_BYTES + 100);
        let told = listed.len() as u64 - 2;
        assert_eq!(
            listed.last().unwrap(),
            &format!("{} more errors are not listed", 100 - told)
        );
    }

    #[test]
    fn coverage_is_bounded_and_nothing_is_left_uncounted() {
        let (mut room, mut coverage) = (Room::default(), Coverage::default());
        let entry = |number: u64| {
            let long = Skipped::one("file", format!("{number}").repeat(200)).count(number);
            (0..9).fold(long, |entry, _| entry.example("\u{1}".repeat(1000)))
        };
        for number in (1..=3000).chain(1..=3000) {
            room.set(&mut coverage, entry(number));
        }
        assert!(
            length(&coverage) < MAX_COVERAGE_BYTES + 1000,
            "{}",
            length(&coverage)
        );
        assert!(coverage.skipped.len() <= MAX_SKIPPED + 1);
        let listed: u64 = coverage
            .skipped
            .iter()
            .filter(|e| e.what == "file")
            .map(|e| e.count)
            .sum();
        let rest = coverage.skipped.iter().find(|e| e.what == "things").unwrap();
        assert!(!coverage.complete && !rest.by_design);
        // Entries are totals: one that comes again replaces itself, except where it has no entry.
        assert!(listed + rest.count >= (1..=3000).sum::<u64>());
    }

    #[test]
    fn what_is_left_out_by_design_alone_leaves_an_answer_complete() {
        let (mut room, mut coverage) = (Room::default(), Coverage::default());
        for number in 0..2000 {
            room.set(
                &mut coverage,
                Skipped::one("mount", format!("{number}")).by_design(),
            );
        }
        assert!(coverage.complete && coverage.skipped.len() == MAX_SKIPPED + 1);
        room.set(&mut coverage, Skipped::one("file", "unreadable"));
        assert!(!coverage.complete);
    }
}
