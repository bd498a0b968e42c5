//! Why a pattern was refused.

/// Bytes of a pattern shown on each side of the place where it went wrong.
const POINTER_CONTEXT_BYTES: usize = 30;

/// Why a set of patterns could not be compiled. Patterns are refused before anything is scanned.
///
/// `index` counts from 0 in the order in which the patterns were given; `position` is a byte offset into the pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// More patterns than [`Limits::max_patterns`](crate::Limits::max_patterns).
    #[error("{}", self.reason())]
    TooMany {
        /// Patterns given.
        count: usize,
        /// Patterns allowed.
        limit: usize,
    },
    /// A pattern longer than [`Limits::max_pattern_bytes`](crate::Limits::max_pattern_bytes).
    #[error("pattern {index}: {}", self.reason())]
    TooLong {
        /// Which pattern.
        index: usize,
        /// Its length in bytes.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A pattern that is not valid in its language.
    #[error("pattern {index}, {}", self.reason())]
    Syntax {
        /// Which pattern.
        index: usize,
        /// Byte offset of the fault.
        position: usize,
        /// What is wrong, lower case, no full stop.
        message: String,
        /// The pattern around the fault, in one line, with `»` in front of the offending byte.
        pointer: String,
    },
    /// A pattern whose automaton exceeds [`Limits::max_automaton_bytes`](crate::Limits::max_automaton_bytes).
    #[error("pattern {index}: {}", self.reason())]
    TooBig {
        /// Which pattern.
        index: usize,
        /// Bytes allowed for its automaton.
        limit: usize,
    },
    /// A pattern that matches the empty string, so every offset of every process.
    #[error("pattern {index}: {}", self.reason())]
    MatchesEverything {
        /// Which pattern.
        index: usize,
    },
    /// A wide (UTF-16) form was asked of a pattern that is not made of text and ASCII classes.
    #[error("pattern {index}: {}", self.reason())]
    NoWideForm {
        /// Which pattern.
        index: usize,
    },
}

impl PatternError {
    /// A fault at `position` of `pattern`.
    pub(crate) fn syntax(index: usize, pattern: &str, position: usize, message: impl Into<String>) -> Self {
        let position = position.min(pattern.len());
        PatternError::Syntax {
            index,
            position,
            message: message.into(),
            pointer: pointer(pattern, position),
        }
    }

    /// Which pattern is at fault; none when the number of patterns is.
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        match *self {
            PatternError::TooMany { .. } => None,
            PatternError::TooLong { index, .. }
            | PatternError::Syntax { index, .. }
            | PatternError::TooBig { index, .. }
            | PatternError::MatchesEverything { index }
            | PatternError::NoWideForm { index } => Some(index),
        }
    }

    /// What is wrong, without the pattern's number: for callers who name the pattern in their own way.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            PatternError::TooMany { count, limit } => {
                format!("{count} patterns are more than the limit of {limit}")
            }
            PatternError::TooLong { length, limit, .. } => {
                format!("{length} bytes are more than the limit of {limit}")
            }
            PatternError::Syntax {
                position,
                message,
                pointer,
                ..
            } => format!("byte {position}: {message}: {pointer}"),
            PatternError::TooBig { limit, .. } => {
                format!(
                    "compiles to more than {limit} bytes; use smaller repetitions or fewer Unicode classes"
                )
            }
            PatternError::MatchesEverything { .. } => {
                "matches the empty string, so it matches everything".to_owned()
            }
            PatternError::NoWideForm { .. } => {
                "has no wide form: only text and classes of ASCII characters have one".to_owned()
            }
        }
    }

    /// Byte offset of the fault in its pattern, where there is one.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        match *self {
            PatternError::Syntax { position, .. } => Some(position),
            _ => None,
        }
    }
}

/// `pattern` in one line, shortened to the surroundings of `position`, which is marked with `»`.
fn pointer(pattern: &str, position: usize) -> String {
    let from = floor(pattern, position.saturating_sub(POINTER_CONTEXT_BYTES));
    let middle = floor(pattern, position);
    let to = floor(pattern, position.saturating_add(POINTER_CONTEXT_BYTES));
    let before = pattern[from..middle].escape_debug();
    let after = pattern[middle..to].escape_debug();
    let (head, tail) = (
        if from > 0 { "…" } else { "" },
        if to < pattern.len() { "…" } else { "" },
    );
    format!("`{head}{before}»{after}{tail}`")
}

/// The last start of a character, or the end of `text`, that is not beyond `position`.
fn floor(text: &str, position: usize) -> usize {
    (0..=position.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointer_marks_the_place_and_stays_short() {
        assert_eq!(pointer("foo(bar", 3), "`foo»(bar`");
        assert_eq!(pointer("", 0), "`»`");
        assert_eq!(
            pointer("é(", 1),
            "`»é(`",
            "a position inside a character points at the character"
        );
        let long = "a".repeat(1000);
        assert!(pointer(&long, 500).len() < 100);
        assert!(!pointer("a\nb\u{7}(", 4).contains('\n'));
    }
}
