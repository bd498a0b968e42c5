//! The verdict.
use chrono::{DateTime, TimeDelta, Utc};

use crate::algorithm::{Algorithm, Hash};
use crate::certificate::Certificate;
use crate::component::Component;
use crate::error::SignatureError;
use crate::fingerprint::Fingerprint;
use crate::message::Message;
use crate::signature::{Signature, is_of_version};

/// How far clocks may be apart, unless said otherwise.
pub const DEFAULT_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// What time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The time.
    pub now: DateTime<Utc>,
    /// How far into the future signatures may be made: their makers' clocks may be ahead of ours.
    pub tolerance: TimeDelta,
}

impl Moment {
    /// The newest time that is not yet in the future.
    pub(crate) fn latest(self) -> DateTime<Utc> {
        self.now
            .checked_add_signed(self.tolerance)
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl From<DateTime<Utc>> for Moment {
    fn from(now: DateTime<Utc>) -> Moment {
        Moment {
            now,
            tolerance: DEFAULT_TOLERANCE,
        }
    }
}

/// A signature that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The certificate's fingerprint: who signed.
    pub primary: Fingerprint,
    /// The key or subkey that did it.
    pub signing_key: Fingerprint,
    /// When the signature was made.
    pub made: DateTime<Utc>,
    /// When it ends, if it says so.
    pub expires: Option<DateTime<Utc>>,
    /// The signing key's algorithm.
    pub algorithm: Algorithm,
    /// The signature's hash.
    pub hash: Hash,
}

/// Judges whether the owner of a certificate signed a message.
///
/// Order of checks: what the signature says about itself, whether the key can have made it, whether it verifies, and
/// last whether its key was allowed to. So a `key-revoked` is about a signature that the key really made.
/// Costs: one public-key operation, and hashing of the message as [`Message`] says.
///
/// # Errors
///
/// The first rule that is broken.
pub fn verify(
    certificate: &Certificate,
    signature: &Signature,
    message: &Message<'_>,
    moment: impl Into<Moment>,
) -> Result<Verified, SignatureError> {
    let moment = moment.into();
    check_time(signature, moment)?;
    let mut refusal = SignatureError::WrongKey {
        primary: *certificate.fingerprint(),
    };
    // More than one only if nothing is named, or if the short ids of two subkeys are the same.
    for component in certificate
        .components()
        .filter(|component| signature.names(&*component.key))
    {
        match verify_with(certificate, component, signature, message, moment) {
            Ok(verified) => return Ok(verified),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

fn check_time(signature: &Signature, moment: Moment) -> Result<(), SignatureError> {
    let made = signature.statement.made;
    if made > moment.latest() {
        return Err(SignatureError::NotYetValid { made });
    }
    match signature.statement.expires {
        Some(at) if at <= moment.now => Err(SignatureError::Expired { at }),
        _ => Ok(()),
    }
}

fn verify_with(
    certificate: &Certificate,
    component: &Component,
    signature: &Signature,
    message: &Message<'_>,
    moment: Moment,
) -> Result<Verified, SignatureError> {
    component.algorithm.clone()?.takes(signature.hash)?;
    check_digest(component, signature, message).map_err(|source| SignatureError::Invalid { source })?;
    let made = signature.statement.made;
    certificate.primary.is_alive(made, moment)?;
    let algorithm = component.may_sign(made, moment)?;
    Ok(Verified {
        primary: *certificate.fingerprint(),
        signing_key: component.fingerprint,
        made,
        expires: signature.statement.expires,
        algorithm,
        hash: signature.hash,
    })
}

/// The cryptography.
fn check_digest(
    component: &Component,
    signature: &Signature,
    message: &Message<'_>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (key, raw, hash) = (&component.key, &signature.raw, signature.hash);
    if !is_of_version(raw, &**key) || raw.config().map(|config| config.pub_alg) != Some(key.algorithm()) {
        return Err("its version or algorithm is not its key's".into());
    }
    let digest = message
        .digest(hash, signature.salt(), signature.trailer())
        .ok_or("there is no such hash")?;
    // The first two bytes are there in clear; version 6 demands that they are right. RFC 9580, section 5.2.3.
    if raw.signed_hash_value().as_ref().map(<[u8; 2]>::as_slice) != digest.get(..2) {
        return Err("the beginning of its digest is another".into());
    }
    let bytes = raw.signature().ok_or("it has no value")?;
    Ok(key.verify(hash.raw(), &digest, bytes)?)
}
