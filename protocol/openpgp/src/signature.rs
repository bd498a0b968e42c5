//! Detached signatures.
use chrono::{DateTime, Utc};
use pgp::packet::{
    PacketHeader, Signature as Raw, SignatureType, SignatureVersion, SignatureVersionSpecific,
};
use pgp::types::{KeyDetails, Tag};

use crate::algorithm::Hash;
use crate::armour::dearmour;
use crate::error::{FormatError, SignatureError};
use crate::fingerprint::Fingerprint;
use crate::packets::{Packet, first_tag, split, tag};
use crate::statement::Statement;

/// The most bytes that [`Signature::parse`] looks at; an RSA-4096 signature has about 600 of them.
pub const MAX_SIGNATURE_BYTES: usize = 16 * 1024;

/// A detached signature over binary data, of a form that is accepted; whose it is, is not known yet.
#[derive(Clone, Debug)]
pub struct Signature {
    pub(crate) raw: Raw,
    pub(crate) statement: Statement,
    pub(crate) hash: Hash,
    /// What is hashed behind the message.
    trailer: Vec<u8>,
}

impl Signature {
    /// Reads a detached signature, ASCII-armoured or not.
    ///
    /// Limits: one signature of at most [`MAX_SIGNATURE_BYTES`], and nothing else around it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it whatever the key and the message: format, type, hash, subpackets.
    pub fn parse(bytes: &[u8]) -> Result<Signature, SignatureError> {
        let bytes = dearmour(bytes, "PGP SIGNATURE", MAX_SIGNATURE_BYTES).map_err(|error| match error {
            FormatError::OtherBlock { label } => match label.as_str() {
                "PGP SIGNED MESSAGE" => wrong("a cleartext message"),
                "PGP MESSAGE" => wrong("a message"),
                _ => SignatureError::NotASignature,
            },
            error => SignatureError::Format(error),
        })?;
        // Before their lengths are looked at: messages may have partial ones.
        match first_tag(&bytes) {
            None | Some(tag::SIGNATURE) => {}
            Some(tag::ONE_PASS_SIGNATURE | tag::COMPRESSED_DATA | tag::LITERAL_DATA) => {
                return Err(wrong("a message"));
            }
            Some(_) => return Err(SignatureError::NotASignature),
        }
        let mut packets = split(&bytes);
        let body = packets.next().ok_or(SignatureError::NotASignature)??.body;
        match packets.next().transpose()? {
            None => Signature::read(body),
            Some(Packet {
                tag: tag::SIGNATURE, ..
            }) => Err(SignatureError::SeveralSignatures),
            Some(Packet {
                tag: tag::LITERAL_DATA,
                ..
            }) => Err(wrong("a message")),
            Some(Packet { tag, .. }) => Err(SignatureError::UnexpectedPacket { tag }),
        }
    }

    /// When the signature says that it was made.
    #[must_use]
    pub fn made(&self) -> DateTime<Utc> {
        self.statement.made
    }

    /// Which keys or subkeys it says that it was made by: a hint where to look, and nothing else.
    #[must_use]
    pub fn issuers(&self) -> Vec<Fingerprint> {
        self.raw
            .issuer_fingerprint()
            .into_iter()
            .filter_map(Fingerprint::of)
            .collect()
    }

    /// Whether it names this key, or no key at all.
    pub(crate) fn names(&self, key: &dyn KeyDetails) -> bool {
        names(&self.raw, key)
    }

    /// The salt of version 6, hashed before the message.
    pub(crate) fn salt(&self) -> Option<&[u8]> {
        match &self.raw.config()?.version_specific {
            SignatureVersionSpecific::V6 { salt } => Some(salt),
            _ => None,
        }
    }

    pub(crate) fn trailer(&self) -> &[u8] {
        &self.trailer
    }

    fn read(body: &[u8]) -> Result<Signature, SignatureError> {
        let version = body.first().copied().unwrap_or_default();
        if !matches!(version, 4 | 6) {
            return Err(SignatureError::Version { version });
        }
        let (raw, rest) = packet(body).map_err(|source| SignatureError::Damaged {
            source: source.into(),
        })?;
        if !rest.is_empty() {
            return Err(SignatureError::TooLong);
        }
        let config = raw.config().ok_or(SignatureError::Version { version })?;
        if config.typ != SignatureType::Binary {
            return Err(wrong(&format!("a signature of type {:?}", config.typ)));
        }
        let hash = Hash::of(config.hash_alg, &config.pub_alg)?;
        let statement = Statement::read(config)?;
        let trailer = trailer(body).ok_or(SignatureError::TooLong)?;
        Ok(Signature {
            statement,
            hash,
            trailer,
            raw,
        })
    }
}

/// Reads the body of a signature packet; returns what is behind it, too.
pub(crate) fn packet(body: &[u8]) -> pgp::errors::Result<(Raw, &[u8])> {
    let header = PacketHeader::new_fixed(Tag::Signature, u32::try_from(body.len())?);
    let mut rest = body;
    let raw = Raw::try_from_reader(header, &mut rest)?;
    Ok((raw, rest))
}

/// Whether a signature names this key, or no key at all.
pub(crate) fn names(signature: &Raw, key: &dyn KeyDetails) -> bool {
    let (fingerprints, ids) = (signature.issuer_fingerprint(), signature.issuer_key_id());
    (fingerprints.is_empty() && ids.is_empty())
        || fingerprints.contains(&&key.fingerprint())
        || ids.contains(&&key.legacy_key_id())
}

/// Whether versions fit: those of keys and of signatures by them are the same, except for signatures of version 3.
pub(crate) fn is_of_version(signature: &Raw, key: &dyn KeyDetails) -> bool {
    matches!(
        (u8::from(key.version()), signature.version()),
        (4, SignatureVersion::V4 | SignatureVersion::V3) | (6, SignatureVersion::V6)
    )
}

/// What is hashed behind a document: the signature up to its hashed subpackets as it came, and the length of that.
///
/// Source: RFC 9580, section 5.2.4.
fn trailer(body: &[u8]) -> Option<Vec<u8>> {
    let version = *body.first()?;
    // Version, type and two algorithms come before the length of the hashed subpackets.
    let (length, start) = match version {
        4 => (
            usize::from(u16::from_be_bytes(body.get(4..6)?.try_into().ok()?)),
            6,
        ),
        _ => (
            usize::try_from(u32::from_be_bytes(body.get(4..8)?.try_into().ok()?)).ok()?,
            8,
        ),
    };
    let signed = body.get(..length.checked_add(start)?)?;
    let length = u32::try_from(signed.len()).ok()?;
    Some([signed, &[version, 0xFF], &length.to_be_bytes()].concat())
}

fn wrong(what: &str) -> SignatureError {
    SignatureError::WrongType {
        what: what.to_owned(),
    }
}
