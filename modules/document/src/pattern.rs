//! Regular expressions with the meaning that Go gives them.
//!
//! Source: the syntax of Go's `regexp/syntax` (RE2). Text goes in with invalid UTF-8 replaced, as Go sees it.

use std::{collections::HashMap, sync::Arc};

use regex_automata::{
    Input, meta,
    util::{captures::Captures, syntax},
};

use crate::limits::{MAX_ALL_COMPILED_BYTES, MAX_COMPILED_BYTES, MAX_PATTERN_BYTES};

/// How deep groups may nest.
const MAX_NESTING: u32 = 100;
/// Memory of a compiled expression that its own account leaves out, about.
const PATTERN_OVERHEAD_BYTES: usize = 2 << 10;
/// Memory in which a search remembers states, in bytes.
const SEARCH_CACHE_BYTES: usize = 256 << 10;

/// Why a regular expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It is longer than [`MAX_PATTERN_BYTES`].
    #[error("the regular expression has {bytes} bytes; at most {MAX_PATTERN_BYTES} are allowed")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
    /// It is wrong, or would take too much memory.
    #[error("the regular expression is not usable: {message}")]
    Invalid {
        /// What the compiler says.
        message: String,
    },
    /// All of the document's take too much memory.
    #[error("the document's regular expressions take more than {MAX_ALL_COMPILED_BYTES} bytes together")]
    TooMany,
}

/// A compiled regular expression. Searching takes linear time.
#[derive(Debug)]
pub struct Pattern {
    text: String,
    regex: meta::Regex,
}

impl Pattern {
    fn compile(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(PatternError::TooLong { bytes: text.len() });
        }
        let config = meta::Config::new()
            .nfa_size_limit(Some(MAX_COMPILED_BYTES))
            .hybrid_cache_capacity(SEARCH_CACHE_BYTES)
            .onepass(false)
            .dfa(false);
        let regex = meta::Builder::new()
            .configure(config)
            .syntax(syntax::Config::new().utf8(false).nest_limit(MAX_NESTING))
            .build(&translate(text))
            .map_err(|error| PatternError::Invalid {
                message: reason(&error),
            })?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }

    /// What is needed to search with it many times.
    #[must_use]
    pub fn searcher(&self) -> Searcher<'_> {
        Searcher {
            regex: &self.regex,
            cache: self.regex.create_cache(),
            captures: self.regex.create_captures(),
        }
    }

    /// Whether it matches anywhere; for a single text.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.searcher().is_match(text)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many groups it has.
    pub(crate) fn groups(&self) -> usize {
        self.regex.captures_len() - 1
    }
}

/// Searches with one [`Pattern`]. Its memory goes with it: a document may have very many patterns.
#[derive(Debug)]
pub struct Searcher<'p> {
    regex: &'p meta::Regex,
    cache: meta::Cache,
    captures: Captures,
}

impl Searcher<'_> {
    /// Whether the pattern matches anywhere.
    #[must_use]
    pub fn is_match(&mut self, text: &str) -> bool {
        let input = Input::new(text).earliest(true);
        self.regex.search_half_with(&mut self.cache, &input).is_some()
    }

    /// The texts of the groups where the pattern matches first; a group that took no part has none.
    pub(crate) fn captures<'t>(&mut self, text: &'t str) -> Option<Vec<&'t str>> {
        self.regex
            .search_captures_with(&mut self.cache, &Input::new(text), &mut self.captures);
        let group = |index| {
            let span = self.captures.get_group(index)?;
            text.get(span.range())
        };
        let groups = 1..self.captures.group_len();
        self.captures
            .is_match()
            .then(|| groups.map(|index| group(index).unwrap_or_default()).collect())
    }
}

fn reason(error: &meta::BuildError) -> String {
    match error.syntax_error() {
        Some(syntax) => {
            let text = syntax.to_string();
            let last = text.lines().rfind(|line| !line.trim().is_empty());
            last.unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
        None if error.size_limit().is_some() => {
            format!("compiled it has more than {MAX_COMPILED_BYTES} bytes")
        }
        None => error.to_string(),
    }
}

/// Compiles each distinct regular expression of a document once.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    known: HashMap<String, Result<Arc<Pattern>, PatternError>>,
    bytes: usize,
}

impl Patterns {
    /// The compiled form.
    pub fn get(&mut self, text: &str) -> Result<Arc<Pattern>, PatternError> {
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        if self.bytes > MAX_ALL_COMPILED_BYTES {
            return Err(PatternError::TooMany);
        }
        let compiled = Pattern::compile(text).map(Arc::new);
        let bytes = compiled
            .as_ref()
            .map_or(0, |pattern| pattern.regex.memory_usage());
        self.bytes = self
            .bytes
            .saturating_add(bytes)
            .saturating_add(PATTERN_OVERHEAD_BYTES);
        self.known.insert(text.to_owned(), compiled.clone());
        compiled
    }
}

/// Rewrites what Go reads otherwise: `\Q…\E`, ASCII-only `\d \s \w \b`, braces and brackets that stand for themselves.
fn translate(pattern: &str) -> String {
    let mut output = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut class = Class::Outside;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        rest = match (first, class) {
            ('\\', _) => escape(after, class, &mut output),
            ('{', Class::Outside) if !is_repetition(after) => copy(&mut output, "\\{", after),
            ('[', Class::Outside) => {
                class = Class::Inside;
                open_class(after, &mut output)
            }
            (']', Class::Inside) => {
                class = Class::Outside;
                copy(&mut output, "]", after)
            }
            ('[', Class::Inside) if after.starts_with(':') => posix(after, &mut output),
            ('[' | '&' | '~', Class::Inside) => {
                output.push('\\');
                copy(&mut output, &rest[..1], after)
            }
            _ => copy(&mut output, &rest[..first.len_utf8()], after),
        };
    }
    output
}

