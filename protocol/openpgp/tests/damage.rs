//! Damaged keys, signatures and messages: never a panic, never another meaning.
use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use gumshoe_openpgp::{Certificate, Message, Moment, Signature, SignatureError, Verified, verify};
use proptest::prelude::*;

/// Binary keys of several kinds, with a signature that is valid on the third of January.
const VALID: [(&str, &str); 4] = [
    ("ed25519.pgp", "ed25519.sig"),
    ("bound-subkey.pgp", "bound-subkey.sig"),
    ("version-6-with-a-subkey.pgp", "version-6-with-a-subkey.sig"),
    ("version-6-with-SHA-256.pgp", "version-6-with-SHA-256.sig"),
];

fn read(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/openpgp")
        .join(path);
    fs::read(&path)
        .map_err(|error| format!("{}: {error}", path.display()))
        .expect("a test vector")
}

fn key(name: &str) -> Vec<u8> {
    read(&format!("keys/{name}"))
}

fn signature(name: &str) -> Vec<u8> {
    read(&format!("signatures/{name}"))
}

fn now() -> DateTime<Utc> {
    "2026-01-03T00:00:00Z".parse().expect("a time")
}

/// Everything that others rely on.
#[derive(Debug, PartialEq)]
struct Meaning {
    verified: Verified,
    user_ids: Vec<String>,
}

fn meaning(key: &[u8], signature: &[u8], message: &[u8]) -> Option<Meaning> {
    let certificate = Certificate::parse(key).ok()?;
    let signature = Signature::parse(signature).ok()?;
    let verified = verify(&certificate, &signature, &Message::new(message), now()).ok()?;
    Some(Meaning {
        verified,
        user_ids: certificate.user_ids().to_vec(),
    })
}

