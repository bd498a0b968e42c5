//! Makes the test vectors that GnuPG does not: version 6, and what is wrong on purpose.
//!
//! Called by `protocol/testdata/make`; writes files below the folder that it is given, and cases to standard output.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use gumshoe_openpgp::Fingerprint;
use pgp::composed::{Deserializable as _, KeyType, SignedSecretKey};
use pgp::crypto::ecc_curve::ECCCurve;
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    KeyFlags, Notation, PacketTrait, PubKeyInner, PublicKey, PublicSubkey, SecretKey, SecretSubkey,
    Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData, UserId,
};
use pgp::ser::Serialize;
use pgp::types::{
    Duration, KeyDetails, KeyVersion, PacketHeaderVersion, Password, SigningKey, Tag, Timestamp,
};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// The first of January 2026.
const START: u32 = 1_767_225_600;
/// A day later.
const LATER: u32 = START + 86_400;
/// What is signed.
const MESSAGE: &str = "plain";

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).context("usage: vectors FOLDER")?;
    let mut vectors = Vectors {
        folder: folder.into(),
        rng: StdRng::seed_from_u64(9580),
        message: Vec::new(),
    };
    vectors.message = fs::read(vectors.folder.join("messages").join(MESSAGE))?;
    vectors.signatures()?;
    vectors.subkeys()?;
    vectors.self_signatures()?;
    vectors.version_6()
}

/// A key that can sign.
struct Owner {
    secret: SecretKey,
    public: PublicKey,
}

/// A subkey that can sign.
struct Sub {
    secret: SecretSubkey,
    public: PublicSubkey,
}

struct Vectors {
    folder: PathBuf,
    rng: StdRng,
    message: Vec<u8>,
}

impl Vectors {
    fn owner(&mut self, version: KeyVersion, kind: &KeyType) -> Result<Owner> {
        let (public, secret) = kind.generate(&mut self.rng)?;
        let inner = PubKeyInner::new(version, kind.to_alg(), Timestamp::from_secs(START), None, public)?;
        let public = PublicKey::from_inner(inner)?;
        Ok(Owner {
            secret: SecretKey::new(public.clone(), secret.into())?,
            public,
        })
    }

    fn sub(&mut self, version: KeyVersion, kind: &KeyType) -> Result<Sub> {
        let (public, secret) = kind.generate(&mut self.rng)?;
        let inner = PubKeyInner::new(version, kind.to_alg(), Timestamp::from_secs(START), None, public)?;
        let public = PublicSubkey::from_inner(inner)?;
        Ok(Sub {
            secret: SecretSubkey::new(public.clone(), secret.into())?,
            public,
        })
    }

    /// A signature to be, by that key, with what all have.
    fn config(
        &mut self,
        key: &impl SigningKey,
        kind: SignatureType,
        extra: Vec<Subpacket>,
    ) -> Result<SignatureConfig> {
        let mut config = SignatureConfig::from_key(&mut self.rng, key, kind)?;
        config.hashed_subpackets = vec![made(START)?, issuer(key)?];
        config.hashed_subpackets.extend(extra);
        Ok(config)
    }

    fn sign(&mut self, key: &impl SigningKey, extra: Vec<Subpacket>) -> Result<Signature> {
        let config = self.config(key, SignatureType::Binary, extra)?;
        Ok(config.sign(key, &Password::empty(), &self.message[..])?)
    }

    fn certify(&mut self, owner: &Owner, id: &UserId, extra: Vec<Subpacket>) -> Result<Signature> {
        let config = self.config(&owner.secret, SignatureType::CertPositive, extra)?;
        Ok(config.sign_certification(&owner.secret, &owner.public, &Password::empty(), Tag::UserId, id)?)
    }

    fn confirm(&mut self, owner: &Owner, sub: &Sub) -> Result<Signature> {
        let config = self.config(&sub.secret, SignatureType::KeyBinding, Vec::new())?;
        Ok(config.sign_primary_key_binding(&sub.secret, &sub.public, &Password::empty(), &owner.public)?)
    }

