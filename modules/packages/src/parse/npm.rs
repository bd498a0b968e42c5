//! npm: `package.json` of one package.

use serde::Deserialize;

use crate::{Kind, Package};

#[derive(Debug, Deserialize)]
struct PackageJson {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
}

/// The package that a `package.json` describes; none when it has no name.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Package> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let json: PackageJson = serde_json::from_slice(text).ok()?;
    (!json.name.is_empty()).then(|| Package::new(Kind::Npm, json.name, json.version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn name_and_version_are_taken() {
        let package = parse(b"\xef\xbb\xbf{\"name\":\"@a/b\",\"version\":\"1.0.0\",\"x\":[1]}").unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("@a/b", "1.0.0")
        );
        assert_eq!(parse(b"{\"type\":\"module\"}"), None);
        assert_eq!(parse(b"["), None);
        assert_eq!(parse(&[b'['; 100_000]), None, "deep nesting");
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: Vec<u8>) {
            let _ = parse(&text);
        }
    }
}
