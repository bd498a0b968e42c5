//! The parameters after every check.

use crate::finding::Form;

/// What [`crate::Scribe`] runs from.
#[derive(Debug)]
pub struct Plan {
    /// The document.
    pub document: gumshoe_document::Plan,
    /// Which results are reported.
    pub report: Report,
    /// How results are shown.
    pub form: Form,
}

/// Which results are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// All of them.
    All,
    /// Those of tests that are true.
    OnlyTrue,
}
