//! The parameters as they arrive: types and help texts. [`crate::check`] turns them into a plan.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Evaluates a policy or vulnerability document: which of its tests are true on this host.
///
/// A document describes objects (packages, lines of files, settings of the system) and tests of them. The host says
/// which tests are true and for which packages or files, and nothing more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The document that is evaluated.
    ///
    /// Either as JSON in its place, or a text that is JSON or YAML. On the command line always a text.
    #[schemars(extend("x-flag" = {"name": "doc", "value": "TEXT", "from_file": true}))]
    pub scribedoc: Value,
    /// Report only tests that are true.
    #[serde(default)]
    #[schemars(extend("x-flag" = "only-true"))]
    pub onlytrue: bool,
    /// Show results as paragraphs for people instead of lines.
    #[serde(default)]
    #[schemars(extend("x-flag" = "human"))]
    pub humanoutput: bool,
    /// Show results as JSON, one per line.
    #[serde(default)]
    #[schemars(extend("x-flag" = "json-lines"))]
    pub jsonoutput: bool,
}
