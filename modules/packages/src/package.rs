//! What is known about one package.

use crate::Kind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far the installation of a package has come. The words are dpkg's, where other managers have no such states.
///
/// Only what is `Installed` is there and usable. `ConfigFiles`: removed, only its configuration is left;
/// `HalfInstalled`: its installation began and did not end; `Unpacked`: its files are there, it was not configured;
/// `HalfConfigured`: its configuration began and did not end; `TriggersAwaited`, `TriggersPending`: another package's
/// or its own trigger was not yet processed; `Disabled`: there, but switched off (snap); `Unknown`: the database names
/// another state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "described above: the schema lists plain names when they have no texts of their own"
)]
pub enum Status {
    #[default]
    Installed,
    ConfigFiles,
    HalfInstalled,
    Unpacked,
    HalfConfigured,
    TriggersAwaited,
    TriggersPending,
    Disabled,
    Unknown,
}

impl Status {
    /// Its name, as parameters and findings have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::ConfigFiles => "config-files",
            Self::HalfInstalled => "half-installed",
            Self::Unpacked => "unpacked",
            Self::HalfConfigured => "half-configured",
            Self::TriggersAwaited => "triggers-awaited",
            Self::TriggersPending => "triggers-pending",
            Self::Disabled => "disabled",
            Self::Unknown => "unknown",
        }
    }
}

/// One package of one database.
///
/// Units: `install_time` is seconds since 1970. Text that is not UTF-8 has replacement characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Package {
    /// What installed it.
    pub kind: Kind,
    /// Its name, without architecture.
    pub name: String,
    /// Its version as its manager writes it, `EPOCH:` and revision included; empty when the database has none.
    pub version: String,
    /// The architecture that it was built for.
    pub arch: Option<String>,
    /// The source package that it was built from, where the database names it.
    pub source: Option<String>,
    /// How far its installation has come.
    pub status: Status,
    /// When it was installed, or last upgraded.
    pub install_time: Option<i64>,
    /// Path in its tree that tells it from others of the same name: the record, or the folder it was installed to.
    /// None where one database holds all packages.
    pub path: Option<Vec<u8>>,
}

impl Package {
    /// An installed package of which no more is known.
    #[must_use]
    pub fn new(kind: Kind, name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            version: version.into(),
            arch: None,
            source: None,
            status: Status::Installed,
            install_time: None,
            path: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_are_serialized() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        for status in [
            Status::Installed,
            Status::ConfigFiles,
            Status::HalfInstalled,
            Status::Unpacked,
            Status::HalfConfigured,
            Status::TriggersAwaited,
            Status::TriggersPending,
            Status::Disabled,
            Status::Unknown,
        ] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
    }
}
