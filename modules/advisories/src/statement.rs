//! What advisories say, whatever their format.

use std::collections::BTreeMap;

use crate::Release;

/// Versions of one package that are affected by what one advisory is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Id of the advisory, such as `DSA-5532-1`.
    pub advisory: String,
    /// What it is about, in one line.
    pub title: String,
    /// The package.
    pub package: Package,
    /// Releases of distributions that it is about; any host when there is none.
    pub releases: Vec<Release>,
    /// The versions.
    pub affected: Affected,
    /// What else is known, for whoever reads the result.
    pub tags: Vec<Tag>,
}

/// How a package is found on a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// What installs it, in the words of scribe documents.
    pub kind: &'static str,
    /// Whether the name is that of the source package.
    pub by_source: bool,
}

/// Which versions are affected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Affected {
    /// Those from a version on, or from the first one, to an end.
    Range {
        /// The first affected version; none for all of them.
        from: Option<String>,
        /// Where it ends.
        to: End,
    },
    /// Exactly these.
    Listed(Vec<String>),
}

/// Where a range of versions ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// In front of the version that has the fix.
    Before(String),
    /// With the last affected version.
    With(String),
    /// Nowhere: there is no fix.
    Open,
}

/// A name and a value that go through to the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl Tag {
    /// A tag; quotation marks, which documents do not allow in tags, become apostrophes.
    pub(crate) fn new(key: &str, value: &str) -> Self {
        Self {
            key: key.replace('"', "'"),
            value: value.replace('"', "'"),
        }
    }
}

/// What was not turned into tests, and why, with counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped(BTreeMap<String, u64>);

impl Skipped {
    /// Counts one.
    pub(crate) fn add(&mut self, why: impl Into<String>) {
        *self.0.entry(why.into()).or_default() += 1;
    }

    /// Adds those of another input.
    pub fn merge(&mut self, other: Self) {
        for (why, count) in other.0 {
            *self.0.entry(why).or_default() += count;
        }
    }

    /// Reasons and counts, by reason.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(why, count)| (why.as_str(), *count))
    }
}
