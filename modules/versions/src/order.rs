//! The orders by name.

use std::cmp::Ordering;

use crate::{apk, dpkg, evr, gem, pacman, pep440, semantic};

/// How versions are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Order {
    /// Epoch, version and release, each by its runs of digits and letters; `~` sorts before the end.
    Evr,
    /// What rpm does: as [`Order::Evr`], and `^` sorts right after the end.
    Rpm,
    /// What dpkg does. Source: Debian policy, section 5.6.12.
    Dpkg,
    /// What apk-tools 3 does.
    Apk,
    /// What pacman's library does. A version without release equals one with any release.
    Pacman,
    /// Semantic versioning 2.0.0 without regard to build metadata; a missing minor or patch number is 0.
    Semver,
    /// Python's order. Source: PEP 440.
    Pep440,
    /// What RubyGems does.
    Gem,
}

/// Why two versions could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VersionError {
    /// Nothing follows the epoch.
    #[error("`{version}` has only an epoch")]
    OnlyEpoch {
        /// The version.
        version: String,
    },
    /// Nothing stands in front of the colon.
    #[error("`{version}` has an empty epoch")]
    EmptyEpoch {
        /// The version.
        version: String,
    },
    /// Nothing follows the last hyphen.
    #[error("`{version}` has an empty release")]
    EmptyRelease {
        /// The version.
        version: String,
    },
    /// It is not a version of this kind.
    #[error("`{version}` is not a version that {order} knows")]
    Malformed {
        /// The version.
        version: String,
        /// Name of the order.
        order: &'static str,
    },
}

impl Order {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Evr,
        Self::Rpm,
        Self::Dpkg,
        Self::Apk,
        Self::Pacman,
        Self::Semver,
        Self::Pep440,
        Self::Gem,
    ];

    /// Its name, as documents have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evr => "evr",
            Self::Rpm => "rpm",
            Self::Dpkg => "dpkg",
            Self::Apk => "apk",
            Self::Pacman => "pacman",
            Self::Semver => "semver",
            Self::Pep440 => "pep440",
            Self::Gem => "gem",
        }
    }

    /// The order of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.name() == name)
    }

    /// How version `a` stands to version `b`: less means older.
    ///
    /// # Errors
    ///
    /// [`VersionError`] names the version that is none in this order. [`Order::Dpkg`], [`Order::Pacman`] and
    /// [`Order::Gem`] order any text.
    pub fn compare(self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        match self {
            Self::Evr => evr::compare(a, b, evr::Caret::Separates),
            Self::Rpm => evr::compare(a, b, evr::Caret::SortsAfterEnd),
            Self::Dpkg => Ok(dpkg::compare(a, b)),
            Self::Apk => apk::compare(a, b),
            Self::Pacman => Ok(pacman::compare(a, b)),
            Self::Semver => semantic::compare(a, b),
            Self::Pep440 => pep440::compare(a, b),
            Self::Gem => Ok(gem::compare(a, b)),
        }
    }

    /// The error that says that `version` is none in this order.
    pub(crate) fn refuses(self, version: &str) -> VersionError {
        VersionError::Malformed {
            version: version.to_owned(),
            order: self.name(),
        }
    }
}
