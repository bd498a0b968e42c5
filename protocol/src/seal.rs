//! An agent's own signatures: Ed25519 over the envelope's encoding, by a key that never leaves the host.
//!
//! Source: RFC 8032. Verification is strict: no small-order keys, no malleable signatures.

use crate::envelope::{Envelope, EnvelopeError, EnvelopeSignature};
use crate::ids::{AgentId, ContentDigest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// The private report key of one agent. Has no `Debug`: it is a secret.
pub struct ReportKey(SigningKey);

/// The public half of a report key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicReportKey(VerifyingKey);

/// Why a sealed envelope is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Not an envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// An envelope with something else in it.
    #[error("the payload type is {found:?}, expected is {expected:?}")]
    Type {
        /// The type found.
        found: String,
        /// The type expected.
        expected: &'static str,
    },
    /// Not exactly one signature of 64 bytes.
    #[error("a sealed envelope has exactly one signature of 64 bytes")]
    Count,
    /// The public key is not 32 bytes of Ed25519.
    #[error("the public report key is not acceptable")]
    Key,
    /// The signature is another key's, or over other bytes.
    #[error("the signature is not the agent's: the key is {expected}, the envelope names {claimed:?}")]
    Signature {
        /// Whose key it was compared with.
        expected: AgentId,
        /// Whose it claims to be.
        claimed: String,
    },
}

impl ReportKey {
    /// The key with this seed: 32 random bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicReportKey {
        PublicReportKey(self.0.verifying_key())
    }

    /// An envelope around `payload`, signed.
    #[must_use]
    pub fn seal(&self, payload_type: &str, payload: Vec<u8>) -> Envelope {
        let mut envelope = Envelope {
            payload_type: payload_type.to_owned(),
            payload,
            signatures: Vec::new(),
        };
        let signature = self.0.sign(&envelope.pae());
        envelope.signatures.push(EnvelopeSignature {
            key_id: self.public().agent().to_string(),
            signature: signature.to_bytes().to_vec(),
        });
        envelope
    }
}

impl PublicReportKey {
    /// From base64, as heartbeats carry it.
    ///
    /// # Errors
    ///
    /// [`SealError::Key`] for anything but 32 bytes that are a key of full order.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let bytes = STANDARD.decode(text).map_err(|_| SealError::Key)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| SealError::Key)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| SealError::Key)?;
        if key.is_weak() {
            return Err(SealError::Key);
        }
        Ok(Self(key))
    }

    /// As base64.
    #[must_use]
    pub fn to_text(&self) -> String {
        STANDARD.encode(self.0.as_bytes())
    }

    /// Whose key it is: the first 128 bits of its SHA-256.
    #[must_use]
    pub fn agent(&self) -> AgentId {
        let digest = ContentDigest::of(self.0.as_bytes());
        let mut id = [0; AgentId::BYTES];
        id.copy_from_slice(&digest.as_bytes()[..AgentId::BYTES]);
        AgentId::from_bytes(id)
    }

    /// Verifies an envelope of this key's and returns its payload.
    ///
    /// # Errors
    ///
    /// [`SealError`].
    pub fn open(&self, envelope: Envelope, expected: &'static str) -> Result<Vec<u8>, SealError> {
        if envelope.payload_type != expected {
            return Err(SealError::Type {
                found: envelope.payload_type,
                expected,
            });
        }
        let [only] = envelope.signatures.as_slice() else {
            return Err(SealError::Count);
        };
        let signature = Signature::from_slice(&only.signature).map_err(|_| SealError::Count)?;
        if self.0.verify_strict(&envelope.pae(), &signature).is_err() {
            return Err(SealError::Signature {
                expected: self.agent(),
                claimed: only.key_id.clone(),
            });
        }
        Ok(envelope.payload)
    }
}

/// Proof of knowing the enrolment token, for one key only: SHA-256 of the token, padded to a block, and the key.
///
/// HMAC-SHA-256 (RFC 2104) with the token's SHA-256 as the key and the public report key as the message.
#[must_use]
pub fn enrolment_proof(token: &str, key: &PublicReportKey) -> ContentDigest {
    let secret = Sha256::digest(token.as_bytes());
    let pad = |with: u8| {
        let mut block = [with; 64];
        block
            .iter_mut()
            .zip(secret)
            .for_each(|(byte, secret)| *byte ^= secret);
        block
    };
    let inner = Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(key.0.as_bytes())
        .finalize();
    let outer = Sha256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize();
    ContentDigest::from_bytes(outer.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{HEARTBEAT_TYPE, REPORT_TYPE};

    #[test]
    fn only_the_agent_s_own_key_opens_what_it_sealed() {
        let (key, other) = (ReportKey::from_seed(&[1; 32]), ReportKey::from_seed(&[2; 32]));
        let envelope = key.seal(REPORT_TYPE, b"{}".to_vec());
        assert_eq!(key.public().open(envelope.clone(), REPORT_TYPE).unwrap(), b"{}");
        let opened = |envelope: Envelope| other.public().open(envelope, REPORT_TYPE);
        assert!(matches!(
            opened(envelope.clone()),
            Err(SealError::Signature { .. })
        ));
        let mut altered = envelope.clone();
        altered.payload.push(b' ');
        assert!(matches!(
            key.public().open(altered, REPORT_TYPE),
            Err(SealError::Signature { .. })
        ));
        assert!(matches!(
            key.public().open(envelope, HEARTBEAT_TYPE),
            Err(SealError::Type { .. })
        ));
    }

    #[test]
    fn a_public_key_travels_as_text_and_weak_ones_do_not() {
        let key = ReportKey::from_seed(&[7; 32]).public();
        assert_eq!(PublicReportKey::parse(&key.to_text()).unwrap(), key);
        for text in ["", "AAAA", &STANDARD.encode([0; 32]), &STANDARD.encode([1; 31])] {
            assert!(
                matches!(PublicReportKey::parse(text), Err(SealError::Key)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_proof_of_enrolment_is_for_one_token_and_one_key() {
        let [a, b] = [1, 2].map(|seed| ReportKey::from_seed(&[seed; 32]).public());
        assert_eq!(enrolment_proof("t", &a), enrolment_proof("t", &a));
        assert_ne!(enrolment_proof("t", &a), enrolment_proof("t", &b));
        assert_ne!(enrolment_proof("t", &a), enrolment_proof("u", &a));
    }
}
