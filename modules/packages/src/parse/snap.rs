//! snap: `meta/snap.yaml` of one snap, and `state.json` of snapd.
//!
//! Source: <https://snapcraft.io/docs/snap-format>; snapd's `overlord/snapstate/snapmgr.go` (`SnapState`).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::bytes::{lines, lossy, trim};

/// What `snap.yaml` says. Fields that it lacks are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapYaml {
    /// `name`.
    pub name: String,
    /// `version`.
    pub version: String,
}

impl SnapYaml {
    /// Reads the top-level scalars of a `snap.yaml`, which snapcraft writes in block style, one per line.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut yaml = Self::default();
        for line in lines(text) {
            if let Some(value) = line.strip_prefix(b"name:") {
                yaml.name = scalar(value);
            } else if let Some(value) = line.strip_prefix(b"version:") {
                yaml.version = scalar(value);
            }
        }
        yaml
    }
}

/// A plain or quoted scalar, without a comment behind it.
fn scalar(value: &[u8]) -> String {
    let value = trim(value);
    match value {
        [quote @ (b'"' | b'\''), rest @ ..] => {
            let end = memchr::memchr(*quote, rest).unwrap_or(rest.len());
            lossy(&rest[..end])
        }
        plain => {
            let comment = plain
                .windows(2)
                .position(|pair| pair == b" #")
                .unwrap_or(plain.len());
            lossy(trim(&plain[..comment]))
        }
    }
}

/// What `state.json` says of snaps, as far as it is of interest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct State {
    #[serde(default)]
    data: Data,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Data {
    #[serde(default)]
    snaps: BTreeMap<String, Snap>,
}

/// One snap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Snap {
    /// Whether it is switched on.
    #[serde(default)]
    pub active: bool,
    /// The revision in use; that of a snap from a file is `x1`, `x2`, ….
    #[serde(default)]
    current: serde_json::Value,
}

impl State {
    /// Reads a `state.json`; none when it is not one.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// Snaps by the names under which they are installed, those of parallel instances included.
    #[must_use]
    pub fn snaps(&self) -> &BTreeMap<String, Snap> {
        &self.data.snaps
    }
}

impl Snap {
    /// The revision in use, if it is a name that a folder can have.
    #[must_use]
    pub fn revision(&self) -> Option<String> {
        let revision = match &self.current {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Number(number) => number.to_string(),
            _ => return None,
        };
        is_name(&revision).then_some(revision)
    }
}

/// Whether a text can be the name of one folder.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && text != ".."
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scalars_are_plain_or_quoted() {
        for (text, version) in [
            ("name: core22\nversion: 20240111 # date\n", "20240111"),
            ("version: '1.0'\nname: x\n", "1.0"),
            ("apps:\n  version: 9\nversion: \"2 #3\"", "2 #3"),
            ("version:", ""),
            ("version: '", ""),
        ] {
            assert_eq!(SnapYaml::parse(text.as_bytes()).version, version, "{text}");
        }
    }

    #[test]
    fn revisions_are_numbers_or_names() {
        let text = br#"{"data":{"auth":{},"snaps":{"a":{"active":true,"current":"1122"},"b":{"current":"x1"},
            "c":{"current":7},"d":{"current":"../../e"},"e":{}}},"changes":{}}"#;
        let state = State::parse(text).unwrap();
        let revisions: Vec<_> = state.snaps().values().map(Snap::revision).collect();
        let expected = [Some("1122"), Some("x1"), Some("7"), None, None];
        assert_eq!(revisions, expected.map(|text| text.map(str::to_owned)));
        assert!(state.snaps()["a"].active && !state.snaps()["b"].active);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: Vec<u8>) {
            let _ = (SnapYaml::parse(&text), State::parse(&text));
        }
    }
}
