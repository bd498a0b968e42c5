//! Keys and signatures that the installed `gpg` makes now.
use chrono::{DateTime, TimeDelta, Utc};
use gumshoe_openpgp::{Certificate, Fingerprint, Message, Signature, verify};
use gumshoe_test_services::gpg::{Form, Gpg, Reason};

const MESSAGE: &[u8] = b"DSSEv1 4 type 7 payload";

/// The verdict on a signature, with the key as it is in the keyring now.
fn judge(gpg: &Gpg, key: &str, signature: &[u8], now: DateTime<Utc>) -> Result<Fingerprint, &'static str> {
    let exported = gpg.export(key, Form::Armoured).expect("gpg exports its key");
    let certificate = Certificate::parse(&exported).map_err(|error| error.code())?;
    let signature = Signature::parse(signature).map_err(|error| error.code())?;
    let verified =
        verify(&certificate, &signature, &Message::new(MESSAGE), now).map_err(|error| error.code())?;
    Ok(verified.primary)
}

fn verdict(gpg: &Gpg, key: &str, signature: &[u8]) -> Result<String, &'static str> {
    judge(gpg, key, signature, Utc::now()).map(|fingerprint| fingerprint.to_string())
}

#[test]
fn algorithms() {
    let gpg = Gpg::new().unwrap();
    for (algorithm, expected) in [
        ("ed25519", None),
        ("rsa2048", None),
        ("rsa3072", None),
        ("nistp256", None),
        ("nistp384", None),
        ("nistp521", None),
        ("rsa1024", Some("weak-key")),
        ("dsa1024", Some("weak-algorithm")),
        ("secp256k1", Some("unsupported-algorithm")),
    ] {
        let key = gpg.generate(algorithm, algorithm, "sign", "never").unwrap();
        let signature = gpg.detach_sign(&key, MESSAGE, &["--armor"]).unwrap();
        let expected = expected.map_or(Ok(key.clone()), Err);
        assert_eq!(verdict(&gpg, &key, &signature), expected, "{algorithm}");
    }
}

#[test]
fn values_of_signatures_that_are_short_by_chance() {
    // One of 128 signatures has a number that begins with a zero byte, which is left out.
    let gpg = Gpg::new().unwrap();
    for algorithm in ["ed25519", "nistp256"] {
        let key = gpg.generate(algorithm, algorithm, "sign", "never").unwrap();
        let certificate = Certificate::parse(&gpg.export(&key, Form::Binary).unwrap()).unwrap();
        for number in 0..COUNT {
            let message = format!("message {number}");
            let signature = gpg.detach_sign(&key, message.as_bytes(), &[]).unwrap();
            let signature = Signature::parse(&signature).unwrap();
            let verified = verify(
                &certificate,
                &signature,
                &Message::new(message.as_bytes()),
                Utc::now(),
            );
            assert!(verified.is_ok(), "{algorithm} {number}: {verified:?}");
        }
    }
}

/// Enough to meet a short one in most runs.
const COUNT: usize = 100;

#[test]
fn the_life_of_a_key() {
    let mut gpg = Gpg::new().unwrap();
    let start = Utc::now();
    let key = gpg
        .generate("Ada <ada@example.org>", "ed25519", "cert", "never")
        .unwrap();
    let first = gpg.add_signing_subkey(&key, "ed25519", "10d").unwrap();
    let second = gpg.add_signing_subkey(&key, "rsa2048", "never").unwrap();
    let by_first = gpg.detach_sign(&format!("{first}!"), MESSAGE, &[]).unwrap();
    let by_second = gpg.detach_sign(&format!("{second}!"), MESSAGE, &[]).unwrap();
    assert_eq!(verdict(&gpg, &key, &by_first), Ok(key.clone()));
    assert_eq!(verdict(&gpg, &key, &by_second), Ok(key.clone()));
    let later = start + TimeDelta::days(11);
    assert_eq!(judge(&gpg, &key, &by_first, later), Err("key-expired"));
    assert!(judge(&gpg, &key, &by_second, later).is_ok());
    gpg.set_time(Some(start + TimeDelta::days(1)));
    gpg.run(&["--quick-set-expire", &key, "100d", &first], b"")
        .unwrap();
    assert!(judge(&gpg, &key, &by_first, later).is_ok());
    gpg.revoke_subkey(&key, 1).unwrap();
    assert_eq!(judge(&gpg, &key, &by_first, later), Err("key-revoked"));
    assert!(judge(&gpg, &key, &by_second, later).is_ok());
    let revocation = gpg.revocation(&key, Reason::Superseded).unwrap();
    gpg.import(&revocation).unwrap();
    assert_eq!(judge(&gpg, &key, &by_second, later), Err("key-revoked"));
}

#[test]
fn what_is_no_detached_binary_signature_by_this_key() {
    let gpg = Gpg::new().unwrap();
    let key = gpg.generate("Ada", "ed25519", "sign", "never").unwrap();
    let other = gpg.generate("Eve", "ed25519", "sign", "never").unwrap();
    let sign = |arguments: &[&str]| {
        gpg.run(&[&["--local-user", &key], arguments].concat(), MESSAGE)
            .unwrap()
    };
    assert_eq!(
        verdict(&gpg, &key, &sign(&["--textmode", "--detach-sign"])),
        Err("wrong-signature-type")
    );
    assert_eq!(
        verdict(&gpg, &key, &sign(&["--clearsign"])),
        Err("wrong-signature-type")
    );
    assert_eq!(
        verdict(&gpg, &key, &sign(&["--sign"])),
        Err("wrong-signature-type")
    );
    assert_eq!(
        verdict(&gpg, &key, &sign(&["--local-user", &other, "--detach-sign"])),
        Err("several-signatures")
    );
    assert_eq!(verdict(&gpg, &other, &sign(&["--detach-sign"])), Err("wrong-key"));
    assert_eq!(
        Certificate::parse(&gpg.export_all(Form::Armoured).unwrap())
            .unwrap_err()
            .code(),
        "several-keys"
    );
    let secret = gpg.export_secret(&key, Form::Binary).unwrap();
    assert_eq!(Certificate::parse(&secret).unwrap_err().code(), "secret-key");
    gpg.revoke(&key).unwrap();
}
