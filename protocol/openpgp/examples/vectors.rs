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
/// Codes of refusals.
const NO_CONFIRMATION: &str = "invalid-back-signature";
const NOT_UNDERSTOOD: &str = "unknown-critical-subpacket";

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
    vectors.foreign_signatures()?;
    vectors.sample()?;
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

/// A signature, and whose it is.
struct Signed {
    signature: Vec<u8>,
    by: PublicKey,
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
            secret: SecretKey::new(public.clone(), secret)?,
            public,
        })
    }

    fn sub(&mut self, version: KeyVersion, kind: &KeyType) -> Result<Sub> {
        let (public, secret) = kind.generate(&mut self.rng)?;
        let inner = PubKeyInner::new(version, kind.to_alg(), Timestamp::from_secs(START), None, public)?;
        let public = PublicSubkey::from_inner(inner)?;
        Ok(Sub {
            secret: SecretSubkey::new(public.clone(), secret)?,
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

    /// The same, made ten days later.
    fn bind_later(&mut self, owner: &Owner, sub: &Sub, extra: &[Subpacket]) -> Result<Signature> {
        let mut config = self.config(&owner.secret, SignatureType::SubkeyBinding, extra.to_vec())?;
        config.hashed_subpackets[0] = made(LATER + 10 * 86_400)?;
        Ok(config.sign_subkey_binding(&owner.secret, &owner.public, &Password::empty(), &sub.public)?)
    }

    fn direct(&mut self, owner: &Owner, sign: bool) -> Result<Signature> {
        let config = self.config(&owner.secret, SignatureType::Key, vec![flags(sign)?])?;
        Ok(config.sign_key(&owner.secret, &Password::empty(), &owner.public)?)
    }

    /// A certification by somebody else, who says when he made it and who he is.
    fn forge(&mut self, by: &Owner, of: &Owner, id: &UserId, says: &[Subpacket; 2]) -> Result<Signature> {
        let mut config = self.config(&by.secret, SignatureType::CertPositive, vec![flags(true)?])?;
        config.hashed_subpackets[..2].clone_from_slice(says);
        let password = Password::empty();
        Ok(config.sign_certification_third_party(&by.secret, &password, &of.public, Tag::UserId, id)?)
    }

    /// The message's signature by a key or subkey of an owner.
    fn signed(&mut self, key: &impl SigningKey, owner: &PublicKey) -> Result<Signed> {
        let signature = packets(&[&self.sign(key, Vec::new())?])?;
        Ok(Signed {
            signature,
            by: owner.clone(),
        })
    }

    /// A plain certificate: a key for signing with one user id.
    fn plain(&mut self, owner: &Owner) -> Result<Vec<u8>> {
        let id = user_id()?;
        let certification = self.certify(owner, &id, vec![flags(true)?])?;
        packets(&[&owner.public, &id, &certification])
    }

    fn case(&self, signed: &Signed, name: &str, key: &[u8], expected: &str) -> Result<()> {
        let file = name.replace([' ', ','], "-");
        write(&self.folder, &format!("keys/{file}.pgp"), key)?;
        write(&self.folder, &format!("signatures/{file}.sig"), &signed.signature)?;
        let primary: Fingerprint = signed.by.fingerprint().to_string().parse()?;
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
        let by = |signature: &Signature| {
            Ok::<_, anyhow::Error>(Signed {
                signature: packets(&[signature])?,
                by: owner.public.clone(),
            })
        };
        let odd = || SubpacketData::Other(63, vec![1].into());
        let experiment = SubpacketData::Experimental(101, vec![1].into());
        for (name, extra, expected) in [
            ("signature by the library", Vec::new(), "valid"),
            ("unknown subpacket", vec![Subpacket::regular(odd())?], "valid"),
            (
                "critical trust",
                vec![Subpacket::critical(SubpacketData::TrustSignature(1, 60))?],
                NOT_UNDERSTOOD,
            ),
            (
                "critical experiment",
                vec![Subpacket::critical(experiment)?],
                NOT_UNDERSTOOD,
            ),
            (
                "critical notation",
                vec![Subpacket::critical(SubpacketData::Notation(notation()))?],
                NOT_UNDERSTOOD,
            ),
            ("two creation times", vec![made(LATER)?], "repeated-subpacket"),
        ] {
            let signature = self.sign(&owner.secret, extra)?;
            self.case(&by(&signature)?, name, &key, expected)?;
        }
        let end = SubpacketData::SignatureExpirationTime(Duration::from_secs(1));
        for (name, subpacket) in [
            (
                "unknown critical subpacket that is not hashed",
                Subpacket::critical(odd())?,
            ),
            (
                "another issuer that is not hashed",
                Subpacket::regular(SubpacketData::IssuerKeyId([7; 8].into()))?,
            ),
            ("an end that is not hashed", Subpacket::regular(end)?),
            ("another time that is not hashed", made(LATER + 10 * 86_400)?),
        ] {
            let mut signature = self.sign(&owner.secret, Vec::new())?;
            signature.unhashed_subpacket_push(subpacket)?;
            self.case(&by(&signature)?, name, &key, "valid")?;
        }
        let mut config = self.config(&owner.secret, SignatureType::Binary, Vec::new())?;
        config.hashed_subpackets = vec![made(START)?];
        let signature = config
            .clone()
            .sign(&owner.secret, &Password::empty(), &self.message[..])?;
        self.case(&by(&signature)?, "no issuer", &key, "valid")?;
        config.unhashed_subpackets = std::mem::take(&mut config.hashed_subpackets);
        let signature = config.sign(&owner.secret, &Password::empty(), &self.message[..])?;
        self.case(
            &by(&signature)?,
            "a time that is not hashed",
            &key,
            "no-creation-time",
        )
    }

    /// How subkeys are bound.
    fn subkeys(&mut self) -> Result<()> {
        let owner = self.owner(KeyVersion::V4, &KeyType::Ed25519Legacy)?;
        let thief = self.owner(KeyVersion::V4, &KeyType::Ed25519Legacy)?;
        let sub = self.sub(KeyVersion::V4, &KeyType::Ed25519Legacy)?;
        let (key, stolen) = (self.plain(&owner)?, self.plain(&thief)?);
        let by = self.signed(&sub.secret, &owner.public)?;
        let confirmation = embedded(self.confirm(&owner, &sub)?)?;
        let signs = vec![flags(true)?, confirmation.clone()];
        let doubled = [signs.clone(), vec![confirmation.clone()]].concat();
        for (name, binding, expected) in [
            ("bound subkey", self.bind(&owner, &sub, signs.clone())?, "valid"),
            (
                "subkey without confirmation",
                self.bind(&owner, &sub, vec![flags(true)?])?,
                NO_CONFIRMATION,
            ),
            (
                "subkey with two confirmations",
                self.bind(&owner, &sub, doubled)?,
                NO_CONFIRMATION,
            ),
            (
                "subkey for something else",
                self.bind(&owner, &sub, vec![flags(false)?])?,
                "not-for-signing",
            ),
            (
                "subkey without flags",
                self.bind(&owner, &sub, vec![confirmation])?,
                "not-for-signing",
            ),
            (
                "subkey bound in the future",
                self.bind_later(&owner, &sub, &signs)?,
                "key-not-yet-valid",
            ),
            (
                "subkey bound by another key",
                self.bind(&thief, &sub, signs.clone())?,
                "invalid-self-signature",
            ),
        ] {
            let key = [key.clone(), packets(&[&sub.public, &binding])?].concat();
            self.case(&by, name, &key, expected)?;
        }
        let unbound = [key, packets(&[&sub.public])?].concat();
        self.case(&by, "subkey without binding", &unbound, "subkey-not-bound")?;
        let binding = packets(&[&self.bind(&owner, &sub, signs.clone())?])?;
        // Ed25519 does not sign so short a digest, so that this one is merely called one.
        let weak = [unbound.clone(), called_sha1(binding.clone())].concat();
        self.case(&by, "subkey bound with SHA-1", &weak, "weak-self-signature")?;
        let twice = [unbound, binding.clone(), packets(&[&sub.public])?, binding].concat();
        self.case(&by, "subkey that is there twice", &twice, "repeated-part")?;
        let taken = self.bind(&thief, &sub, signs)?;
        let taken = [stolen, packets(&[&sub.public, &taken])?].concat();
        let by = Signed {
            by: thief.public,
            ..by
        };
        self.case(&by, "subkey that another key took", &taken, NO_CONFIRMATION)
    }

    /// What keys say about themselves.
    fn self_signatures(&mut self) -> Result<()> {
        let owner = self.owner(KeyVersion::V4, &KeyType::ECDSA(ECCCurve::P384))?;
        let by = self.signed(&owner.secret, &owner.public)?;
        let id = user_id()?;
        let day = Duration::from_secs(86_400);
        let life = Subpacket::regular(SubpacketData::KeyExpirationTime(day))?;
        let end = Subpacket::regular(SubpacketData::SignatureExpirationTime(day))?;
        let odd = Subpacket::critical(SubpacketData::Experimental(101, vec![1].into()))?;
        for (name, extra, expected) in [
            ("key for something else", vec![flags(false)?], "not-for-signing"),
            ("key without flags", Vec::new(), "not-for-signing"),
            (
                "key with an unknown critical subpacket",
                vec![flags(true)?, odd],
                NOT_UNDERSTOOD,
            ),
            (
                "key with two flags",
                vec![flags(true)?, flags(false)?],
                "repeated-subpacket",
            ),
            (
                "key with a life of a day",
                vec![flags(true)?, life],
                "key-expired",
            ),
            (
                "key with a certification of a day",
                vec![flags(true)?, end],
                "key-expired",
            ),
        ] {
            let certification = self.certify(&owner, &id, extra)?;
            let key = packets(&[&owner.public, &id, &certification])?;
            self.case(&by, name, &key, expected)?;
        }
        let direct = self.direct(&owner, true)?;
        self.case(
            &by,
            "key without user ids",
            &packets(&[&owner.public, &direct])?,
            "valid",
        )?;
        let misplaced = [self.plain(&owner)?, packets(&[&direct])?].concat();
        self.case(
            &by,
            "signature at the wrong place",
            &misplaced,
            "invalid-self-signature",
        )
    }

    /// What others say about keys.
    fn foreign_signatures(&mut self) -> Result<()> {
        let owner = self.owner(KeyVersion::V4, &KeyType::ECDSA(ECCCurve::P384))?;
        let other = self.owner(KeyVersion::V4, &KeyType::Ed25519Legacy)?;
        let by = self.signed(&owner.secret, &owner.public)?;
        let id = user_id()?;
        let certified = |certification: &Signature| packets(&[&owner.public, &id, certification]);
        let foreign = self.forge(&other, &owner, &id, &[made(START)?, issuer(&other.secret)?])?;
        self.case(
            &by,
            "key certified by another only",
            &certified(&foreign)?,
            "not-self-certified",
        )?;
        let forged = self.forge(&other, &owner, &id, &[made(START)?, issuer(&owner.secret)?])?;
        self.case(
            &by,
            "key with a forged certification",
            &certified(&forged)?,
            "invalid-self-signature",
        )?;
        let revocation = self.config(&owner.secret, SignatureType::CertRevocation, Vec::new())?;
        let revocation = revocation.sign_certification(
            &owner.secret,
            &owner.public,
            &Password::empty(),
            Tag::UserId,
            &id,
        )?;
        let forged = self.forge(&other, &owner, &id, &[made(LATER)?, issuer(&owner.secret)?])?;
        let key = [
            packets(&[&owner.public, &self.direct(&owner, true)?])?,
            packets(&[&id, &self.certify(&owner, &id, vec![flags(true)?])?, &revocation])?,
            called_sha1(packets(&[&forged])?),
        ];
        self.case(
            &by,
            "revoked user id with a forged certification",
            &key.concat(),
            "user-ids-revoked",
        )
    }

    /// The sample key of RFC 9580, appendix A.4.
    fn sample(&mut self) -> Result<()> {
        let (sample, _) = SignedSecretKey::from_string(include_str!("../../testdata/rfc9580-a4.asc"))?;
        let key = sample.to_public_key().to_bytes()?;
        let (secret, public) = (&sample.primary_key, sample.primary_key.public_key());
        for (name, hash) in [
            ("SHA-256", HashAlgorithm::Sha256),
            ("SHA3-512", HashAlgorithm::Sha3_512),
        ] {
            let mut config =
                SignatureConfig::v6(&mut self.rng, SignatureType::Binary, public.algorithm(), hash)?;
            config.hashed_subpackets = vec![made(START)?, issuer(public)?];
            let signature = config.sign(secret, &Password::empty(), &self.message[..])?;
            let by = Signed {
                by: public.clone(),
                signature: packets(&[&signature])?,
            };
            self.case(&by, &format!("version 6 with {name}"), &key, "valid")?;
        }
        let mut by = self.signed(secret, public)?;
        self.case(&by, "version 6, secret", &sample.to_bytes()?, "secret-key")?;
        // In the salt, which is behind the subpackets and the beginning of the digest.
        let place = by.signature.len() - 64 - 8;
        by.signature[place] ^= 1;
        self.case(&by, "version 6 with another salt", &key, "invalid-signature")
    }

    /// A key of version 6 with a subkey.
    fn version_6(&mut self) -> Result<()> {
        let owner = self.owner(KeyVersion::V6, &KeyType::ECDSA(ECCCurve::P256))?;
        let sub = self.sub(KeyVersion::V6, &KeyType::Ed25519)?;
        let direct = self.direct(&owner, false)?;
        let confirmation = embedded(self.confirm(&owner, &sub)?)?;
        let binding = self.bind(&owner, &sub, vec![flags(true)?, confirmation])?;
        let by = self.signed(&sub.secret, &owner.public)?;
        let key = packets(&[&owner.public, &direct, &sub.public, &binding])?;
        self.case(&by, "version 6 with a subkey", &key, "valid")?;
        let id = user_id()?;
        let certification = self.certify(&owner, &id, vec![flags(true)?])?;
        let key = packets(&[&owner.public, &id, &certification, &sub.public, &binding])?;
        self.case(
            &by,
            "version 6 without a signature of the key itself",
            &key,
            "not-self-certified",
        )?;
        let old = self.sub(KeyVersion::V4, &KeyType::Ed25519Legacy)?;
        let key = packets(&[&owner.public, &direct, &old.public])?;
        self.case(
            &by,
            "version 6 with a subkey of version 4",
            &key,
            "unsupported-key-version",
        )
    }
}

fn embedded(signature: Signature) -> Result<Subpacket> {
    Ok(Subpacket::regular(SubpacketData::EmbeddedSignature(Box::new(
        signature,
    )))?)
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

/// A signature packet that says, wrongly, that its hash is SHA-1.
fn called_sha1(mut packet: Vec<u8>) -> Vec<u8> {
    // Behind the header: version, type, algorithm, hash.
    let header = if packet[1] < 192 { 2 } else { 3 };
    packet[header + 3] = HashAlgorithm::Sha1.into();
    packet
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
