//! Homebrew: `INSTALL_RECEIPT.json` of a formula or a cask.
//!
//! Source: Homebrew's `Library/Homebrew/tab.rb`.

use serde::Deserialize;

/// What a receipt says, as far as it is of interest.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Receipt {
    /// When it was installed, in seconds since 1970.
    #[serde(default)]
    time: Option<f64>,
    /// The architecture that it was built for.
    #[serde(default)]
    pub arch: Option<String>,
}

impl Receipt {
    /// Reads a receipt; none when it is not one.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// When it was installed, in whole seconds since 1970.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a number that is too large becomes the largest"
    )]
    pub fn seconds(&self) -> Option<i64> {
        self.time.map(|time| time as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_architecture_are_taken() {
        for (text, seconds, arch) in [
            (
                r#"{"time":1700000000,"arch":"arm64","source":{}}"#,
                Some(1_700_000_000),
                Some("arm64"),
            ),
            (r#"{"time":1700000000.7,"arch":null}"#, Some(1_700_000_000), None),
            (r#"{"time":1e300}"#, Some(i64::MAX), None),
            ("{}", None, None),
        ] {
            let receipt = Receipt::parse(text.as_bytes()).unwrap();
            assert_eq!(
                (receipt.seconds(), receipt.arch.as_deref()),
                (seconds, arch),
                "{text}"
            );
        }
        assert_eq!(Receipt::parse(b"7"), None);
    }
}
