//! What a signature says about itself and about its key, in the part of it that is signed.
use chrono::{DateTime, TimeDelta, Utc};
use pgp::packet::{SignatureConfig, Subpacket, SubpacketData, SubpacketType};
use pgp::types::{Duration, Timestamp};

use crate::error::SubpacketError;

/// What the hashed subpackets say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// When the signature was made.
    pub(crate) made: DateTime<Utc>,
    /// When the signature itself ends.
    pub(crate) expires: Option<DateTime<Utc>>,
    /// How long the key lives, from its own creation.
    pub(crate) key_lifetime: Option<TimeDelta>,
    /// Whether the key is for signing; nothing if it has no flags at all.
    pub(crate) signs: Option<bool>,
}

impl Statement {
    /// Reads the hashed subpackets, and no others.
    ///
    /// Source: RFC 9580, section 5.2.3.7 and those behind it. Where the standard lets the last one of several equal
    /// subpackets count, none does here.
    pub(crate) fn read(config: &SignatureConfig) -> Result<Statement, SubpacketError> {
        if let Some(subpacket) = config
            .hashed_subpackets()
            .find(|subpacket| !is_understood(subpacket))
        {
            return Err(SubpacketError::Critical {
                name: name(subpacket.typ()),
            });
        }
        let made = one(config, |data| match data {
            SubpacketData::SignatureCreationTime(time) => Some(*time),
            _ => None,
        })?;
        // Version 3 has no subpackets, but a creation time.
        let made = moment(
            made.or_else(|| config.created())
                .ok_or(SubpacketError::NoCreationTime)?,
        );
        let lifetime = one(config, |data| match data {
            SubpacketData::SignatureExpirationTime(duration) => Some(*duration),
            _ => None,
        })?;
        let key_lifetime = one(config, |data| match data {
            SubpacketData::KeyExpirationTime(duration) => Some(*duration),
            _ => None,
        })?;
        let signs = one(config, |data| match data {
            SubpacketData::KeyFlags(flags) => Some(flags.sign()),
            _ => None,
        })?;
        let expires = lifetime.and_then(span).map(|lifetime| made + lifetime);
        Ok(Statement {
            made,
            expires,
            key_lifetime: key_lifetime.and_then(span),
            signs,
        })
    }
}

/// A time of OpenPGP.
pub(crate) fn moment(timestamp: Timestamp) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(timestamp.as_secs().into())
}

/// A duration of OpenPGP; zero is for ever.
fn span(duration: Duration) -> Option<TimeDelta> {
    (duration.as_secs() != 0).then(|| TimeDelta::seconds(duration.as_secs().into()))
}

/// The one subpacket that `wanted` finds something in.
fn one<T>(
    config: &SignatureConfig,
    wanted: impl Fn(&SubpacketData) -> Option<T>,
) -> Result<Option<T>, SubpacketError> {
    let mut found = config
        .hashed_subpackets()
        .filter_map(|subpacket| Some((subpacket, wanted(&subpacket.data)?)));
    match (found.next(), found.next()) {
        (_, Some((subpacket, _))) => Err(SubpacketError::Repeated {
            name: name(subpacket.typ()),
        }),
        (first, None) => Ok(first.map(|(_, value)| value)),
    }
}

/// Whether a subpacket may be passed over, or says something that is heeded here or cannot make a signature invalid.
fn is_understood(subpacket: &Subpacket) -> bool {
    !subpacket.is_critical
        || matches!(
            subpacket.typ(),
            SubpacketType::SignatureCreationTime
                | SubpacketType::SignatureExpirationTime
                | SubpacketType::KeyExpirationTime
                | SubpacketType::KeyFlags
                | SubpacketType::IssuerKeyId
                | SubpacketType::IssuerFingerprint
                | SubpacketType::SignersUserID
                | SubpacketType::EmbeddedSignature
                | SubpacketType::PrimaryUserId
                | SubpacketType::Features
                | SubpacketType::PreferredSymmetricAlgorithms
                | SubpacketType::PreferredHashAlgorithms
                | SubpacketType::PreferredCompressionAlgorithms
                | SubpacketType::PreferredEncryptionModes
                | SubpacketType::PreferredAead
                | SubpacketType::PreferredKeyServer
                | SubpacketType::KeyServerPreferences
                | SubpacketType::ExportableCertification
                // Revocations always count, by whomever (see `reading`).
                | SubpacketType::Revocable
                | SubpacketType::RevocationKey
                | SubpacketType::RevocationReason
        )
}

fn name(kind: SubpacketType) -> String {
    match kind {
        SubpacketType::Other(number) | SubpacketType::Experimental(number) => number.to_string(),
        kind => format!("{kind:?}"),
    }
}
