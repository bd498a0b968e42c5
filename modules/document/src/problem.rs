//! What is wrong with a document: everything at once, each with its place.

use std::fmt;

/// One thing that is wrong, or odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer to the offending value (RFC 6901); empty for the whole document.
    pub pointer: String,
    /// Line of a YAML document, from 1.
    pub line: Option<usize>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.pointer.is_empty() {
            write!(f, "at `{}`: ", self.pointer)?;
        }
        f.write_str(&self.message)
    }
}

/// Problems in the order of the document; never empty once returned as an error.
///
/// Limits: [`Problems::MAX`] are listed, all are counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    listed: Vec<Problem>,
    count: usize,
}

impl Problems {
    /// How many are listed.
    pub const MAX: usize = 64;

    /// Adds one.
    pub(crate) fn add(&mut self, pointer: impl fmt::Display, message: impl Into<String>) {
        self.count += 1;
        if self.listed.len() < Self::MAX {
            self.listed.push(Problem {
                pointer: pointer.to_string(),
                line: None,
                message: message.into(),
            });
        }
    }

    /// A single one, about a document as a whole.
    pub(crate) fn whole(message: impl Into<String>, line: Option<usize>) -> Self {
        let mut problems = Self::default();
        problems.add("", message);
        problems.listed.iter_mut().for_each(|problem| problem.line = line);
        problems
    }

    /// Those that are listed.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.listed.iter()
    }

    /// Those that are listed, to be completed.
    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Problem> {
        self.listed.iter_mut()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many there are, listed or not.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.listed.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        match self.count - self.listed.len() {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for Problems {}
