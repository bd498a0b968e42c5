//! Signatures of investigators: by the user's own `gpg`, so that agents, smartcards and pinentry work as they are used to.

mod gpg;
mod status;

pub use gpg::{Gpg, GpgError, Made, Verdict};

use gumshoe_protocol::bounds::SIGNATURES;
use gumshoe_protocol::{Envelope, EnvelopeSignature};

/// Why an envelope was not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// `gpg` made no signature.
    #[error(transparent)]
    Gpg(#[from] GpgError),
    /// The key has signed already: it would count once all the same.
    #[error("the key {fingerprint} has signed this already; another investigator has to")]
    Twice {
        /// The key.
        fingerprint: String,
    },
    /// There is no room for another signature.
    #[error("there are {SIGNATURES} signatures on this already, which is as many as are accepted")]
    Full,
}

/// A new envelope around `payload` with one signature.
///
/// # Errors
///
/// [`SignError::Gpg`].
pub fn seal(gpg: &Gpg, payload_type: &str, payload: Vec<u8>) -> Result<Envelope, SignError> {
    let mut envelope = Envelope {
        payload_type: payload_type.to_owned(),
        payload,
        signatures: Vec::new(),
    };
    let made = gpg.sign(&envelope.pae())?;
    envelope.signatures.push(made.into());
    Ok(envelope)
}

/// Adds a signature to an envelope. Whether one is by the same key is judged by what `gpg` says about those that are
/// there, and by their hints where it does not know the keys.
///
/// # Errors
///
/// [`SignError`].
pub fn add(gpg: &Gpg, envelope: &mut Envelope) -> Result<(), SignError> {
    if envelope.signatures.len() >= SIGNATURES {
        return Err(SignError::Full);
    }
    let message = envelope.pae();
    let made = gpg.sign(&message)?;
    for one in &envelope.signatures {
        let by = match gpg.verify(&message, &one.signature)? {
            Verdict::Good { fingerprint, .. } | Verdict::Doubtful { fingerprint, .. } => fingerprint,
            Verdict::Bad | Verdict::UnknownKey { .. } => one.key_id.clone(),
        };
        if by.eq_ignore_ascii_case(&made.fingerprint) {
            return Err(SignError::Twice {
                fingerprint: made.fingerprint,
            });
        }
    }
    envelope.signatures.push(made.into());
    Ok(())
}

impl From<Made> for EnvelopeSignature {
    fn from(made: Made) -> Self {
        Self {
            key_id: made.fingerprint,
            signature: made.signature,
        }
    }
}