/// The bytes with each of their bits turned, one after the other.
fn flips(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

#[test]
fn no_bit_of_a_message_can_be_turned() {
    let message = read("messages/plain");
    for (key_name, signature_name) in VALID {
        let (key, signature) = (key(key_name), signature(signature_name));
        assert!(meaning(&key, &signature, &message).is_some(), "{key_name}");
        for flipped in flips(&message) {
            assert_eq!(meaning(&key, &signature, &flipped), None, "{key_name}");
        }
    }
}

#[test]
fn no_bit_of_a_signature_changes_what_it_means() {
    let message = read("messages/plain");
    for (key_name, signature_name) in VALID {
        let (key, signature) = (key(key_name), signature(signature_name));
        let right = meaning(&key, &signature, &message);
        for flipped in flips(&signature) {
            let found = meaning(&key, &flipped, &message);
            assert!(found.is_none() || found == right, "{signature_name}: {found:?}");
        }
    }
}

#[test]
fn no_bit_of_a_key_changes_what_it_means() {
    let message = read("messages/plain");
    for (key_name, signature_name) in VALID {
        let (key, signature) = (key(key_name), signature(signature_name));
        let right = meaning(&key, &signature, &message);
        for flipped in flips(&key) {
            let found = meaning(&flipped, &signature, &message);
            assert!(found.is_none() || found == right, "{key_name}: {found:?}");
        }
    }
}

#[test]
fn no_bit_of_a_key_takes_its_revocation_away() {
    let message = read("messages/plain");
    for (key_name, signature_name, step) in [
        ("revoked-0.asc", "revoked-0.sig", 1),
        ("no-names.asc", "names.sig", 1),
        // A large one: some of its bits.
        ("subkey-revoked.asc", "subkey-ed25519.sig", 23),
    ] {
        // Base64 is as good as the bytes: each character has six of their bits.
        let (key, signature) = (key(key_name), signature(signature_name));
        for flipped in flips(&key).step_by(step) {
            assert_eq!(meaning(&flipped, &signature, &message), None, "{key_name}");
        }
    }
}

#[test]
fn only_binary_signatures_of_known_versions() {
    // Behind a header of two bytes: version, type.
    let signature = signature("ed25519.sig");
    for byte in 0..=u8::MAX {
        let (mut version, mut kind) = (signature.clone(), signature.clone());
        (version[2], kind[3]) = (byte, byte);
        let code = |bytes: &[u8]| Signature::parse(bytes).err().map_or("fine", |error| error.code());
        let expected = if byte == 0 { "fine" } else { "wrong-signature-type" };
        assert_eq!(code(&kind), expected, "type {byte}");
        match byte {
            4 => assert_eq!(code(&version), "fine"),
            6 => assert_eq!(code(&version), "damaged-signature"),
            _ => assert_eq!(code(&version), "unsupported-signature-version", "version {byte}"),
        }
    }
}

#[test]
fn many_signatures_over_one_message() {
    let bytes = read("messages/plain");
    let message = Message::new(&bytes);
    for _ in 0..2 {
        for name in [
            "ed25519", "rsa2048", "rsa3072", "nistp256", "nistp384", "nistp521",
        ] {
            let certificate = Certificate::parse(&key(&format!("{name}.asc"))).unwrap();
            let signature = Signature::parse(&signature(&format!("{name}.sig"))).unwrap();
            let verified = verify(&certificate, &signature, &message, now()).unwrap();
            assert_eq!(
                (verified.primary, verified.signing_key),
                (*certificate.fingerprint(), *certificate.fingerprint())
            );
            assert_eq!(verified.algorithm, certificate.algorithm());
            assert_eq!(
                verified.made,
                "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap()
            );
        }
    }
}

#[test]
fn what_a_certificate_says() {
    let certificate = Certificate::parse(&key("subkeys.asc")).unwrap();
    assert_eq!(certificate.user_ids(), ["subkeys <subkeys@example.org>"]);
    assert_eq!(certificate.algorithm().to_string(), "Ed25519");
    assert_eq!(certificate.subkeys().count(), 6);
    let by_subkey = Signature::parse(&signature("subkey-rsa2048.sig")).unwrap();
    let by_other = Signature::parse(&signature("ed25519.sig")).unwrap();
    assert!(certificate.is_named_by(&by_subkey) && !certificate.is_named_by(&by_other));
    assert_eq!(
        by_subkey.issuers(),
        certificate.subkeys().skip(1).take(1).copied().collect::<Vec<_>>()
    );
    let verified = verify(
        &certificate,
        &by_subkey,
        &Message::new(&read("messages/plain")),
        now(),
    )
    .unwrap();
    assert_eq!(Some(&verified.signing_key), certificate.subkeys().nth(1));
    assert_ne!(verified.primary, verified.signing_key);
    let names = Certificate::parse(&key("names.asc")).unwrap();
    assert_eq!(names.user_ids().len(), 1, "the other one is revoked");
}

#[test]
fn whether_a_certificate_could_sign_now() {
    let check = |name: &str, now: &str| {
        let now: DateTime<Utc> = now.parse().unwrap();
        Certificate::parse(&key(name))
            .unwrap()
            .check(now)
            .err()
            .map_or("fine", |error: SignatureError| error.code())
    };
    assert_eq!(check("ed25519.asc", "2036-01-03T00:00:00Z"), "fine");
    assert_eq!(
        check("ed25519.asc", "2025-01-03T00:00:00Z"),
        "signature-before-key"
    );
    assert_eq!(check("subkeys.asc", "2026-01-03T00:00:00Z"), "fine");
    assert_eq!(check("expiring.asc", "2026-01-30T23:59:59Z"), "fine");
    assert_eq!(check("expiring.asc", "2026-01-31T00:00:00Z"), "key-expired");
    assert_eq!(check("revoked-3.asc", "2026-01-03T00:00:00Z"), "key-revoked");
    assert_eq!(
        check("key-for-something-else.pgp", "2026-01-03T00:00:00Z"),
        "not-for-signing"
    );
}

#[test]
fn clocks_may_differ_as_much_as_the_caller_says() {
    let certificate = Certificate::parse(&key("ed25519.asc")).unwrap();
    let signature = Signature::parse(&signature("day10.sig")).unwrap();
    let bytes = read("messages/plain");
    let code = |seconds, tolerance| {
        let now = signature.made() - TimeDelta::seconds(seconds);
        let moment = Moment {
            now,
            tolerance: TimeDelta::seconds(tolerance),
        };
        verify(&certificate, &signature, &Message::new(&bytes), moment)
            .err()
            .map_or("valid", |error| error.code())
    };
    assert_eq!(code(0, 0), "valid");
    assert_eq!(code(1, 0), "signature-not-yet-valid");
    assert_eq!(code(60, 60), "valid");
    assert_eq!(code(61, 60), "signature-not-yet-valid");
}

#[test]
fn work_is_bounded() {
    let key = key("ed25519.pgp");
    // The certification, again and again: it is the last packet.
    let certification = &key[key.len() - 146..];
    assert_eq!(
        certification[0], 0x88,
        "the test does not know where the certification begins"
    );
    let many = |count| [&key[..], &certification.repeat(count)].concat();
    assert!(Certificate::parse(&many(255)).is_ok());
    assert_eq!(
        Certificate::parse(&many(256)).unwrap_err().code(),
        "too-many-signatures"
    );
}

proptest! {
    #[test]
    fn anything_may_come(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = Certificate::parse(&bytes);
        let _ = Signature::parse(&bytes);
    }

    #[test]
    fn parts_may_be_missing_doubled_or_moved(
        which in 0..VALID.len(), from in any::<prop::sample::Index>(), length in 0_usize..300, to in any::<prop::sample::Index>(), double in any::<bool>(),
    ) {
        let message = read("messages/plain");
        let (whole, signature) = (key(VALID[which].0), signature(VALID[which].1));
        let right = meaning(&whole, &signature, &message);
        let mut bytes = whole.clone();
        let from = from.index(bytes.len());
        let part = bytes[from..(from + length).min(bytes.len())].to_vec();
        if !double {
            bytes.drain(from..from + part.len());
        }
        let to = to.index(bytes.len() + 1);
        bytes.splice(to..to, part);
        let found = meaning(&bytes, &signature, &message);
        prop_assert!(found.is_none() || found == right, "{found:?}");
    }
}
