//! What one operation found on one host, and what it could not look at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// The module did all it was asked, as far as [`Coverage`] says.
    Success,
    /// Nothing useful came of it: the module reported a failure or its process died.
    Failed,
    /// The time limit ended it; what was found until then is in the report.
    Timeout,
    /// Somebody cancelled it; what was found until then is in the report.
    Cancelled,
    /// The agent did not start it; [`Report::refusal`] says why.
    Refused,
}

/// The report of one operation.
///
/// Shape: as in the module reference; `findings` and `statistics` are typed per module. `F` is how a
/// finding is held: as a value, or as the text that a runner sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report<F = Value> {
    /// Name of the module.
    pub module: String,
    /// Version of the module, when it was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module_version: Option<String>,
    /// How the operation ended.
    pub status: Status,
    /// Whether there is at least one finding.
    pub found: bool,
    /// The findings, in the order in which they were emitted.
    pub findings: Vec<F>,
    /// Numbers about the run; `duration_ms` is always there.
    pub statistics: Value,
    /// What was in scope and not looked at.
    pub coverage: Coverage,
    /// What went wrong without ending the operation, and what ended it.
    pub errors: Vec<String>,
    /// Why the operation was not started; only with [`Status::Refused`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

/// Why an operation was not started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// Stable code to search for, such as `module-disabled`.
    pub code: String,
    /// What was wrong, where, and what to do.
    pub message: String,
}

/// What was in scope and not looked at: what makes "nothing found" worth something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Whether everything in scope was looked at, apart from what was left out by design.
    pub complete: bool,
    /// One entry per kind of thing and reason.
    pub skipped: Vec<Skipped>,
}

impl Default for Coverage {
    fn default() -> Self {
        Self {
            complete: true,
            skipped: Vec::new(),
        }
    }
}

impl Coverage {
    /// Adds an entry, or replaces the one with the same `what` and `why`: entries are totals.
    pub fn set(&mut self, entry: Skipped) {
        self.complete &= entry.by_design;
        let same = |old: &&mut Skipped| old.what == entry.what && old.why == entry.why;
        match self.skipped.iter_mut().find(same) {
            Some(old) => *old = entry,
            None => self.skipped.push(entry),
        }
    }
}

/// One kind of thing that was not looked at, for one reason.
///
/// Limits: at most [`Skipped::MAX_EXAMPLES`] examples of at most [`Skipped::MAX_EXAMPLE_BYTES`]
/// bytes each are kept; `count` is exact all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Skipped {
    /// What kind of thing, such as `file`, `folder`, `process memory`.
    pub what: String,
    /// Why, such as `permission denied`, `limit reached: matchlimit = 1000`.
    pub why: String,
    /// How many of them.
    pub count: u64,
    /// How many bytes, where that is known; otherwise 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes: u64,
    /// A few of them by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
    /// Left out because the question says so (a remote file system that was not asked for), so
    /// that the answer is complete without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_design: bool,
}

impl Skipped {
    /// How many examples an entry keeps.
    pub const MAX_EXAMPLES: usize = 5;
    /// How long an example may be; a longer one is cut and ends in `…`.
    pub const MAX_EXAMPLE_BYTES: usize = 1024;

    /// One thing of kind `what` was not looked at because of `why`.
    pub fn one(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            why: why.into(),
            count: 1,
            bytes: 0,
            examples: Vec::new(),
            by_design: false,
        }
    }

    /// Names the thing.
    #[must_use]
    pub fn example(mut self, example: impl Into<String>) -> Self {
        self.examples
            .push(shorten(example.into(), Self::MAX_EXAMPLE_BYTES));
        self
    }

    /// Says how many bytes were not looked at.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// Says how many things were not looked at.
    #[must_use]
    pub fn count(mut self, count: u64) -> Self {
        self.count = count;
        self
    }

    /// Says that the question itself leaves this out.
    #[must_use]
    pub fn by_design(mut self) -> Self {
        self.by_design = true;
        self
    }

    /// Adds another entry of the same kind and reason to this one.
    pub fn merge(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.by_design &= other.by_design;
        let room = Self::MAX_EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.into_iter().take(room));
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// Cuts text at a character boundary so that it has at most `max` bytes, marking the cut.
fn shorten(mut text: String, max: usize) -> String {
    if text.len() > max {
        let cut = text.floor_char_boundary(max.saturating_sub('…'.len_utf8()));
        text.truncate(cut);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_replaces_the_one_with_the_same_reason() {
        let mut coverage = Coverage::default();
        coverage.set(Skipped::one("file", "remote file system").by_design());
        assert!(coverage.complete);
        coverage.set(Skipped::one("file", "permission denied"));
        coverage.set(Skipped::one("file", "permission denied").count(7));
        assert!(!coverage.complete);
        assert_eq!(coverage.skipped.len(), 2);
        assert_eq!(coverage.skipped[1].count, 7);
    }

    #[test]
    fn merging_keeps_exact_counts_and_few_examples() {
        let mut entry = Skipped::one("file", "vanished").example("0").bytes(1);
        for i in 1..100 {
            entry.merge(Skipped::one("file", "vanished").example(i.to_string()).bytes(1));
        }
        assert_eq!((entry.count, entry.bytes, entry.examples.len()), (100, 100, 5));
    }

    #[test]
    fn a_long_example_is_cut_where_a_character_ends() {
        let entry = Skipped::one("file", "x").example("ä".repeat(2000));
        assert!(entry.examples[0].len() <= Skipped::MAX_EXAMPLE_BYTES);
        assert!(entry.examples[0].ends_with('…'));
    }
}
