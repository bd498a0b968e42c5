//! What filters ask, and what they answer about one file.

use std::{collections::HashMap, sync::Arc};

use gumshoe_process::Names;
use gumshoe_unpack::Codec;
use regex::bytes::Regex;

use crate::{
    digest::Algorithm,
    metadata::Metadata,
    params::Filter,
    parse::{
        age::{AgeTest, Nanoseconds},
        size::SizeTest,
    },
};

/// One value of a filter.
#[derive(Debug)]
pub struct Condition<T> {
    /// The filter.
    pub filter: Filter,
    /// The value as it was given.
    pub value: Arc<str>,
    /// The result is inverted: `!` in front of the value, or `mismatch`, but not both.
    pub inverted: bool,
    /// What is asked.
    pub test: T,
}

/// A condition on metadata.
#[derive(Debug)]
pub enum MetadataTest {
    /// On the size.
    Size(SizeTest),
    /// On the forms of the mode.
    Mode(Regex),
    /// On one of the times.
    Time(Stamp, AgeTest),
    /// On the owner.
    Owner(Account),
    /// On the group.
    Group(Account),
}

/// Which time of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// Change of the content.
    Modified,
    /// Change of content or metadata.
    Changed,
    /// Creation.
    Born,
}

/// A user or group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// By number.
    Id(u32),
    /// By name.
    Name(String),
}

/// A condition on what must be asked of the system separately.
#[derive(Debug)]
pub enum AttributeTest {
    /// On the names of extended attributes.
    Name(Regex),
    /// On capabilities; `None` means any.
    Capability(Option<Regex>),
}

/// A condition on lines.
#[derive(Debug, Clone, Copy)]
pub struct ContentTest {
    /// The pattern's number in the plan's set.
    pub pattern: usize,
    /// All lines count rather than any.
    pub every: bool,
}

/// A list of digests, of which one must match.
#[derive(Debug)]
pub struct DigestTest {
    /// The algorithm of all of them.
    pub algorithm: Algorithm,
    /// The values as given, by digest.
    pub digests: HashMap<Box<[u8]>, Arc<str>>,
}

/// Everything that metadata is compared with.
#[derive(Debug)]
pub struct Surroundings {
    /// When the operation began.
    pub now: Nanoseconds,
    /// Users.
    pub users: Names,
    /// Groups.
    pub groups: Names,
}

impl MetadataTest {
    /// Whether it holds. What is not known matches nothing.
    #[must_use]
    pub fn holds(&self, metadata: &Metadata, surroundings: &Surroundings) -> bool {
        match self {
            Self::Size(test) => test.matches(metadata.size),
            Self::Mode(regex) => {
                let forms = [metadata.mode_ls(), metadata.mode_octal(), metadata.mode_go()];
                let short = forms[1].trim_start_matches('0').to_owned();
                forms
                    .iter()
                    .chain([&short])
                    .any(|form| regex.is_match(form.as_bytes()))
            }
            Self::Time(stamp, test) => {
                let time = match stamp {
                    Stamp::Modified => metadata.mtime,
                    Stamp::Changed => metadata.ctime,
                    Stamp::Born => metadata.btime,
                };
                time.is_some_and(|time| test.matches(time, surroundings.now))
            }
            Self::Owner(account) => metadata
                .uid
                .is_some_and(|uid| account.is(uid, &surroundings.users)),
            Self::Group(account) => metadata
                .gid
                .is_some_and(|gid| account.is(gid, &surroundings.groups)),
        }
    }
}

impl Account {
    /// A number stands for itself, everything else is a name.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Name(text.to_owned()), Self::Id)
    }

    fn is(&self, id: u32, names: &Names) -> bool {
        match self {
            Self::Id(wanted) => *wanted == id,
            Self::Name(wanted) => names.of(id) == Some(wanted),
        }
    }
}

impl AttributeTest {
    /// Whether it holds for the names of extended attributes and the capabilities.
    #[must_use]
    pub fn holds(&self, attributes: &Attributes) -> bool {
        let any = |texts: &[Vec<u8>], regex: &Regex| texts.iter().any(|text| regex.is_match(text));
        match self {
            Self::Name(regex) => any(&attributes.names, regex),
            Self::Capability(None) => !attributes.capabilities.is_empty(),
            Self::Capability(Some(regex)) => any(&attributes.capabilities, regex),
        }
    }
}

/// Extended attributes of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Names.
    pub names: Vec<Vec<u8>>,
    /// Capabilities, as in `cap_net_raw=ep`.
    pub capabilities: Vec<Vec<u8>>,
}

/// How the results of conditions make the result of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All conditions must hold.
    All,
    /// Any condition must hold.
    Any,
}

/// What is known of one file in one search so far.
#[derive(Debug, Default)]
pub struct Verdict {
    failed: bool,
    matched: Vec<(Filter, Arc<str>)>,
    /// SHA-256 of the tested content in hexadecimal, when it was asked for.
    pub sha256: Option<String>,
    /// Codecs that were undone before the content was tested, outermost first.
    pub codecs: Vec<Codec>,
}

impl Verdict {
    /// Prepares for another file.
    pub fn reset(&mut self) {
        self.failed = false;
        self.matched.clear();
        self.sha256 = None;
        self.codecs.clear();
    }

    /// Whether it cannot become a finding any more.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.failed
    }

    /// Whether a condition held.
    #[must_use]
    pub fn has_matched(&self) -> bool {
        !self.matched.is_empty()
    }

    /// The conditions that held.
    #[must_use]
    pub fn matched(&self) -> &[(Filter, Arc<str>)] {
        &self.matched
    }

    /// Notes the result of one condition, not yet inverted.
    pub fn note<T>(&mut self, mode: Mode, condition: &Condition<T>, holds: bool) {
        self.note_as(mode, condition, holds, &condition.value);
    }

    /// The same, showing another value than the condition's.
    pub fn note_as<T>(&mut self, mode: Mode, condition: &Condition<T>, holds: bool, value: &Arc<str>) {
        if holds != condition.inverted {
            self.matched.push((condition.filter, Arc::clone(value)));
        } else if mode == Mode::All {
            self.failed = true;
        }
    }

    /// Notes that conditions could not be examined, so that they do not hold, inverted or not.
    pub fn note_unknown<T>(&mut self, mode: Mode, conditions: &[Condition<T>]) {
        self.failed |= mode == Mode::All && !conditions.is_empty();
    }

    /// Tries conditions until the verdict is clear.
    pub fn apply<T>(&mut self, mode: Mode, conditions: &[Condition<T>], mut holds: impl FnMut(&T) -> bool) {
        for condition in conditions {
            if self.failed {
                return;
            }
            self.note(mode, condition, holds(&condition.test));
        }
    }
}
