//! What is wrong with parameters: every problem at once, each with its place.

use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fmt;

/// One thing that is wrong with the parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// JSON pointer to the offending value (RFC 6901); empty for the whole document.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// All that is wrong with the parameters; never empty once returned as an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// How many problems are listed; more are counted in a last entry.
    pub const MAX: usize = 64;

    /// No problem so far.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// A single problem.
    pub fn one(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let mut problems = Self::new();
        problems.add(pointer, message);
        problems
    }

    /// Adds a problem; beyond [`Problems::MAX`] only the fact that there are more is kept.
    pub fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        match self.0.len() {
            n if n < Self::MAX => {
                self.0.push(Problem {
                    pointer: pointer.into(),
                    message: message.into(),
                });
            }
            n if n == Self::MAX => self.0.push(Problem {
                pointer: String::new(),
                message: format!("more than {} problems; the rest is not listed", Self::MAX),
            }),
            _ => {}
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problems in the order in which they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// `value` when nothing is wrong.
    ///
    /// # Errors
    ///
    /// These problems, if there are any.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            match problem.pointer.as_str() {
                "" => write!(f, "{separator}{}", problem.message)?,
                pointer => write!(f, "{separator}at `{pointer}`: {}", problem.message)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// For parameters that are their own plan.
impl From<Infallible> for Problems {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// What a plugin answers instead of a result, as it crosses the ABI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// What kind of error it is.
    pub kind: Kind,
    /// The error in one sentence.
    pub message: String,
    /// What is wrong with the parameters, for [`Kind::Parameters`].
    #[serde(default, skip_serializing_if = "Problems::is_empty")]
    pub problems: Problems,
}

/// What kind of error a plugin reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The parameters are wrong: nothing was run.
    Parameters,
    /// The operation could not do its work.
    Failure,
    /// The module panicked: a defect in the module.
    Panic,
    /// What the host handed over is not what this ABI version expects.
    Protocol,
    /// An error of a kind that this version does not know.
    #[serde(other)]
    Other,
}

impl From<Problems> for Rejection {
    fn from(problems: Problems) -> Self {
        Self {
            kind: Kind::Parameters,
            message: format!("invalid parameters: {problems}"),
            problems,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Rejection {}

/// The known word nearest to `unknown`, if one is near enough to be a likely slip.
///
/// Distance is Levenshtein's, at most a third of the longer word's length.
#[must_use]
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if unknown.len() > 64 {
        return None;
    }
    known
        .into_iter()
        .map(|word| (distance(unknown, word), word))
        .filter(|(d, word)| *d <= unknown.len().max(word.len()).div_ceil(3))
        .min_by_key(|(d, _)| *d)
        .map(|(_, word)| word)
}

/// Levenshtein's edit distance over bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, byte_a) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, byte_b) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(byte_a != byte_b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_nonsense_is_not() {
        let known = ["paths", "names", "contents"];
        for (unknown, expected) in [
            ("path", Some("paths")),
            ("content", Some("contents")),
            ("nmaes", Some("names")),
            ("zzzzzz", None),
        ] {
            assert_eq!(nearest(unknown, known), expected, "{unknown}");
        }
    }

    #[test]
    fn a_million_problems_stay_readable() {
        let mut problems = Problems::new();
        (0..1_000_000).for_each(|i| problems.add(format!("/{i}"), "wrong"));
        assert_eq!(problems.iter().count(), Problems::MAX + 1);
        assert!(problems.to_string().contains("more than 64 problems"));
    }
}
