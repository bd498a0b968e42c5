//! What is said about a test.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::limits::MAX_LISTED;

/// The result of one test.
///
/// Values that were tested are never part of it, only identifiers: paths, names of packages and the like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// Id of the test.
    pub test: String,
    /// Its name; its id when it has none.
    pub name: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether it is true. False when there is an error.
    pub result: bool,
    /// Whether it is true for at least one criterion, whatever became of the tests that it depends on.
    #[serde(rename = "hastrue")]
    pub has_true: bool,
    /// Whether it is false because of a test that it depends on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blocked: bool,
    /// One entry per criterion, at most [`MAX_LISTED`](crate::limits::MAX_LISTED) of them: those that are true first
    /// get a place, and all stand in their order.
    pub results: Vec<SubResult>,
    /// How many criteria are not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_listed: u64,
    /// What the document's author attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Why it could not be evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// What a test says of one criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubResult {
    /// Path, name of the package, or what else names the criterion.
    pub identifier: String,
    /// Whether the test is true for it.
    pub result: bool,
}

/// Something that the document's author attached to a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl TestResult {
    /// Lists criteria, as many as there is room for.
    pub(crate) fn list(&mut self, mut results: Vec<SubResult>) {
        let all = results.len();
        let mut room_for_true = results.iter().filter(|sub| sub.result).count().min(MAX_LISTED);
        let mut room_for_false = MAX_LISTED - room_for_true;
        results.retain(|sub| {
            let room = if sub.result {
                &mut room_for_true
            } else {
                &mut room_for_false
            };
            let keep = *room > 0;
            *room = room.saturating_sub(1);
            keep
        });
        self.not_listed = u64::try_from(all - results.len()).unwrap_or(u64::MAX);
        self.results = results;
    }

    /// One line for the test and one per criterion, easy to take apart. No newline at the end.
    #[must_use]
    pub fn lines(&self) -> String {
        let word = match &self.error {
            Some(_) => "error",
            None if self.result => "true",
            None => "false",
        };
        let (name, id) = (clean(&self.name), clean(&self.test));
        let error = clean(self.error.as_deref().unwrap_or_default()).replace('"', "'");
        let mut text = format!(
            "master [{word}] name:\"{name}\" id:\"{id}\" hastrue:{} error:\"{error}\"",
            self.has_true
        );
        for sub in &self.results {
            let identifier = clean(&sub.identifier);
            let _ = write!(
                text,
                "\nsub [{}] name:\"{name}\" id:\"{id}\" identifier:\"{identifier}\"",
                sub.result
            );
        }
        if self.not_listed > 0 {
            let _ = write!(
                text,
                "\nmore name:\"{name}\" id:\"{id}\" count:{}",
                self.not_listed
            );
        }
        text
    }

    /// An indented paragraph for people. No newline at the end.
    #[must_use]
    pub fn paragraph(&self) -> String {
        let mut text = format!("result for \"{}\" ({})", clean(&self.name), clean(&self.test));
        if !self.description.is_empty() {
            let _ = write!(text, "\n\tdescription: {}", clean(&self.description));
        }
        if let Some(error) = &self.error {
            let _ = write!(text, "\n\t[error] error: {}", clean(error));
            return text;
        }
        let cause = match self.has_true && self.blocked {
            true => ", has true results, failure caused by dependency",
            false => "",
        };
        let _ = write!(text, "\n\tmaster result: {}{cause}", self.result);
        for tag in &self.tags {
            let _ = write!(text, "\n\ttag: {}: {}", clean(&tag.key), clean(&tag.value));
        }
        for sub in &self.results {
            let _ = write!(
                text,
                "\n\t[{}] identifier: \"{}\"",
                sub.result,
                clean(&sub.identifier)
            );
        }
        if self.not_listed > 0 {
            let _ = write!(text, "\n\tand {} more", self.not_listed);
        }
        text
    }
}

/// A file's name may have line ends and control characters, which could pass for another result.
fn clean(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> TestResult {
        TestResult {
            test: "t1".into(),
            name: "first".into(),
            has_true: true,
            blocked: true,
            results: vec![SubResult {
                identifier: "/a\nmaster [true]".into(),
                result: true,
            }],
            tags: vec![Tag {
                key: "cve".into(),
                value: "x".into(),
            }],
            ..TestResult::default()
        }
    }

    #[test]
    fn lines_cannot_be_forged() {
        assert_eq!(
            result().lines(),
            "master [false] name:\"first\" id:\"t1\" hastrue:true error:\"\"\n\
             sub [true] name:\"first\" id:\"t1\" identifier:\"/a\u{fffd}master [true]\""
        );
    }

    #[test]
    fn what_is_true_is_listed_first_and_the_rest_is_counted() {
        let mut all = result();
        let is_true = |n: usize| n % 20_000 == 19_999;
        let sub = |n: usize| SubResult {
            identifier: n.to_string(),
            result: is_true(n),
        };
        all.list((0..40_000).map(sub).collect());
        assert_eq!((all.results.len(), all.not_listed), (MAX_LISTED, 30_000));
        assert_eq!(all.results.iter().filter(|sub| sub.result).count(), 2);
        assert!(
            all.lines()
                .ends_with("\nmore name:\"first\" id:\"t1\" count:30000")
        );
        assert!(all.paragraph().ends_with("\n\tand 30000 more"));
    }

    #[test]
    fn the_paragraph_says_why() {
        let text = result().paragraph();
        assert!(text.contains("master result: false, has true results, failure caused by dependency"));
        let failed = TestResult {
            error: Some("no such object".into()),
            ..result()
        };
        assert!(failed.paragraph().ends_with("\n\t[error] error: no such object"));
    }
}
