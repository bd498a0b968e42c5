//! Cargo: `.crates2.json`, which lists what `cargo install` installed.
//!
//! Shape: `installs` has one member per program, named `NAME VERSION (SOURCE)`. Source: cargo's
//! `src/cargo/ops/common_for_install_and_uninstall.rs`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Kind, Package};

#[derive(Debug, Deserialize)]
struct Crates {
    #[serde(default)]
    installs: BTreeMap<String, Install>,
}

#[derive(Debug, Deserialize)]
struct Install {
    #[serde(default)]
    target: Option<String>,
}

/// The packages that the text lists, sorted by name; none when it is not such a list.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Vec<Package>> {
    // Cargo makes the file before it has anything to put into it.
    if text.trim_ascii().is_empty() {
        return Some(Vec::new());
    }
    let crates: Crates = serde_json::from_slice(text).ok()?;
    let packages = crates.installs.into_iter().filter_map(|(key, install)| {
        let mut words = key.split(' ');
        let (name, version) = (words.next()?, words.next()?);
        Some(Package {
            arch: install.target,
            ..Package::new(Kind::Cargo, name, version)
        })
    });
    Some(packages.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_split() {
        let text =
            br#"{"installs":{"ripgrep 14.1.0 (registry+https://example.org/index)":{"version_req":null,
            "bins":["rg"],"target":"x86_64-unknown-linux-gnu"},"odd":{}},"v":1}"#;
        let packages = parse(text).unwrap();
        assert_eq!(packages.len(), 1);
        assert_eq!(
            (packages[0].name.as_str(), packages[0].version.as_str()),
            ("ripgrep", "14.1.0")
        );
        assert_eq!(packages[0].arch.as_deref(), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(parse(b""), Some(Vec::new()));
        assert_eq!(parse(b"{").map(|packages| packages.len()), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: Vec<u8>) {
            let _ = parse(&text);
        }
    }
}
