//! What a module says about itself.

use crate::Flag;
use serde::{Deserialize, Serialize};

/// A module's description: what help texts, completions, man pages and reference pages are made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// What the module does: the doc comment of the parameter type.
    pub about: String,
    /// Its command-line flags, in declaration order.
    pub flags: Vec<Flag>,
    /// Worked examples.
    pub examples: Vec<Example>,
}

/// A worked example: what it shows, and the command line after the module's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// What the example finds, in a few words.
    pub title: String,
    /// The arguments, one string each, unquoted.
    pub arguments: Vec<String>,
}

impl Example {
    /// An example from its title and arguments.
    #[must_use]
    pub fn new(title: &str, arguments: &[&str]) -> Self {
        Self {
            title: title.to_owned(),
            arguments: arguments.iter().map(|&a| a.to_owned()).collect(),
        }
    }
}

/// What is wrong with a description, apart from what only the module's code can tell.
pub(crate) fn declaration_problems(description: &Description) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |good: bool, message: String| {
        if !good {
            wrong.push(message);
        }
    };
    check(
        !description.about.is_empty(),
        "the parameter type has no doc comment".to_owned(),
    );
    check(
        description.examples.len() >= 2,
        "there are fewer than two examples".to_owned(),
    );
    for (index, flag) in description.flags.iter().enumerate() {
        let name = &flag.name;
        let others = &description.flags[..index];
        check(
            is_flag_name(name),
            format!("the flag name {name:?} does not match ^[a-z][a-z0-9-]+$"),
        );
        check(!flag.help.is_empty(), format!("`--{name}` has no help text"));
        check(
            others.iter().all(|f| f.name != *name),
            format!("`--{name}` is declared twice"),
        );
        let short_taken = flag.short.is_some() && others.iter().any(|f| f.short == flag.short);
        check(!short_taken, format!("the short form of `--{name}` is taken"));
        check(
            !RESERVED.contains(&name.as_str()),
            format!("`--{name}` is a flag of the agent's own"),
        );
    }
    wrong
}

/// Long flags that the agent's `run` command has for every module.
pub const RESERVED: [&str; 9] = [
    "help",
    "json",
    "params",
    "timeout",
    "memory",
    "findings",
    "root",
    "config-dir",
    "quiet",
];

fn is_flag_name(name: &str) -> bool {
    name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