/// The beginning of a class, where a closing bracket stands for itself.
fn open_class<'p>(after: &'p str, output: &mut String) -> &'p str {
    output.push('[');
    let rest = after
        .strip_prefix('^')
        .map_or(after, |rest| copy(output, "^", rest));
    rest.strip_prefix(']')
        .map_or(rest, |rest| copy(output, "\\]", rest))
}

/// Where in a pattern the translation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Outside,
    Inside,
}

fn copy<'p>(output: &mut String, text: &str, rest: &'p str) -> &'p str {
    output.push_str(text);
    rest
}

/// What follows a backslash.
fn escape<'p>(after: &'p str, class: Class, output: &mut String) -> &'p str {
    let Some(first) = after.chars().next() else {
        return copy(output, "\\", after);
    };
    let rest = &after[first.len_utf8()..];
    if first == 'Q' {
        let (quoted, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
        for character in quoted.chars() {
            // Angle brackets stand for themselves, and would not if escaped.
            if character.is_ascii_punctuation() && !matches!(character, '<' | '>') {
                output.push('\\');
            }
            output.push(character);
        }
        return rest;
    }
    let ascii = match (first, class) {
        ('d', Class::Outside) => "[0-9]",
        ('D', _) => "[^0-9]",
        ('w', Class::Outside) => "[0-9A-Za-z_]",
        ('W', _) => "[^0-9A-Za-z_]",
        ('s', Class::Outside) => "[\\t\\n\\f\\r ]",
        ('S', _) => "[^\\t\\n\\f\\r ]",
        ('d', _) => "0-9",
        ('w', _) => "0-9A-Za-z_",
        ('s', _) => "\\t\\n\\f\\r ",
        ('b', Class::Outside) => "(?-u:\\b)",
        ('B', Class::Outside) => "(?-u:\\B)",
        ('x' | 'p' | 'P', _) if rest.starts_with('{') => {
            let end = rest.find('}').map_or(rest.len(), |brace| brace + 1);
            output.push('\\');
            output.push(first);
            return copy(output, &rest[..end], &rest[end..]);
        }
        _ => {
            output.push('\\');
            output.push(first);
            return rest;
        }
    };
    copy(output, ascii, rest)
}

/// A class such as `[:alpha:]`, as it is.
fn posix<'p>(after: &'p str, output: &mut String) -> &'p str {
    match after.find(":]") {
        Some(end) if after[1..end].chars().all(|c| c.is_ascii_alphabetic() || c == '^') => {
            output.push('[');
            copy(output, &after[..end + 2], &after[end + 2..])
        }
        _ => copy(output, "\\[", after),
    }
}

/// Whether what follows a brace makes it a repetition: `2}`, `2,}`, `2,3}`.
fn is_repetition(after: &str) -> bool {
    let Some((range, _)) = after.split_once('}') else {
        return false;
    };
    let (from, to) = range.split_once(',').unwrap_or((range, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !from.is_empty() && digits(from) && digits(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        for (pattern, text, expected) in [
            (r"^\d+$", "123", true),
            (r"^\d+$", "١٢٣", false),
            (r"^[\d.]+$", "1.2", true),
            (r"^[^\d]+$", "ab", true),
            (r"^\w$", "é", false),
            (r"^.$", "é", true),
            (r"\bfoo\b", "a foo b", true),
            (r"\bfoo\b", "éfoo", true),
            (r"o\B", "foo", true),
            (r"o\Bx", "ox", true),
            (r"^\Qa.b[\E$", "a.b[", true),
            (r"^\Qa.b\E$", "axb", false),
            (r"^\Q<a>\E$", "<a>", true),
            (r"${x}", "${x}", false),
            (r"\${x}", "${x}", true),
            (r"^a{2}$", "aa", true),
            (r"^a{2,}$", "aaa", true),
            (r"^a{,2}$", "a{,2}", true),
            (r"^[a&&b]+$", "&", true),
            (r"^[a[b]+$", "[", true),
            (r"^[]a]+$", "]", true),
            (r"^[^]a]+$", "b", true),
            (r"^[[:digit:]x]+$", "1x", true),
            (r"(?i)^ABC$", "abc", true),
            (r"^\pL+$", "é", true),
            (r"^\x{e9}$", "é", true),
            (r"^\s$", "\u{b}", false),
            (r"^\S\D\W$", "aa.", true),
            (r"^[\S]$", "a", true),
            ("é", "café", true),
        ] {
            let compiled = Pattern::compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert_eq!(compiled.is_match(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn groups_that_took_no_part_are_empty() {
        let pattern = Pattern::compile("(a)|(b)").unwrap();
        assert_eq!(pattern.searcher().captures("xb"), Some(vec!["", "b"]));
        assert_eq!(pattern.searcher().captures("x"), None);
    }

    #[test]
    fn hostile_patterns_are_refused() {
        for pattern in [
            "(",
            "a{1000}{1000}{1000}",
            &"(".repeat(5_000),
            &"a".repeat(MAX_PATTERN_BYTES + 1),
            r"\p{Nope}",
        ] {
            assert!(Pattern::compile(pattern).is_err());
        }
    }
}
