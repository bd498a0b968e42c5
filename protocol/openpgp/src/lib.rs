//! Judges OpenPGP keys and detached signatures, strictly.
//!
//! Who may ask hosts questions is decided by OpenPGP signatures (RFC 9580, version 4 and version 6). This crate
//! answers one question about them: did the owner of *this certificate* make *this signature* over *this message*,
//! with a key that was allowed to, and is still? It does no I/O and has no clock; everything that it reads counts
//! as hostile.
//!
//! ```no_run
//! use chrono::Utc;
//! use gumshoe_openpgp::{Certificate, Message, Signature, verify};
//!
//! # fn judge(key: &[u8], signature: &[u8], bytes: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! let certificate = Certificate::parse(key)?;
//! let verified = verify(&certificate, &Signature::parse(signature)?, &Message::new(bytes), Utc::now())?;
//! assert_eq!(&verified.primary, certificate.fingerprint());
//! # Ok(())
//! # }
//! ```
//!
//! # Rules
//!
//! | what | accepted | everything else |
//! | --- | --- | --- |
//! | algorithm | RSA from 2048 bits, Ed25519, ECDSA over P-256, P-384, P-521 | `weak-key`, `weak-algorithm`, `unsupported-algorithm` |
//! | hash | SHA-256, SHA-384, SHA-512, SHA3-256, SHA3-512; with ECDSA no shorter than the curve | `weak-hash` |
//! | signature | detached, over binary data (type 0x00), version 4 by version 4 keys, 6 by 6 | `wrong-signature-type`, … |
//! | self-signatures | each of them valid; the newest one is in force | `invalid-self-signature`, `weak-self-signature` |
//! | signing subkey | bound by the primary key, and agrees (back signature), with the flag for signing | `invalid-back-signature`, … |
//! | time | key older than signature, signature no newer than now, neither expired at either time | `key-expired`, … |
//! | revocations | none: neither of the key, nor of the subkey, nor of all user ids, whatever the reason | `key-revoked`, … |
//!
//! Only what is in the hashed area of a signature counts; issuers are hints, wherever they are. Critical subpackets
//! that are not understood, and all critical notations, are refused. Errors have stable codes: [`KeyError::code`],
//! [`SignatureError::code`].
//!
//! Stricter than GnuPG, on purpose: the certificate's own signatures must *all* verify, so that a damaged revocation
//! is not mistaken for none; nothing may be there twice; keys without flags do not sign; a revocation stays, even if
//! its reason is only that the key was superseded. Whoever can replace a certificate can of course leave its
//! revocation out: certificates come from the administrator, not from the network.
//!
//! `protocol/testdata/openpgp` holds keys and signatures with the verdicts that are right for them.
mod algorithm;
mod armour;
mod certificate;
mod component;
mod error;
mod fingerprint;
mod message;
mod owner;
mod packets;
mod reading;
mod signature;
mod statement;
mod verify;

pub use algorithm::{Algorithm, AlgorithmError, Hash};
pub use certificate::{Certificate, MAX_CERTIFICATE_BYTES};
pub use error::{FormatError, KeyError, SignatureError, SubpacketError};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use message::Message;
pub use signature::{MAX_SIGNATURE_BYTES, Signature};
pub use verify::{DEFAULT_TOLERANCE, Moment, Verified, verify};
