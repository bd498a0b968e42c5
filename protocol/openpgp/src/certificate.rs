//! Certificates: public keys with what their owners say about them.
use chrono::{DateTime, Utc};

use crate::algorithm::Algorithm;
use crate::component::Component;
use crate::error::{KeyError, SignatureError};
use crate::fingerprint::Fingerprint;
use crate::reading;
use crate::signature::Signature;
use crate::verify::Moment;

/// The most bytes that [`Certificate::parse`] looks at.
pub const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;

/// An OpenPGP certificate whose own signatures are all valid.
///
/// It may still be expired or revoked: that depends on the time, and is said by [`Certificate::check`] and by
/// [`verify`](crate::verify()). Checked once, then used for any number of signatures.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub(crate) algorithm: Algorithm,
    pub(crate) primary: Component,
    pub(crate) subkeys: Vec<Component>,
    pub(crate) user_ids: Vec<String>,
}

impl Certificate {
    /// Reads one public key, ASCII-armoured or not, and checks all of its own signatures.
    ///
    /// Limits: [`MAX_CERTIFICATE_BYTES`]. Signatures by others are passed over.
    /// Costs: one verification per own signature, some 0.1 ms each; at most 256 of them.
    ///
    /// # Errors
    ///
    /// Everything that makes the whole key unusable whatever the time. What is wrong with a single subkey is told when
    /// the subkey signs.
    pub fn parse(bytes: &[u8]) -> Result<Certificate, KeyError> {
        reading::certificate(bytes)
    }

    /// The fingerprint of the primary key, which is the name of the whole certificate.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.primary.fingerprint
    }

    /// The fingerprints of all subkeys, whatever they are for.
    pub fn subkeys(&self) -> impl Iterator<Item = &Fingerprint> {
        self.subkeys.iter().map(|subkey| &subkey.fingerprint)
    }

    /// What its owner calls himself: user ids that the key certifies and has not revoked, in their order.
    ///
    /// Limits: each at most 256 characters; characters that control terminals, and bytes that are not UTF-8, are
    /// replaced. Anybody can call himself anything.
    #[must_use]
    pub fn user_ids(&self) -> &[String] {
        &self.user_ids
    }

    /// The algorithm of the primary key.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// When the primary key was created.
    #[must_use]
    pub fn created(&self) -> DateTime<Utc> {
        self.primary.created
    }

    /// Whether the signature says that this key, or a subkey of it, made it, or says nothing: a hint for choosing
    /// among many certificates.
    #[must_use]
    pub fn is_named_by(&self, signature: &Signature) -> bool {
        self.components()
            .any(|component| signature.names(&*component.key))
    }

    /// Whether signatures that were made at `moment` could be accepted.
    ///
    /// # Errors
    ///
    /// Why no part of the key can sign; if the primary key could not either, why it cannot.
    pub fn check(&self, moment: impl Into<Moment>) -> Result<(), SignatureError> {
        let moment = moment.into();
        self.primary.is_alive(moment.now, moment)?;
        let mut parts = self
            .components()
            .map(|component| component.may_sign(moment.now, moment).map(drop));
        let first = parts.next().unwrap_or(Ok(()));
        first.or_else(|error| {
            if parts.any(|part| part.is_ok()) {
                Ok(())
            } else {
                Err(error)
            }
        })
    }

    /// The primary key and all subkeys.
    pub(crate) fn components(&self) -> impl Iterator<Item = &Component> {
        std::iter::once(&self.primary).chain(&self.subkeys)
    }
}
