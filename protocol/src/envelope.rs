//! The DSSE envelope: payload type, exact payload bytes, signatures over both.
//!
//! Signed is the pre-authentication encoding of the bytes as they travel, never a re-serialisation.
//! Source: DSSE v1.0, `protocol.md` and `envelope.md` of the Dead Simple Signing Envelope.

use crate::bounds::{KEY_ID_BYTES, PAYLOAD_TYPE_BYTES, SIGNATURE_BYTES, SIGNATURES};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use schemars::JsonSchema;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::fmt;

/// An investigator's action: [`crate::Action`].
pub const ACTION_TYPE: &str = "application/vnd.gumshoe.action.v1+json";
/// An investigator's wish to stop an action: [`crate::Cancel`].
pub const CANCEL_TYPE: &str = "application/vnd.gumshoe.cancel.v1+json";
/// An agent's report: [`crate::HostReport`].
pub const REPORT_TYPE: &str = "application/vnd.gumshoe.report.v1+json";
/// An agent's heartbeat: [`crate::Heartbeat`].
pub const HEARTBEAT_TYPE: &str = "application/vnd.gumshoe.heartbeat.v1+json";

/// An envelope, decoded; nothing about it has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// The payload, byte for byte.
    pub payload: Vec<u8>,
    /// The signatures, in the order in which they stand.
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeSignature {
    /// Which key it claims to be by: a hint, not part of what is signed.
    pub key_id: String,
    /// The signature's bytes.
    pub signature: Vec<u8>,
}

/// Why bytes are not an envelope.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// More bytes than are looked at.
    #[error("the envelope has {have} bytes, at most {most} are accepted")]
    Size {
        /// Bytes that are there.
        have: usize,
        /// Bytes that are accepted.
        most: usize,
    },
    /// Not the JSON object that an envelope is.
    #[error("not a DSSE envelope")]
    Form(#[source] serde_json::Error),
    /// The payload, or a signature, is not base64 (RFC 4648).
    #[error("`{field}` is not base64")]
    Base64 {
        /// Where it stands.
        field: &'static str,
    },
    /// A field is longer than it can be.
    #[error("`{field}` has {have} bytes, at most {most} are accepted")]
    Field {
        /// The field.
        field: &'static str,
        /// Bytes that are there.
        have: usize,
        /// Bytes that are accepted.
        most: usize,
    },
    /// Nobody signed it.
    #[error("the envelope carries no signature")]
    Unsigned,
}

/// A DSSE envelope: a payload and signatures over the exact bytes of it.
///
/// Borrowed, so that a large payload is not copied before it is decoded.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Envelope")]
#[serde(deny_unknown_fields)]
pub(crate) struct Wire<'a> {
    /// What the payload is, such as `application/vnd.gumshoe.action.v1+json`.
    #[serde(borrow, rename = "payloadType")]
    payload_type: Cow<'a, str>,
    /// The payload in base64 (RFC 4648, either alphabet).
    #[serde(borrow)]
    payload: Cow<'a, str>,
    /// 1 to 16 signatures over the pre-authentication encoding of type and payload.
    #[serde(borrow, deserialize_with = "few")]
    signatures: Vec<WireSignature<'a>>,
}

/// One signature.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Signature")]
#[serde(deny_unknown_fields)]
pub(crate) struct WireSignature<'a> {
    /// Which key it claims to be by: a fingerprint or an agent's identifier. A hint, not signed.
    #[serde(borrow, default, rename = "keyid")]
    key_id: Cow<'a, str>,
    /// The signature in base64: a binary OpenPGP signature, or 64 bytes of Ed25519.
    #[serde(borrow)]
    sig: Cow<'a, str>,
}

impl Envelope {
    /// Decodes an envelope of at most `most` bytes. Verifies nothing.
    ///
    /// Limits: [`SIGNATURES`] signatures of [`SIGNATURE_BYTES`] bytes; reading stops at the first thing that is wrong.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`].
    pub fn parse(bytes: &[u8], most: usize) -> Result<Self, EnvelopeError> {
        if bytes.len() > most {
            return Err(EnvelopeError::Size {
                have: bytes.len(),
                most,
            });
        }
        let wire: Wire<'_> = serde_json::from_slice(bytes).map_err(EnvelopeError::Form)?;
        bounded("payloadType", wire.payload_type.len(), PAYLOAD_TYPE_BYTES)?;
        if wire.signatures.is_empty() {
            return Err(EnvelopeError::Unsigned);
        }
        Ok(Self {
            signatures: wire
                .signatures
                .iter()
                .map(decode_signature)
                .collect::<Result<_, _>>()?,
            payload: decode("payload", &wire.payload)?,
            payload_type: wire.payload_type.into_owned(),
        })
    }

    /// The bytes that are signed, see [`pae`].
    #[must_use]
    pub fn pae(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }

