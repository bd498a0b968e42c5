//! Whether an envelope from an investigator is passed on. Agents decide again, and for themselves.

use chrono::Utc;
use gumshoe_expression::{Expression, ExpressionError};
use gumshoe_protocol::Refusal;
use gumshoe_protocol::bounds::ENVELOPE_BYTES;
use gumshoe_protocol::envelope::{ACTION_TYPE, CANCEL_TYPE};
use gumshoe_protocol::policy::{Investigator, Policy};
use gumshoe_protocol::{Action, ActionError, Cancel, ContentDigest, Envelope, EnvelopeError, Timestamp};
use gumshoe_store::Signer;

/// Why an envelope is not passed on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
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
    /// Signatures that do not verify, or not by investigators that the policy knows.
    #[error("{}", .0.message)]
    Signers(Refusal),
    /// The payload is not an action.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// The target is not an expression.
    #[error("the target is not acceptable")]
    Target(#[source] ExpressionError),
    /// Its window is over.
    #[error("the action expired at {expires}")]
    Expired {
        /// The end of its window.
        expires: Timestamp,
    },
}

impl AcceptError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Envelope(_) => "malformed-envelope",
            Self::Type { .. } => "wrong-payload-type",
            Self::Signers(refusal) => &refusal.code,
            Self::Action(_) => "malformed-action",
            Self::Target(_) => "malformed-target",
            Self::Expired { .. } => "expired",
        }
    }
}

/// What was found in an envelope whose signatures are good.
#[derive(Debug, Clone)]
pub struct Accepted<T> {
    /// What is signed.
    pub value: T,
    /// The envelope as it is published.
    pub envelope: Vec<u8>,
    /// Digest of the payload.
    pub digest: ContentDigest,
    /// Who signed.
    pub signers: Vec<Signer>,
}

/// Checks an envelope with an action.
///
/// # Errors
///
/// [`AcceptError`].
pub fn accept_action(bytes: &[u8], policy: &Policy) -> Result<Accepted<Action>, AcceptError> {
    let accepted = open(bytes, policy, ACTION_TYPE)?.parsed(Action::parse)?;
    let action = &accepted.value;
    if action.expires <= Utc::now() {
        let expires = action.expires;
        return Err(AcceptError::Expired { expires });
    }
    Expression::parse(&action.target).map_err(AcceptError::Target)?;
    Ok(accepted)
}

/// Checks an envelope with the wish to stop an action.
///
/// # Errors
///
/// [`AcceptError`].
pub fn accept_cancel(bytes: &[u8], policy: &Policy) -> Result<Accepted<Cancel>, AcceptError> {
    open(bytes, policy, CANCEL_TYPE)?.parsed(Cancel::parse)
}

fn open(bytes: &[u8], policy: &Policy, expected: &'static str) -> Result<Accepted<Vec<u8>>, AcceptError> {
    let envelope = Envelope::parse(bytes, ENVELOPE_BYTES)?;
    if envelope.payload_type != expected {
        let found = envelope.payload_type;
        return Err(AcceptError::Type { found, expected });
    }
    let signers = policy
        .verify(&envelope, Utc::now())
        .map_err(AcceptError::Signers)?;
    let signer = |one: &Investigator| Signer {
        name: one.name.clone(),
        fingerprint: one.certificate.fingerprint().to_string(),
    };
    Ok(Accepted {
        envelope: envelope.to_json().into_bytes(),
        digest: ContentDigest::of(&envelope.payload),
        signers: signers.into_iter().map(signer).collect(),
        value: envelope.payload,
    })
}

impl Accepted<Vec<u8>> {
    fn parsed<T>(self, parse: impl Fn(&[u8]) -> Result<T, ActionError>) -> Result<Accepted<T>, AcceptError> {
        Ok(Accepted {
            value: parse(&self.value)?,
            envelope: self.envelope,
            digest: self.digest,
            signers: self.signers,
        })
    }
}
