//! Regular expressions: compiled once, with a bound, and with a price per byte.

use regex_automata::meta;
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;

use crate::ExpressionError;

/// Largest compiled form. `\w{20}` fits, a nest of counted repetitions does not.
const MAX_COMPILED_BYTES: usize = 256 * 1024;
/// Deepest nesting of groups and repetitions.
const MAX_PATTERN_NESTING: u32 = 32;
/// States that are searched for the price of one step per byte of the text, in the slowest of the
/// engines that the search may fall back to (measured: some 2 ns per state and byte).
const STATES_PER_STEP: u64 = 16;

/// A compiled regular expression.
#[derive(Debug)]
pub struct Pattern {
    regex: meta::Regex,
    states: u64,
}

impl Pattern {
    /// Compiles a regular expression in the syntax of Rust's `regex` crate, which is RE2's but for
    /// rare details.
    ///
    /// # Errors
    ///
    /// [`ExpressionError::Pattern`] if it is malformed or larger than the bound.
    pub fn compile(pattern: &str) -> Result<Self, ExpressionError> {
        let refuse = |message: String| ExpressionError::Pattern {
            pattern: pattern.to_owned(),
            message,
        };
        let syntax = syntax::Config::new().nest_limit(MAX_PATTERN_NESTING);
        let limit = thompson::Config::new().nfa_size_limit(Some(MAX_COMPILED_BYTES));
        let nfa = thompson::Compiler::new()
            .syntax(syntax)
            .configure(limit)
            .build(pattern)
            .map_err(|error| refuse(last_cause(&error)))?;
        let regex = meta::Regex::builder()
            .syntax(syntax)
            .configure(meta::Config::new().nfa_size_limit(Some(2 * MAX_COMPILED_BYTES)))
            .build(pattern)
            .map_err(|error| refuse(last_cause(&error)))?;
        Ok(Self {
            regex,
            states: nfa.states().len() as u64,
        })
    }

    /// Steps that searching this many bytes costs at most.
    pub fn price(&self, bytes: usize) -> u64 {
        (bytes as u64).saturating_mul(self.states.div_ceil(STATES_PER_STEP))
    }

    /// True if the expression is found anywhere in the text.
    pub fn is_in(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

/// The cause itself, which says what is wrong with the pattern, on one line.
fn last_cause(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let text = last.to_string();
    text.lines()
        .last()
        .unwrap_or_default()
        .trim()
        .trim_start_matches("error: ")
        .to_owned()
}
