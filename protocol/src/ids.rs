//! Identifiers: of actions, of agents, of content.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// Why text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}: {digits} lowercase hexadecimal digits are expected")]
pub struct IdError {
    what: &'static str,
    digits: usize,
    text: String,
}

/// Makes a newtype of `$bytes` bytes that is written in lowercase hexadecimal digits.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// How many bytes it has; its text has twice as many digits.
            pub const BYTES: usize = $bytes;

            /// The identifier with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                unhex(text).map(Self).ok_or_else(|| IdError {
                    what: $what,
                    digits: 2 * $bytes,
                    text: text.chars().take(2 * $bytes + 1).collect(),
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": format!("^[0-9a-f]{{{}}}$", 2 * $bytes),
                    "description": $what,
                })
            }
        }
    };
}

identifier! {
    /// An action's identifier: 128 bits that nobody can guess, in 32 digits.
    ActionId, 16, "an action's identifier"
}
identifier! {
    /// An agent's identifier: the first 128 bits of the SHA-256 of its public report key, in 32 digits.
    AgentId, 16, "an agent's identifier"
}
identifier! {
    /// The SHA-256 of some content, in 64 digits.
    ContentDigest, 32, "a SHA-256"
}

impl ContentDigest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// Exactly `N` bytes from exactly `2 N` lowercase hexadecimal digits.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_one_way_to_be_written() {
        let text = "00112233445566778899aabbccddeeff";
        let id: ActionId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        for wrong in [
            "",
            "00",
            &text.to_uppercase(),
            &format!("{text}0"),
            &text.replace('0', "ä"),
        ] {
            let error = wrong.parse::<ActionId>().unwrap_err().to_string();
            assert!(error.contains("32 lowercase hexadecimal digits"), "{error}");
        }
    }
}
