//! Regular expressions of the parameters, compiled; what is wrong with them goes to the problems.

use std::collections::HashMap;

use gumshoe_plugin_api::Problems;
use gumshoe_scan::lines::LineSet;
use regex::bytes::{Regex, RegexBuilder};

/// Bytes that one compiled expression may take.
const REGEX_BYTES: usize = 1 << 20;

/// Compiles a regular expression over bytes, Unicode off unless `(?u)`.
pub(crate) fn regex(pattern: &str) -> Result<Regex, String> {
    let compiled = RegexBuilder::new(pattern)
        .unicode(false)
        .size_limit(REGEX_BYTES)
        .build();
    compiled.map_err(|error| {
        // The line scanner reads the same syntax and says in one line where it went wrong.
        match LineSet::new(&[pattern]) {
            Err(error) => error.reason(),
            Ok(_) => error.to_string().lines().last().unwrap_or_default().to_owned(),
        }
    })
}

/// Content patterns of all searches, each once.
#[derive(Default)]
pub(crate) struct Patterns {
    /// With the pointer to its first use.
    texts: Vec<(String, String)>,
    numbers: HashMap<String, usize>,
}

impl Patterns {
    /// The number of a pattern.
    pub fn add(&mut self, pattern: &str, pointer: impl FnOnce() -> String) -> usize {
        if let Some(&known) = self.numbers.get(pattern) {
            return known;
        }
        self.texts.push((pattern.to_owned(), pointer()));
        self.numbers.insert(pattern.to_owned(), self.texts.len() - 1);
        self.texts.len() - 1
    }

    /// Compiles them. Each bad one becomes a problem; `None` when checking had to be given up.
    pub fn compile(&self, problems: &mut Problems) -> Option<LineSet> {
        let mut texts: Vec<&str> = self.texts.iter().map(|(text, _)| text.as_str()).collect();
        for _ in 0..=Problems::MAX {
            let error = match LineSet::new(&texts) {
                Ok(set) => return Some(set),
                Err(error) => error,
            };
            let index = error.index().filter(|index| *index < texts.len());
            let pointer = index.map_or("/searches", |index| self.texts[index].1.as_str());
            problems.add(pointer, error.reason());
            // The set is not used once there is a problem; an empty pattern lets the others be checked.
            match index {
                Some(index) => texts[index] = "",
                None => break,
            }
        }
        None
    }
}