    /// The envelope as it travels: one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Signature<'a> {
            keyid: &'a str,
            sig: String,
        }
        let signatures: Vec<_> = self
            .signatures
            .iter()
            .map(|one| Signature {
                keyid: &one.key_id,
                sig: STANDARD.encode(&one.signature),
            })
            .collect();
        serde_json::json!({
            "payloadType": self.payload_type,
            "payload": STANDARD.encode(&self.payload),
            "signatures": signatures,
        })
        .to_string()
    }
}

/// DSSE's pre-authentication encoding: `DSSEv1 LEN(type) type LEN(payload) payload`, lengths in decimal.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

fn decode_signature(wire: &WireSignature<'_>) -> Result<EnvelopeSignature, EnvelopeError> {
    bounded("keyid", wire.key_id.len(), KEY_ID_BYTES)?;
    bounded("sig", wire.sig.len(), SIGNATURE_BYTES / 3 * 4 + 4)?;
    Ok(EnvelopeSignature {
        key_id: wire.key_id.clone().into_owned(),
        signature: decode("sig", &wire.sig)?,
    })
}

fn bounded(field: &'static str, have: usize, most: usize) -> Result<(), EnvelopeError> {
    if have > most {
        return Err(EnvelopeError::Field { field, have, most });
    }
    Ok(())
}

/// DSSE has readers accept both alphabets of RFC 4648.
fn decode(field: &'static str, text: &str) -> Result<Vec<u8>, EnvelopeError> {
    STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE.decode(text))
        .map_err(|_| EnvelopeError::Base64 { field })
}

/// A list that ends reading when it grows beyond [`SIGNATURES`].
fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<WireSignature<'de>>, D::Error> {
    struct Few;
    impl<'de> Visitor<'de> for Few {
        type Value = Vec<WireSignature<'de>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of signatures")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut list = Vec::new();
            while let Some(item) = items.next_element()? {
                if list.len() == SIGNATURES {
                    return Err(A::Error::custom(format_args!(
                        "more than {SIGNATURES} signatures"
                    )));
                }
                list.push(item);
            }
            Ok(list)
        }
    }
    deserializer.deserialize_seq(Few)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Envelope {
        Envelope {
            payload_type: "http://example.com/HelloWorld".to_owned(),
            payload: b"hello world".to_vec(),
            signatures: vec![EnvelopeSignature {
                key_id: String::new(),
                signature: vec![1, 2, 3],
            }],
        }
    }

    /// Source: the example in DSSE's `protocol.md`.
    #[test]
    fn the_specification_s_example_encodes_as_it_says() {
        assert_eq!(
            sample().pae(),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn what_is_not_an_envelope_is_refused_with_the_reason() {
        let many = |n: usize| {
            let one = r#"{"keyid":"a","sig":"AA=="}"#;
            format!(
                r#"{{"payloadType":"t","payload":"AA==","signatures":[{}]}}"#,
                vec![one; n].join(",")
            )
        };
        for (text, expected) in [
            ("", "EOF"),
            ("[]", "invalid"),
            (
                r#"{"payloadType":"t","payload":"AA==","signatures":[]}"#,
                "no signature",
            ),
            (
                r#"{"payloadType":"t","payload":"A","signatures":[{"sig":"AA=="}]}"#,
                "`payload` is not base64",
            ),
            (
                r#"{"payloadType":"t","payload":"AA==","signatures":[{"sig":"é"}]}"#,
                "`sig` is not base64",
            ),
            (
                r#"{"payloadType":"t","payload":"AA==","payload":"AA==","signatures":[{"sig":"AA=="}]}"#,
                "duplicate field",
            ),
            (
                r#"{"payloadType":"t","payload":"AA==","signatures":[{"sig":"AA=="}],"x":1}"#,
                "unknown field",
            ),
            (&many(10_000), "more than 16 signatures"),
        ] {
            let error = Envelope::parse(text.as_bytes(), 1 << 20).unwrap_err();
            let told = format!("{error} {:?}", std::error::Error::source(&error));
            assert!(told.contains(expected), "{told}");
        }
        assert!(Envelope::parse(many(16).as_bytes(), 1 << 20).is_ok());
        assert!(matches!(
            Envelope::parse(b"xxx", 2),
            Err(EnvelopeError::Size { have: 3, most: 2 })
        ));
    }

    proptest! {
        #[test]
        fn writing_and_reading_gives_the_same(payload: Vec<u8>, key_id in "[A-F0-9]{0,40}", signature: Vec<u8>) {
            let envelope = Envelope { payload, signatures: vec![EnvelopeSignature { key_id, signature }], ..sample() };
            prop_assert_eq!(Envelope::parse(envelope.to_json().as_bytes(), 1 << 20).unwrap(), envelope);
        }

        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let _ = Envelope::parse(&bytes, 1 << 20);
        }
    }
}
