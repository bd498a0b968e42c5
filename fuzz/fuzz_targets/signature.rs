//! Signatures come from the network: no panic, and whatever verifies is by the key that it is said to be by.
#![no_main]

use std::sync::LazyLock;

use gumshoe_openpgp::{Certificate, Message, Signature, verify};
use libfuzzer_sys::fuzz_target;

static CERTIFICATES: LazyLock<Vec<Certificate>> = LazyLock::new(|| {
    let files: [&[u8]; 3] = [
        include_bytes!("../../protocol/testdata/openpgp/keys/subkeys.asc"),
        include_bytes!("../../protocol/testdata/openpgp/keys/nistp256.asc"),
        include_bytes!("../../protocol/testdata/openpgp/keys/version-6-with-a-subkey.pgp"),
    ];
    files
        .iter()
        .filter_map(|file| Certificate::parse(file).ok())
        .collect()
});
const MESSAGE: &[u8] = include_bytes!("../../protocol/testdata/openpgp/messages/plain");

fuzz_target!(|bytes: &[u8]| {
    let Ok(signature) = Signature::parse(bytes) else {
        return;
    };
    for certificate in CERTIFICATES.iter() {
        if let Ok(verified) = verify(certificate, &signature, &Message::new(MESSAGE), signature.made()) {
            assert_eq!(&verified.primary, certificate.fingerprint());
            assert_eq!(verified.made, signature.made());
        }
    }
});
