//! Checked parameters: what a run works from.

use std::path::PathBuf;

use gumshoe_packages::{Kind, Status};
use gumshoe_scan::Regex;

/// What is asked for, and where.
#[derive(Debug)]
pub struct Plan {
    /// One of these must match the name; all names match when there is none.
    pub names: Vec<NameTest>,
    /// What the version must be like.
    pub version: Option<VersionTest>,
    /// The databases that are read, each once.
    pub kinds: Vec<Kind>,
    /// The states that a package may be in; any when there is none.
    pub statuses: Vec<Status>,
    /// Absolute paths of the trees that are looked at instead of `/`.
    pub roots: Vec<PathBuf>,
    /// Whether containers are looked at.
    pub containers: bool,
}

/// What a name must be like.
#[derive(Debug)]
pub struct NameTest {
    /// What is tried on it.
    pub regex: Regex,
    /// Whether it is tried on `NAME:ARCH` too: it has a colon, which no name has.
    pub qualified: bool,
}

/// What a version must be like.
#[derive(Debug)]
pub struct VersionTest {
    /// What is tried on it.
    pub regex: Regex,
    /// The result that is wanted.
    pub matches: bool,
}

impl Plan {
    /// Whether a package is asked for, as far as name and version tell.
    #[must_use]
    pub fn wants(&self, name: &str, arch: Option<&str>, version: &str) -> bool {
        self.wants_name(name, arch) && self.wants_version(version)
    }

    fn wants_name(&self, name: &str, arch: Option<&str>) -> bool {
        let matches = |test: &NameTest| {
            let qualified = || arch.map(|arch| format!("{name}:{arch}"));
            test.regex.is_match(name.as_bytes())
                || test.qualified && qualified().is_some_and(|text| test.regex.is_match(text.as_bytes()))
        };
        self.names.is_empty() || self.names.iter().any(matches)
    }

    fn wants_version(&self, version: &str) -> bool {
        self.version
            .as_ref()
            .is_none_or(|test| test.regex.is_match(version.as_bytes()) == test.matches)
    }
}
