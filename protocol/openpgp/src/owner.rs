//! What the primary key says about itself, its user ids and its subkeys.
//!
//! Every signature that claims to be by the primary key has to be valid, wherever it is: one that is not may be a
//! revocation that somebody damaged. Only those whose hash is broken cannot be required to be; they count as
//! revocations if they say so, and as [weak bindings](Binding::weakness) otherwise.
use std::sync::Arc;

use chrono::{DateTime, Utc};
use pgp::packet::{PacketHeader, PublicKey, PublicSubkey, Signature, SignatureType, SubpacketData, UserId};
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, Tag};

use crate::algorithm::{Algorithm, AlgorithmError, Hash};
use crate::component::{Binding, Component, Obstacle, Permission, Verifier, in_order};
use crate::error::KeyError;
use crate::fingerprint::Fingerprint;
use crate::reading::Section;
use crate::signature::{is_of_version, names, packet};
use crate::statement::{Statement, moment};

/// How many signatures by itself a key may have: they cost time.
pub(crate) const MAX_SELF_SIGNATURES: usize = 256;

/// How much of a user id is shown.
const MAX_NAME_CHARS: usize = 256;

/// The primary key, reading what it signed.
pub(crate) struct Owner {
    pub(crate) key: PublicKey,
    fingerprint: Fingerprint,
    created: DateTime<Utc>,
    /// How many signatures may still be checked.
    left: usize,
}

/// What the primary key says about one user id.
pub(crate) struct UserIdFacts {
    pub(crate) name: String,
    certifications: Vec<Binding>,
    revoked: Option<DateTime<Utc>>,
}

impl UserIdFacts {
    /// Whether the newest word on it is a certification, of those that cannot be forged.
    pub(crate) fn is_valid(&self) -> bool {
        let strong = self
            .certifications
            .iter()
            .filter(|binding| binding.weakness.is_none());
        let newest = strong.map(|binding| binding.made).max();
        newest.is_some() && newest > self.revoked
    }

    fn is_revoked(&self) -> bool {
        self.revoked.is_some() && !self.is_valid()
    }
}

/// A signature by the primary key, valid or with a broken hash.
struct Own {
    raw: Signature,
    kind: SignatureType,
    statement: Statement,
    weakness: Option<AlgorithmError>,
}

impl Own {
    fn binding(&self, created: DateTime<Utc>, permission: Permission) -> Binding {
        Binding {
            weakness: self.weakness.clone(),
            ..Binding::new(&self.statement, created, permission)
        }
    }

    /// What the flags say, for a key that needs not confirm anything.
    fn permission(&self) -> Permission {
        if self.statement.signs == Some(true) {
            Permission::Signs
        } else {
            Permission::Other
        }
    }
}

impl Owner {
    pub(crate) fn new(body: &[u8]) -> Result<Owner, KeyError> {
        let place = "the primary key";
        check_version(body, place, None)?;
        let key =
            PublicKey::try_from_reader(header(Tag::PublicKey, body), body).map_err(|e| damaged(place, e))?;
        let (fingerprint, created) = identity(&key, body, place)?;
        Ok(Owner {
            key,
            fingerprint,
            created,
            left: MAX_SELF_SIGNATURES,
        })
    }

    /// Signatures of the primary key itself: whether it is revoked, and what holds for all of it.
    pub(crate) fn direct(&mut self, signatures: &[&[u8]]) -> Result<Direct, KeyError> {
        let place = "the primary key";
        let mut direct = Direct {
            statements: Vec::new(),
            revoked: false,
        };
        for body in signatures {
            let raw = parse(body, place)?;
            if !names(&raw, &self.key) {
                // Of others, only a revocation would matter, and they may be entitled to it (RFC 9580, 5.2.3.23).
                match raw.typ() {
                    Some(SignatureType::KeyRevocation) => return Err(KeyError::UnverifiableRevocation),
                    _ => continue,
                }
            }
            let own = self.own(raw, place, |raw, key| raw.verify_key(key))?;
            match own.kind {
                SignatureType::KeyRevocation => direct.revoked = true,
                SignatureType::Key => direct.statements.push(own),
                kind => return Err(unexpected(place, kind)),
            }
        }
        Ok(direct)
    }

    pub(crate) fn user_id(&mut self, section: &Section<'_>) -> Result<UserIdFacts, KeyError> {
        let name = printable(section.body);
        let place = format!("user id `{name}`");
        let id = UserId::try_from_reader(header(Tag::UserId, section.body), section.body)
            .map_err(|error| damaged(&place, error))?;
        let mut facts = UserIdFacts {
            name,
            certifications: Vec::new(),
            revoked: None,
        };
        for body in &section.signatures {
            let raw = parse(body, &place)?;
            if !names(&raw, &self.key) {
                continue;
            }
            let own = self.own(raw, &place, |raw, key| {
                raw.verify_certification(key, Tag::UserId, &id)
            })?;
            match own.kind {
                SignatureType::CertRevocation => facts.revoked = facts.revoked.max(Some(own.statement.made)),
                SignatureType::CertGeneric
                | SignatureType::CertPersona
                | SignatureType::CertCasual
                | SignatureType::CertPositive => {
                    facts
                        .certifications
                        .push(own.binding(self.created, own.permission()));
                }
                kind => return Err(unexpected(&place, kind)),
            }
        }
        Ok(facts)
    }

