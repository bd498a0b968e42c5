//! Findings as they are reported.

use gumshoe_packages::{Distro, Kind, Package, Status, purl::purl};
use gumshoe_plugin_api::text::{escape, shown};
pub use gumshoe_process::Container;
use gumshoe_process::rfc3339;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One package.
///
/// Shape: absent values are left out. Times are RFC 3339 in UTC. A path that is not UTF-8 is shown with replacement
/// characters, and exactly in `path_bytes` (base64).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its name, without architecture.
    pub name: String,
    /// Its version as its manager shows it; empty where that is not known.
    pub version: String,
    /// The architecture that it was built for; of a gem, the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// What installed it.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The source package, where the database names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How far its installation has come: only `installed` is there and usable.
    pub status: Status,
    /// When it was installed or last upgraded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install_time: Option<String>,
    /// Its package URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    /// Its record or folder, below the root, where one database does not hold all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The path exactly, in base64, when it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// The root that was asked for and in which it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The container in which it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
}

impl Finding {
    /// A package of a tree with this distribution.
    #[must_use]
    pub fn new(package: Package, distro: &Distro) -> Self {
        let purl = purl(&package, distro);
        let (path, path_bytes) = package.path.as_deref().map(shown).unzip();
        let path_bytes = path_bytes.flatten();
        Self {
            name: package.name,
            version: package.version,
            arch: package.arch,
            kind: package.kind,
            source: package.source,
            status: package.status,
            install_time: package
                .install_time
                .and_then(|seconds| seconds.checked_mul(1000))
                .filter(|ms| (0..=MAX_TIME_MS).contains(ms))
                .map(rfc3339),
            purl,
            path,
            path_bytes,
            root: None,
            container: None,
        }
    }
}

/// One line: type, name, version, architecture, and what else tells it from others.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {}",
            self.kind.name(),
            escape(&self.name),
            escape(&self.version)
        )?;
        if let Some(arch) = &self.arch {
            write!(f, " {}", escape(arch))?;
        }
        if self.status != Status::Installed {
            write!(f, " ({})", self.status.name())?;
        }
        if let Some(path) = &self.path {
            write!(f, " in {}", escape(path))?;
        }
        if let Some(root) = &self.root {
            write!(f, " below {}", escape(root))?;
        }
        if let Some(container) = &self.container {
            write!(f, " {}", container.words())?;
        }
        Ok(())
    }
}

/// The last millisecond of the year 9999, beyond which RFC 3339 has no times.
const MAX_TIME_MS: i64 = 253_402_300_799_999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_stay_on_their_line() {
        let mut package = Package::new(Kind::Npm, "a\nb\u{1b}[2J", "1");
        package.path = Some(b"/x\xff".to_vec());
        package.install_time = Some(i64::MAX);
        package.status = Status::ConfigFiles;
        let finding = Finding::new(package, &Distro::default());
        assert_eq!(
            finding.to_string(),
            "npm a\\nb\\u{1b}[2J 1 (config-files) in /x\u{fffd}"
        );
        assert_eq!(
            (finding.path_bytes.as_deref(), finding.install_time),
            (Some("L3j/"), None)
        );
    }
}
