//! From the packets of a file to a certificate.
use std::collections::HashSet;

use crate::algorithm::Algorithm;
use crate::armour::dearmour;
use crate::certificate::{Certificate, MAX_CERTIFICATE_BYTES};
use crate::error::{FormatError, KeyError};
use crate::owner::{Owner, UserIdFacts};
use crate::packets::{split, tag};

/// Reads and checks a whole certificate.
pub(crate) fn certificate(bytes: &[u8]) -> Result<Certificate, KeyError> {
    let packets =
        dearmour(bytes, "PGP PUBLIC KEY BLOCK", MAX_CERTIFICATE_BYTES).map_err(|error| match error {
            FormatError::OtherBlock { label } if label == "PGP PRIVATE KEY BLOCK" => KeyError::SecretKey,
            FormatError::OtherBlock { .. } => KeyError::NotAKey,
            error => KeyError::Format(error),
        })?;
    let sections = sections(&packets)?;
    check_once(
        sections
            .iter()
            .filter(|section| section.tag == tag::USER_ID)
            .map(|section| section.body),
    )?;
    let (primary, others) = sections.split_first().ok_or(KeyError::NotAKey)?;
    let mut owner = Owner::new(primary.body)?;
    let algorithm = Algorithm::of(&owner.key).map_err(KeyError::Algorithm)?;
    let direct = owner.direct(&primary.signatures)?;
    let of_type = |tag| others.iter().filter(move |section| section.tag == tag);
    let user_ids = of_type(tag::USER_ID)
        .map(|section| owner.user_id(section))
        .collect::<Result<Vec<_>, _>>()?;
    let subkeys = of_type(tag::PUBLIC_SUBKEY)
        .map(|section| owner.subkey(section))
        .collect::<Result<Vec<_>, _>>()?;
    let primary = owner.primary(direct, &user_ids, algorithm)?;
    check_once(
        std::iter::once(&primary)
            .chain(&subkeys)
            .map(|component| component.fingerprint),
    )?;
    let user_ids = user_ids
        .into_iter()
        .filter(UserIdFacts::is_valid)
        .map(|user_id| user_id.name)
        .collect();
    Ok(Certificate {
        algorithm,
        primary,
        subkeys,
        user_ids,
    })
}

/// A key or user id, and the signatures behind it.
pub(crate) struct Section<'a> {
    tag: u8,
    pub(crate) body: &'a [u8],
    pub(crate) signatures: Vec<&'a [u8]>,
}

/// Groups packets; RFC 9580, section 10.1.
fn sections(bytes: &[u8]) -> Result<Vec<Section<'_>>, KeyError> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for packet in split(bytes) {
        let packet = packet?;
        match (packet.tag, sections.last_mut()) {
            (tag::SECRET_KEY | tag::SECRET_SUBKEY, _) => return Err(KeyError::SecretKey),
            (tag::PUBLIC_KEY, Some(_)) => return Err(KeyError::SeveralKeys),
            (tag::SIGNATURE, Some(section)) => section.signatures.push(packet.body),
            (tag::PUBLIC_KEY, None) | (tag::USER_ID | tag::USER_ATTRIBUTE | tag::PUBLIC_SUBKEY, Some(_)) => {
                sections.push(Section {
                    tag: packet.tag,
                    body: packet.body,
                    signatures: Vec::new(),
                });
            }
            (_, None) => return Err(KeyError::NotAKey),
            (tag, Some(_)) => return Err(KeyError::UnexpectedPacket { tag }),
        }
    }
    Ok(sections)
}

/// A part that is there twice could be revoked once.
fn check_once<T: Eq + std::hash::Hash>(mut parts: impl Iterator<Item = T>) -> Result<(), KeyError> {
    let mut seen = HashSet::new();
    if parts.all(|part| seen.insert(part)) {
        Ok(())
    } else {
        Err(KeyError::Repeated)
    }
}
