//! Why an expression was not accepted, and why it has no answer.

use crate::value::Kind;

/// Why a text is not an expression that Gumshoe evaluates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// The text is longer than [`MAX_LENGTH_BYTES`](crate::MAX_LENGTH_BYTES).
    #[error("the expression has {length_bytes} bytes, more than {limit_bytes}")]
    TooLong {
        /// Length of the text.
        length_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// Brackets, chains of operators or macros are nested too deeply.
    #[error("{what} at byte {offset}: more than {limit}")]
    TooDeep {
        /// What is nested.
        what: &'static str,
        /// Where, counted from 0.
        offset: usize,
        /// The limit.
        limit: usize,
    },
    /// The text is not CEL.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// Line, counted from 1.
        line: usize,
        /// Column in characters, counted from 1.
        column: usize,
        /// What the parser expected.
        message: String,
    },
    /// The text is CEL, but uses a part of it that Gumshoe leaves out.
    #[error("{what} is not supported")]
    Unsupported {
        /// The part of the language.
        what: String,
    },
    /// A function that does not exist, or not in this form.
    #[error("there is no function `{name}`{}", crate::names::hint(suggestion.as_deref(), known))]
    UnknownFunction {
        /// Its name; with its arguments (`x.size(_)`) if only they are wrong.
        name: String,
        /// A function with a similar name.
        suggestion: Option<String>,
        /// All functions.
        known: Vec<String>,
    },
    /// A regular expression is malformed or too large.
    #[error("the regular expression `{pattern}` is not accepted: {message}")]
    Pattern {
        /// The regular expression.
        pattern: String,
        /// Why not.
        message: String,
    },
}

impl ExpressionError {
    /// A code for searching and for machines, which never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too-long",
            Self::TooDeep { .. } => "too-deep",
            Self::Syntax { .. } | Self::Pattern { .. } => "syntax",
            Self::Unsupported { .. } => "unsupported",
            Self::UnknownFunction { .. } => "unknown-name",
        }
    }
}

/// Why an expression has no answer for these variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// A name that is not among the variables, anywhere in the expression.
    #[error("there is no `{name}`{}", crate::names::hint(suggestion.as_deref(), known))]
    UnknownName {
        /// The name.
        name: String,
        /// A variable with a similar name.
        suggestion: Option<String>,
        /// All variables.
        known: Vec<String>,
    },
    /// A map has no such key, for example a tag that this host does not carry.
    #[error("`{path}` does not exist here; ask `has({path}) && …` first")]
    MissingKey {
        /// The whole path, as in the expression.
        path: String,
    },
    /// The answer is neither true nor false.
    #[error("the answer is of type {kind}, not bool")]
    NotABoolean {
        /// Type of the answer.
        kind: &'static str,
    },
    /// The evaluation took more than [`MAX_STEPS`](crate::MAX_STEPS).
    #[error("the evaluation takes more than {limit} steps")]
    TooCostly {
        /// The limit.
        limit: u64,
    },
    /// An operation that is impossible on these values.
    #[error("{what}")]
    Failed {
        /// Which operation, on which types; never the values themselves.
        what: String,
    },
}

impl EvaluateError {
    /// A code for searching and for machines, which never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownName { .. } => "unknown-name",
            Self::MissingKey { .. } => "missing-key",
            Self::NotABoolean { .. } => "not-a-boolean",
            Self::TooCostly { .. } => "too-costly",
            Self::Failed { .. } => "failed",
        }
    }

    pub(crate) fn failed(what: impl Into<String>) -> Box<Self> {
        Box::new(Self::Failed { what: what.into() })
    }

    /// An operator or function that does not exist for these types.
    pub(crate) fn types(operation: &str, kinds: &[Kind]) -> Box<Self> {
        let kinds: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
        Self::failed(format!("`{operation}` does not exist for {}", kinds.join(", ")))
    }

    /// True if `&&` and `||` may pass over this error.
    pub(crate) const fn absorbable(&self) -> bool {
        !matches!(self, Self::TooCostly { .. })
    }
}
