//! What the module reports.

use gumshoe_document::TestResult;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The result of one test, and how it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The result.
    #[serde(flatten)]
    pub result: TestResult,
    /// How it is shown.
    #[serde(default, rename = "output", skip_serializing_if = "Form::is_lines")]
    pub form: Form,
}

/// How results are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// One line for the test and one for each criterion.
    #[default]
    Lines,
    /// A paragraph for people.
    Human,
    /// JSON on one line.
    Json,
}

impl Form {
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde's skip_serializing_if passes a reference"
    )]
    fn is_lines(&self) -> bool {
        *self == Self::Lines
    }
}

/// The finding for people or programs, as it was asked for.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self.form {
            Form::Lines => self.result.lines(),
            Form::Human => self.result.paragraph(),
            Form::Json => serde_json::to_string(&self.result).unwrap_or_default(),
        })
    }
}