    pub(crate) fn subkey(&mut self, section: &Section<'_>) -> Result<Component, KeyError> {
        let place = "a subkey";
        check_version(section.body, place, Some(self.key.version().into()))?;
        let key = PublicSubkey::try_from_reader(header(Tag::PublicSubkey, section.body), section.body)
            .map_err(|error| damaged(place, error))?;
        let (fingerprint, created) = identity(&key, section.body, place)?;
        let place = format!("subkey {fingerprint}");
        let (mut bindings, mut revoked) = (Vec::new(), false);
        for body in &section.signatures {
            let raw = parse(body, &place)?;
            // Nobody else has a say here.
            let own = self.own(raw, &place, |raw, owner| raw.verify_subkey_binding(owner, &key))?;
            match own.kind {
                SignatureType::SubkeyRevocation => revoked = true,
                SignatureType::SubkeyBinding => bindings.push(self.bind(&own, &key, created)?),
                kind => return Err(unexpected(&place, kind)),
            }
        }
        let (bindings, obstacle) = match in_order(bindings) {
            _ if revoked => (Vec::new(), Some(Obstacle::Revoked)),
            Err(weakness) => (Vec::new(), Some(Obstacle::WeakBinding(weakness))),
            Ok(bindings) if bindings.is_empty() => (bindings, Some(Obstacle::NotBound)),
            Ok(bindings) => (bindings, None),
        };
        let algorithm = Algorithm::of(&key);
        Ok(Component {
            key: Arc::new(key),
            fingerprint,
            created,
            algorithm,
            bindings,
            obstacle,
        })
    }

    /// What a binding signature says; for a key that signs, the key has to confirm it.
    fn bind(
        &mut self,
        own: &Own,
        subkey: &PublicSubkey,
        created: DateTime<Utc>,
    ) -> Result<Binding, KeyError> {
        let mut binding = own.binding(created, own.permission());
        if binding.permission != Permission::Signs {
            return Ok(binding);
        }
        self.spend()?;
        match self.confirmation(&own.raw, subkey) {
            Some(Ok(until)) => binding.until = [binding.until, until].into_iter().flatten().min(),
            Some(Err(weakness)) => binding.weakness = Some(weakness),
            None => binding.permission = Permission::Unconfirmed,
        }
        Ok(binding)
    }

    /// The subkey's signature inside of its binding: when it ends, or why it could be forged.
    ///
    /// It proves itself, so that it does not matter that GnuPG puts it among what is not signed.
    fn confirmation(
        &self,
        binding: &Signature,
        subkey: &PublicSubkey,
    ) -> Option<Result<Option<DateTime<Utc>>, AlgorithmError>> {
        let config = binding.config()?;
        let mut embedded = config
            .hashed_subpackets()
            .chain(config.unhashed_subpackets())
            .filter_map(|subpacket| match &subpacket.data {
                SubpacketData::EmbeddedSignature(signature) => Some(signature),
                _ => None,
            });
        let (Some(signature), None) = (embedded.next(), embedded.next()) else {
            return None;
        };
        let config = signature.config()?;
        if let Err(weakness) = Hash::of(config.hash_alg, &config.pub_alg) {
            return Some(Err(weakness));
        }
        let statement = Statement::read(config).ok()?;
        let fits = is_of_version(signature, subkey);
        (fits && signature.verify_primary_key_binding(subkey, &self.key).is_ok())
            .then_some(Ok(statement.expires))
    }

    /// Judges a signature that claims to be by this key.
    fn own(
        &mut self,
        raw: Signature,
        place: &str,
        verify: impl Fn(&Signature, &PublicKey) -> pgp::errors::Result<()>,
    ) -> Result<Own, KeyError> {
        self.spend()?;
        let version = u8::from(raw.version());
        let config = raw.config().filter(|_| is_of_version(&raw, &self.key));
        let config = config.ok_or_else(|| KeyError::Version {
            place: format!("a signature of {place}"),
            version,
        })?;
        let statement = Statement::read(config).map_err(|source| KeyError::Subpacket {
            place: place.to_owned(),
            source,
        })?;
        let weakness = match version {
            // Made by nobody any more, and without anything that could end it.
            3 => Some(AlgorithmError::WeakAlgorithm {
                name: "a signature of version 3".to_owned(),
            }),
            _ => Hash::of(config.hash_alg, &config.pub_alg).err(),
        };
        if weakness.is_none() {
            verify(&raw, &self.key).map_err(|error| KeyError::InvalidSelfSignature {
                place: place.to_owned(),
                source: error.into(),
            })?;
        }
        Ok(Own {
            kind: config.typ,
            statement,
            weakness,
            raw,
        })
    }

