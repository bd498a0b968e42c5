//! One regex for short texts, such as names, in the syntax of this crate.

use crate::{Limits, PatternError, syntax};
use regex_automata::meta;

/// A regex over bytes: `^` and `$` are the ends of the text, Unicode is off unless `(?u)`.
#[derive(Debug, Clone)]
pub struct Regex(meta::Regex);

impl Regex {
    /// Compiles `pattern`.
    ///
    /// # Errors
    ///
    /// Why it is refused, with index 0; see [`PatternError`].
    pub fn new(pattern: &str, limits: &Limits) -> Result<Regex, PatternError> {
        let hir = syntax::parse(0, pattern, limits)?;
        syntax::compile(0, &hir, limits).map(Regex)
    }

    /// Whether the regex matches somewhere in `text`.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_bytes() {
        let regex = Regex::new(r"^/usr/.*\Qlib(\E.\.so$", &Limits::default()).unwrap();
        assert!(regex.is_match(b"/usr/x/lib(\xff.so"));
        assert!(!regex.is_match(b"/usr/x/lib(\xff.so.1"));
        assert_eq!(
            Regex::new("(", &Limits::default()).unwrap_err().position(),
            Some(0)
        );
    }
}
