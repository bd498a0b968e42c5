//! What a module author implements.

use crate::{Context, Example, Problems};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;

/// A module: one kind of question about a host.
///
/// The type itself is never instantiated; it only ties the parts together. Everything that is read
/// from the system has to be read below [`Context::root`], so that the module runs on a fixture.
pub trait Module: 'static {
    /// The parameters as they arrive. Unknown keys are refused by the SDK before this type sees
    /// them; `1000.0` is accepted where the schema says integer.
    type Params: DeserializeOwned + JsonSchema;
    /// The parameters after every check: what [`Module::run`] works from.
    ///
    /// [`TryFrom`] checks them completely, without looking at the host. Its error is every [`Problem`](crate::Problem)
    /// at once, each with a JSON pointer to its place. Parameters that need no check may be their own plan.
    type Plan: TryFrom<Self::Params, Error: Into<Problems>>;
    /// One finding. Metadata only: never content of files or memory.
    ///
    /// [`Display`] writes it as a line (or a few) for humans, without a trailing newline.
    type Finding: Serialize + DeserializeOwned + Display;
    /// Numbers about the run; `duration_ms` is added by the agent.
    type Statistics: Serialize;

    /// Runs one operation. Findings go through [`Context::emit`] as they are found.
    ///
    /// # Errors
    ///
    /// [`Failure`] when nothing useful could be done. What only narrows the answer goes to
    /// [`Context::skipped`]; what was emitted before a failure is kept.
    fn run(plan: Self::Plan, context: &Context) -> Result<Self::Statistics, Failure>;

    /// At least two command lines that show what the module is for. They are checked by tests.
    fn examples() -> Vec<Example>;
}

/// Why an operation could do nothing useful: the whole chain of causes in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// A failure without an underlying error.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// The text, causes included.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(crate::text::chain(&error))
    }
}