    /// What holds for the primary key.
    ///
    /// Version 6 says it in signatures of the key itself (RFC 9580, section 10.1.1). Version 4 says it there or with
    /// each user id; the newest counts, except that a signature of the key without flags (GnuPG makes one to name a
    /// revoker) is none about what the key is for.
    pub(crate) fn primary(
        self,
        direct: Direct,
        user_ids: &[UserIdFacts],
        algorithm: Algorithm,
    ) -> Result<Component, KeyError> {
        let of_user_ids = user_ids
            .iter()
            .filter(|user_id| !user_id.is_revoked())
            .flat_map(|id| id.certifications.clone());
        let is_v4 = u8::from(self.key.version()) == 4;
        let mut bindings: Vec<Binding> = of_user_ids.filter(|_| is_v4).collect();
        let alone = bindings.is_empty();
        let says_enough = |own: &&Own| !is_v4 || alone || own.statement.signs.is_some();
        bindings.extend(
            direct
                .statements
                .iter()
                .filter(says_enough)
                .map(|own| own.binding(self.created, own.permission())),
        );
        let obstacle = if direct.revoked {
            Some(Obstacle::Revoked)
        } else if !user_ids.is_empty() && user_ids.iter().all(UserIdFacts::is_revoked) {
            Some(Obstacle::UserIdsRevoked)
        } else if bindings.is_empty() {
            return Err(KeyError::NotSelfCertified);
        } else {
            None
        };
        let bindings = in_order(bindings).map_err(|source| KeyError::WeakSelfSignature {
            key: self.fingerprint,
            source,
        })?;
        let key: Verifier = Arc::new(self.key);
        Ok(Component {
            key,
            fingerprint: self.fingerprint,
            created: self.created,
            algorithm: Ok(algorithm),
            bindings,
            obstacle,
        })
    }

    fn spend(&mut self) -> Result<(), KeyError> {
        self.left = self.left.checked_sub(1).ok_or(KeyError::TooManySignatures)?;
        Ok(())
    }
}

/// What signatures of the primary key itself say.
pub(crate) struct Direct {
    statements: Vec<Own>,
    revoked: bool,
}

fn parse(body: &[u8], place: &str) -> Result<Signature, KeyError> {
    let place = format!("a signature of {place}");
    let (raw, rest) = packet(body).map_err(|error| damaged(&place, error))?;
    if rest.is_empty() {
        Ok(raw)
    } else {
        Err(KeyError::NotCanonical { place })
    }
}

/// Only versions 4 and 6, and in one key only one of them; RFC 9580, section 10.1.5.
fn check_version(body: &[u8], place: &str, primary: Option<u8>) -> Result<(), KeyError> {
    let version = body.first().copied().unwrap_or_default();
    if matches!(version, 4 | 6) && primary.is_none_or(|primary| primary == version) {
        return Ok(());
    }
    Err(KeyError::Version {
        place: place.to_owned(),
        version,
    })
}

/// Name and age of a key; its fingerprint is that of exactly these bytes.
fn identity<K: KeyDetails + Serialize>(
    key: &K,
    body: &[u8],
    place: &str,
) -> Result<(Fingerprint, DateTime<Utc>), KeyError> {
    let fingerprint = Fingerprint::of(&key.fingerprint());
    match fingerprint.filter(|_| key.to_bytes().is_ok_and(|bytes| bytes == body)) {
        Some(fingerprint) => Ok((fingerprint, moment(key.created_at()))),
        None => Err(KeyError::NotCanonical {
            place: place.to_owned(),
        }),
    }
}

fn header(tag: Tag, body: &[u8]) -> PacketHeader {
    // A certificate fits into 16 bits.
    PacketHeader::new_fixed(tag, u32::try_from(body.len()).unwrap_or(u32::MAX))
}

fn damaged(place: &str, error: pgp::errors::Error) -> KeyError {
    KeyError::Damaged {
        place: place.to_owned(),
        source: error.into(),
    }
}

fn unexpected(place: &str, kind: SignatureType) -> KeyError {
    KeyError::UnexpectedSignature {
        place: place.to_owned(),
        kind: kind.into(),
    }
}

/// A user id that can be shown.
fn printable(bytes: &[u8]) -> String {
    // Control characters move cursors; the others turn the direction of what follows.
    let misleads = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let replaced = |c| {
        if misleads(c) {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    String::from_utf8_lossy(bytes)
        .chars()
        .map(replaced)
        .take(MAX_NAME_CHARS)
        .collect()
}
