//! What installs packages.

use crate::Order;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What installed a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[allow(missing_docs, reason = "the names are those of the package managers")]
pub enum PackageType {
    Dpkg,
    Rpm,
    Apk,
    Pacman,
    Snap,
    Flatpak,
    Brew,
    Cask,
    Receipt,
    Pip,
    Npm,
    Gem,
    Cargo,
}

impl PackageType {
    /// All of them, in the order in which they are read.
    pub const ALL: [Self; 13] = [
        Self::Dpkg,
        Self::Rpm,
        Self::Apk,
        Self::Pacman,
        Self::Snap,
        Self::Flatpak,
        Self::Brew,
        Self::Cask,
        Self::Receipt,
        Self::Pip,
        Self::Npm,
        Self::Gem,
        Self::Cargo,
    ];
    /// Those of distributions, which a document means that names none.
    pub const SYSTEM: [Self; 4] = [Self::Dpkg, Self::Rpm, Self::Apk, Self::Pacman];

    /// Its name, as parameters, findings and documents have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Rpm => "rpm",
            Self::Apk => "apk",
            Self::Pacman => "pacman",
            Self::Snap => "snap",
            Self::Flatpak => "flatpak",
            Self::Brew => "brew",
            Self::Cask => "cask",
            Self::Receipt => "receipt",
            Self::Pip => "pip",
            Self::Npm => "npm",
            Self::Gem => "gem",
            Self::Cargo => "cargo",
        }
    }

    /// The type of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How its manager orders versions; the generic order for managers that have none of their own.
    #[must_use]
    pub const fn order(self) -> Order {
        match self {
            Self::Dpkg => Order::Dpkg,
            Self::Rpm => Order::Rpm,
            Self::Apk => Order::Apk,
            Self::Pacman => Order::Pacman,
            Self::Pip => Order::Pep440,
            Self::Npm | Self::Cargo => Order::Semver,
            Self::Gem => Order::Gem,
            Self::Snap | Self::Flatpak | Self::Brew | Self::Cask | Self::Receipt => Order::Evr,
        }
    }
}
