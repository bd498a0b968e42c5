//! Who signed an envelope.

use super::{Investigator, Policy};
use crate::Timestamp;
use crate::envelope::{Envelope, EnvelopeSignature};
use crate::refusal::{Refusal, codes};
use gumshoe_openpgp::{Fingerprint, Message, Moment, Signature, verify};

impl Policy {
    /// The investigators who signed an envelope, one per signature, in the order of the signatures.
    ///
    /// Everything else is a refusal: one unknown signer among known ones, one bad signature among good ones, two
    /// signatures by keys of one investigator.
    ///
    /// Cost: signatures are parsed and their signers looked up before anything is hashed; the payload is hashed once per
    /// hash algorithm.
    ///
    /// # Errors
    ///
    /// A refusal with the code of the first signature that is not acceptable.
    pub fn verify(&self, envelope: &Envelope, now: Timestamp) -> Result<Vec<&Investigator>, Refusal> {
        let mut claims: Vec<(&Investigator, Signature)> = Vec::with_capacity(envelope.signatures.len());
        for one in &envelope.signatures {
            let signature =
                Signature::parse(&one.signature).map_err(|error| Refusal::by(error.code(), &error))?;
            let signer = self.claimed(&signature, one)?;
            if claims.iter().any(|(other, _)| other.name == signer.name) {
                let message = format!(
                    "two signatures are by keys of `{}`; whoever signs counts once, and signs once",
                    signer.name
                );
                return Err(Refusal::new(codes::DUPLICATE_SIGNER, message));
            }
            claims.push((signer, signature));
        }
        let pae = envelope.pae();
        let message = Message::new(&pae);
        let moment = Moment {
            now,
            tolerance: self.tolerance,
        };
        for (signer, signature) in &claims {
            verify(&signer.certificate, signature, &message, moment).map_err(|error| {
                let refusal = Refusal::by(error.code(), &error);
                Refusal {
                    message: format!("the signature of `{}`: {}", signer.name, refusal.message),
                    ..refusal
                }
            })?;
        }
        Ok(claims.into_iter().map(|(signer, _)| signer).collect())
    }

    /// The investigator by whose key a signature claims to be. Only a hint: what counts is that it verifies.
    fn claimed(&self, signature: &Signature, one: &EnvelopeSignature) -> Result<&Investigator, Refusal> {
        let hint: Option<Fingerprint> = one.key_id.parse().ok();
        let hinted = |known: &&&Investigator| hint.is_some_and(|hint| known.has_key(&hint));
        let named: Vec<_> = (self.investigators.iter())
            .filter(|known| known.certificate.is_named_by(signature))
            .collect();
        let claimed = named.iter().find(hinted).or(named.first());
        claimed.copied().ok_or_else(|| {
            let by = signature.issuers();
            let by = by
                .first()
                .map_or_else(|| "an unnamed key".to_owned(), ToString::to_string);
            let message =
                format!("a signature is by {by}, whom this host's policy does not name as an investigator");
            Refusal::new(codes::UNKNOWN_SIGNER, message)
        })
    }
}

impl Investigator {
    /// Whether this is their primary key or a subkey of it.
    fn has_key(&self, fingerprint: &Fingerprint) -> bool {
        let certificate = &self.certificate;
        certificate.fingerprint() == fingerprint || certificate.subkeys().any(|subkey| subkey == fingerprint)
    }
}