    fn bind(&mut self, owner: &Owner, sub: &Sub, extra: Vec<Subpacket>) -> Result<Signature> {
        let config = self.config(&owner.secret, SignatureType::SubkeyBinding, extra)?;
        Ok(config.sign_subkey_binding(&owner.secret, &owner.public, &Password::empty(), &sub.public)?)
    }

    /// A plain certificate: a key for signing with one user id.
    fn plain(&mut self, owner: &Owner) -> Result<Vec<u8>> {
        let id = user_id()?;
        let certification = self.certify(owner, &id, vec![flags(true)?])?;
        packets(&[&owner.public, &id, &certification])
    }

    fn case(
        &self,
        name: &str,
        key: &[u8],
        signature: &[u8],
        expected: &str,
        owner: &PublicKey,
    ) -> Result<()> {
        let file = name.replace([' ', ','], "-");
        write(&self.folder, &format!("keys/{file}.pgp"), key)?;
        write(&self.folder, &format!("signatures/{file}.sig"), signature)?;
        let primary: Fingerprint = owner.fingerprint().to_string().parse()?;
        let primary = if expected == "valid" {
            format!(r#", "primary": "{primary}""#)
        } else {
            String::new()
        };
        println!(
            r#"{{"name": "{name}", "key": "keys/{file}.pgp", "signature": "signatures/{file}.sig", "message": "messages/{MESSAGE}", "now": "2026-01-03T00:00:00Z", "expected": "{expected}"{primary}}}"#
        );
        Ok(())
    }

    /// What data signatures say about themselves.
    fn signatures(&mut self) -> Result<()> {
        let owner = self.owner(KeyVersion::V4, &KeyType::Ed25519Legacy)?;
        let key = self.plain(&owner)?;
        let odd = || SubpacketData::Other(63, vec![1].into());
        for (name, extra, expected) in [
            ("signature by the library", None, "valid"),
            ("unknown subpacket", Some(Subpacket::regular(odd())?), "valid"),
            (
                "critical trust",
                Some(Subpacket::critical(SubpacketData::TrustSignature(1, 60))?),
                "unknown-critical-subpacket",
            ),
            (
                "critical experiment",
                Some(Subpacket::critical(SubpacketData::Experimental(
                    101,
                    vec![1].into(),
                ))?),
                "unknown-critical-subpacket",
            ),
            (
                "critical notation",
                Some(Subpacket::critical(SubpacketData::Notation(notation()))?),
                "unknown-critical-subpacket",
            ),
            ("two creation times", Some(made(LATER)?), "repeated-subpacket"),
        ] {
            let signature = self.sign(&owner.secret, extra.into_iter().collect())?;
            self.case(name, &key, &packets(&[&signature])?, expected, &owner.public)?;
        }
        let unhashed = [
            (
                "unknown critical subpacket that is not hashed",
                Subpacket::critical(odd())?,
            ),
            (
                "another issuer that is not hashed",
                Subpacket::regular(SubpacketData::IssuerKeyId([7; 8].into()))?,
            ),
            (
                "an end that is not hashed",
                Subpacket::regular(SubpacketData::SignatureExpirationTime(Duration::from_secs(1)))?,
            ),
            ("another time that is not hashed", made(LATER + 10 * 86_400)?),
        ];
        for (name, subpacket) in unhashed {
            let mut signature = self.sign(&owner.secret, Vec::new())?;
            signature.unhashed_subpacket_push(subpacket)?;
            self.case(name, &key, &packets(&[&signature])?, "valid", &owner.public)?;
        }
        let mut config = self.config(&owner.secret, SignatureType::Binary, Vec::new())?;
        config.hashed_subpackets = vec![made(START)?];
        let signature = config
            .clone()
            .sign(&owner.secret, &Password::empty(), &self.message[..])?;
        self.case(
            "no issuer",
            &key,
            &packets(&[&signature])?,
            "valid",
            &owner.public,
        )?;
        config.unhashed_subpackets = std::mem::take(&mut config.hashed_subpackets);
        let signature = config.sign(&owner.secret, &Password::empty(), &self.message[..])?;
        self.case(
            "a time that is not hashed",
            &key,
            &packets(&[&signature])?,
            "no-creation-time",
            &owner.public,
        )
    }

    /// How subkeys are bound.
    fn subkeys(&mut self) -> Result<()> {
        let owner = self.owner(KeyVersion::V4, &KeyType::Ed25519Legacy)?;
        let thief = self.owner(KeyVersion::V4, &KeyType::Ed25519Legacy)?;
        let sub = self.sub(KeyVersion::V4, &KeyType::Ed25519Legacy)?;
        let (key, stolen) = (self.plain(&owner)?, self.plain(&thief)?);
        let signature = packets(&[&self.sign(&sub.secret, Vec::new())?])?;
        let embedded = |signature| Subpacket::regular(SubpacketData::EmbeddedSignature(Box::new(signature)));
        let confirmation = embedded(self.confirm(&owner, &sub)?)?;
        let future = self.config(
            &owner.secret,
            SignatureType::SubkeyBinding,
            vec![flags(true)?, confirmation.clone()],
        )?;
        let future = SignatureConfig {
            hashed_subpackets: [
                vec![made(LATER + 10 * 86_400)?],
                future.hashed_subpackets[1..].to_vec(),
            ]
            .concat(),
            ..future
        };
        let future =
            future.sign_subkey_binding(&owner.secret, &owner.public, &Password::empty(), &sub.public)?;
        let weak = self.config(
            &owner.secret,
            SignatureType::SubkeyBinding,
            vec![flags(true)?, confirmation.clone()],
        )?;
        // Ed25519 does not sign so short a digest, so that this one is merely called one.
        let mut weak = packets(&[&weak.sign_subkey_binding(
            &owner.secret,
            &owner.public,
            &Password::empty(),
            &sub.public,
        )?])?;
        // Behind the header: version, type, algorithm, hash.
        let header = if weak[1] < 192 { 2 } else { 3 };
        if let Some(byte) = weak.get_mut(header + 3) {
            *byte = HashAlgorithm::Sha1.into();
        }
        for (name, binding, expected) in [
            (
                "bound subkey",
                self.bind(&owner, &sub, vec![flags(true)?, confirmation.clone()])?,
                "valid",
            ),
            (
                "subkey without confirmation",
                self.bind(&owner, &sub, vec![flags(true)?])?,
                "invalid-back-signature",
            ),
            (
                "subkey with two confirmations",
                self.bind(
                    &owner,
                    &sub,
                    vec![flags(true)?, confirmation.clone(), confirmation.clone()],
                )?,
                "invalid-back-signature",
            ),
            (
                "subkey for something else",
                self.bind(&owner, &sub, vec![flags(false)?, confirmation.clone()])?,
                "not-for-signing",
            ),
            (
                "subkey without flags",
                self.bind(&owner, &sub, vec![confirmation.clone()])?,
                "not-for-signing",
            ),
            ("subkey bound in the future", future, "key-not-yet-valid"),
            (
                "subkey bound by another key",
                self.bind(&thief, &sub, vec![flags(true)?, confirmation.clone()])?,
                "invalid-self-signature",
            ),
        ] {
            let key = [key.clone(), packets(&[&sub.public, &binding])?].concat();
            self.case(name, &key, &signature, expected, &owner.public)?;
        }
        let bound = [key.clone(), packets(&[&sub.public])?, weak].concat();
        self.case(
            "subkey bound with SHA-1",
            &bound,
            &signature,
            "weak-self-signature",
            &owner.public,
        )?;
        let unbound = [key, packets(&[&sub.public])?].concat();
        self.case(
            "subkey without binding",
            &unbound,
            &signature,
            "subkey-not-bound",
            &owner.public,
        )?;
        let taken = self.bind(&thief, &sub, vec![flags(true)?, confirmation])?;
        let taken = [stolen, packets(&[&sub.public, &taken])?].concat();
        self.case(
            "subkey that another key took",
            &taken,
            &signature,
            "invalid-back-signature",
            &thief.public,
        )
    }

    /// What keys say about themselves.
    fn self_signatures(&mut self) -> Result<()> {
        let owner = self.owner(KeyVersion::V4, &KeyType::ECDSA(ECCCurve::P384))?;
        let other = self.owner(KeyVersion::V4, &KeyType::Ed25519Legacy)?;
        let signature = packets(&[&self.sign(&owner.secret, Vec::new())?])?;
        let id = user_id()?;
        for (name, extra, expected) in [
            ("key for something else", vec![flags(false)?], "not-for-signing"),
            ("key without flags", Vec::new(), "not-for-signing"),
            (
                "key with an unknown critical subpacket",
                vec![
                    flags(true)?,
                    Subpacket::critical(SubpacketData::Experimental(101, vec![1].into()))?,
                ],
                "unknown-critical-subpacket",
            ),
            (
                "key with two flags",
                vec![flags(true)?, flags(false)?],
                "repeated-subpacket",
            ),
            (
                "key with a life of a day",
                vec![
                    flags(true)?,
                    Subpacket::regular(SubpacketData::KeyExpirationTime(Duration::from_secs(86_400)))?,
                ],
                "key-expired",
            ),
            (
                "key with a certification of a day",
                vec![
                    flags(true)?,
                    Subpacket::regular(SubpacketData::SignatureExpirationTime(Duration::from_secs(
                        86_400,
                    )))?,
                ],
                "key-expired",
            ),
        ] {
            let certification = self.certify(&owner, &id, extra)?;
            let key = packets(&[&owner.public, &id, &certification])?;
            self.case(name, &key, &signature, expected, &owner.public)?;
        }
        let direct = self.config(&owner.secret, SignatureType::Key, vec![flags(true)?])?;
        let direct = direct.sign_key(&owner.secret, &Password::empty(), &owner.public)?;
        self.case(
            "key without user ids",
            &packets(&[&owner.public, &direct])?,
            &signature,
            "valid",
            &owner.public,
        )?;
        let config = self.config(&other.secret, SignatureType::CertGeneric, vec![flags(true)?])?;
        let foreign = config.sign_certification_third_party(
            &other.secret,
            &Password::empty(),
            &owner.public,
            Tag::UserId,
            &id,
        )?;
        let key = packets(&[&owner.public, &id, &foreign])?;
        self.case(
            "key certified by another only",
            &key,
            &signature,
            "not-self-certified",
            &owner.public,
        )?;
        let mut config = self.config(&other.secret, SignatureType::CertPositive, vec![flags(true)?])?;
        config.hashed_subpackets[1] = issuer(&owner.secret)?;
        let forged = config.sign_certification_third_party(
            &other.secret,
            &Password::empty(),
            &owner.public,
            Tag::UserId,
            &id,
        )?;
        let key = packets(&[&owner.public, &id, &forged])?;
        self.case(
            "key with a forged certification",
            &key,
            &signature,
            "invalid-self-signature",
            &owner.public,
        )?;
        let direct = self.config(&owner.secret, SignatureType::Key, vec![flags(true)?])?;
        let misplaced = direct.sign_key(&owner.secret, &Password::empty(), &owner.public)?;
        let key = [self.plain(&owner)?, packets(&[&misplaced])?].concat();
        self.case(
            "signature at the wrong place",
            &key,
            &signature,
            "invalid-self-signature",
            &owner.public,
        )
    }

    /// RFC 9580: its sample key, and one with a subkey.
    fn version_6(&mut self) -> Result<()> {
        let armour = include_str!("../../testdata/rfc9580-a4.asc");
        let (sample, _) = SignedSecretKey::from_string(armour)?;
        let certificate = sample.to_public_key().to_bytes()?;
        let public = sample.primary_key.public_key();
        for (name, hash) in [
            ("SHA-256", HashAlgorithm::Sha256),
            ("SHA3-512", HashAlgorithm::Sha3_512),
            ("SHA-224", HashAlgorithm::Sha224),
        ] {
            let expected = if hash == HashAlgorithm::Sha224 {
                "weak-hash"
            } else {
                "valid"
            };
            let config = SignatureConfig::v6(&mut self.rng, SignatureType::Binary, public.algorithm(), hash)?;
            let config = SignatureConfig {
                hashed_subpackets: vec![made(START)?, issuer(&sample.primary_key)?],
                ..config
            };
            let signature = match expected {
                "valid" => {
                    packets(&[&config.sign(&sample.primary_key, &Password::empty(), &self.message[..])?])?
                }
                _ => continue,
            };
            self.case(
                &format!("version 6 with {name}"),
                &certificate,
                &signature,
                expected,
                public,
            )?;
        }
        let signature = packets(&[&self.sign(&sample.primary_key, Vec::new())?])?;
        self.case(
            "version 6, secret",
            &sample.to_bytes()?,
            &signature,
            "secret-key",
            public,
        )?;
        let mut damaged = signature.clone();
        // In the salt, which is behind the subpackets and the beginning of the digest.
        let place = damaged.len() - 64 - 8;
        damaged[place] ^= 1;
        self.case(
            "version 6 with another salt",
            &certificate,
            &damaged,
            "invalid-signature",
            public,
        )?;
        let owner = self.owner(KeyVersion::V6, &KeyType::ECDSA(ECCCurve::P256))?;
        let sub = self.sub(KeyVersion::V6, &KeyType::Ed25519)?;
        let direct = self.config(&owner.secret, SignatureType::Key, vec![flags(false)?])?;
        let direct = direct.sign_key(&owner.secret, &Password::empty(), &owner.public)?;
        let confirmation = self.confirm(&owner, &sub)?;
        let confirmation = Subpacket::regular(SubpacketData::EmbeddedSignature(Box::new(confirmation)))?;
        let binding = self.bind(&owner, &sub, vec![flags(true)?, confirmation])?;
        let signature = packets(&[&self.sign(&sub.secret, Vec::new())?])?;
        let key = packets(&[&owner.public, &direct, &sub.public, &binding])?;
        self.case(
            "version 6 with a subkey",
            &key,
            &signature,
            "valid",
            &owner.public,
        )?;
        let id = user_id()?;
        let certification = self.certify(&owner, &id, vec![flags(true)?])?;
        let key = packets(&[&owner.public, &id, &certification, &sub.public, &binding])?;
        self.case(
            "version 6 without a signature of the key itself",
            &key,
            &signature,
            "not-self-certified",
            &owner.public,
        )?;
        let old = self.sub(KeyVersion::V4, &KeyType::Ed25519Legacy)?;
        let key = packets(&[&owner.public, &direct, &old.public])?;
        self.case(
            "version 6 with a subkey of version 4",
            &key,
            &signature,
            "unsupported-key-version",
            &owner.public,
        )
    }
}

fn made(seconds: u32) -> Result<Subpacket> {
    Ok(Subpacket::regular(SubpacketData::SignatureCreationTime(
        Timestamp::from_secs(seconds),
    ))?)
}

fn issuer(key: &impl KeyDetails) -> Result<Subpacket> {
    Ok(Subpacket::regular(SubpacketData::IssuerFingerprint(
        key.fingerprint(),
    ))?)
}

fn flags(sign: bool) -> Result<Subpacket> {
    let mut flags = KeyFlags::default();
    flags.set_certify(!sign);
    flags.set_sign(sign);
    Ok(Subpacket::critical(SubpacketData::KeyFlags(flags))?)
}

fn notation() -> Notation {
    Notation {
        readable: true,
        name: "note@example.org".into(),
        value: "x".into(),
    }
}

fn user_id() -> Result<UserId> {
    Ok(UserId::from_str(
        PacketHeaderVersion::New,
        "Crafted <crafted@example.org>",
    )?)
}

/// Something that can be written with its header.
trait Whole {
    fn write(&self, out: &mut Vec<u8>) -> pgp::errors::Result<()>;
}

impl<T: PacketTrait + Serialize> Whole for T {
    fn write(&self, out: &mut Vec<u8>) -> pgp::errors::Result<()> {
        self.to_writer_with_header(out)
    }
}

fn packets(parts: &[&dyn Whole]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    parts.iter().try_for_each(|part| part.write(&mut out))?;
    Ok(out)
}

fn write(folder: &Path, file: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(file);
    fs::write(&path, bytes).with_context(|| format!("failed to write {}", path.display()))
}
