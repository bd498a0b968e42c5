//! Which algorithms are good enough.
use std::fmt;

use pgp::crypto::ecc_curve::ECCCurve;
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::ser::Serialize as _;
use pgp::types::{
    EcdsaPublicParams, Ed25519PublicParams, EddsaLegacyPublicParams, KeyDetails, PublicParams,
    RsaPublicParams,
};

/// The shortest RSA modulus that is accepted; NIST SP 800-131A allows no shorter one.
const MIN_RSA_BITS: u16 = 2048;

/// What a key signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSA with PKCS#1 v1.5 padding.
    Rsa {
        /// Length of the modulus.
        bits: u16,
    },
    /// EdDSA over Curve25519, in the encoding of version 4 keys or that of RFC 9580.
    Ed25519,
    /// ECDSA over a curve of NIST; 256, 384 or 521 bits.
    Ecdsa {
        /// Length of the curve's field elements.
        bits: u16,
    },
}

/// What was signed is a digest; by which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hash {
    /// SHA2-256.
    Sha256,
    /// SHA2-384.
    Sha384,
    /// SHA2-512.
    Sha512,
    /// SHA3-256.
    Sha3_256,
    /// SHA3-512.
    Sha3_512,
}

/// Why an algorithm is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AlgorithmError {
    /// Broken, or without a margin.
    #[error("{name} is not accepted, use Ed25519, RSA or ECDSA")]
    WeakAlgorithm {
        /// Its name.
        name: String,
    },
    /// Nothing that this crate could check, or nothing that signs.
    #[error("{name} is no signature algorithm that is supported")]
    Unsupported {
        /// Its name.
        name: String,
    },
    /// Good in principle, but too short.
    #[error("the RSA key has {bits} bits, at least {MIN_RSA_BITS} are needed")]
    ShortKey {
        /// Length of the modulus.
        bits: u16,
    },
    /// A point of small order, with which anything seems signed.
    #[error("the Ed25519 key is no proper key")]
    SmallOrder,
    /// A hash function that is broken, shorter than 256 bits, or shorter than the curve it is used with.
    #[error("{hash} is not accepted as the hash of a signature by {algorithm}")]
    WeakHash {
        /// Name of the hash function.
        hash: String,
        /// The key's algorithm.
        algorithm: String,
    },
}

impl AlgorithmError {
    /// A word that stays the same in all versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            AlgorithmError::WeakAlgorithm { .. } => "weak-algorithm",
            AlgorithmError::Unsupported { .. } => "unsupported-algorithm",
            AlgorithmError::ShortKey { .. } | AlgorithmError::SmallOrder => "weak-key",
            AlgorithmError::WeakHash { .. } => "weak-hash",
        }
    }
}

impl Algorithm {
    /// Judges the algorithm of a key.
    pub(crate) fn of(key: &dyn KeyDetails) -> Result<Algorithm, AlgorithmError> {
        match key.public_params() {
            PublicParams::RSA(params) if key.algorithm() != PublicKeyAlgorithm::RSAEncrypt => rsa(params),
            PublicParams::Ed25519(Ed25519PublicParams { key })
            | PublicParams::EdDSALegacy(EddsaLegacyPublicParams::Ed25519 { key }) => {
                if key.is_weak() {
                    Err(AlgorithmError::SmallOrder)
                } else {
                    Ok(Algorithm::Ed25519)
                }
            }
            PublicParams::ECDSA(params) => ecdsa(params),
            PublicParams::DSA(_) | PublicParams::Elgamal(_) => Err(AlgorithmError::WeakAlgorithm {
                name: format!("{:?}", key.algorithm()),
            }),
            _ => Err(AlgorithmError::Unsupported {
                name: format!("{:?}", key.algorithm()),
            }),
        }
    }

    /// Whether a digest of this length does not weaken the key; RFC 9580, section 5.2.3.2.
    pub(crate) fn takes(self, hash: Hash) -> Result<(), AlgorithmError> {
        match self {
            // The exception is the standard's: there is no hash of 521 bits.
            Algorithm::Ecdsa { bits } if hash.bits() < bits.min(512) => Err(AlgorithmError::WeakHash {
                hash: hash.to_string(),
                algorithm: self.to_string(),
            }),
            _ => Ok(()),
        }
    }
}

fn rsa(params: &RsaPublicParams) -> Result<Algorithm, AlgorithmError> {
    // An MPI begins with its length in bits, and the modulus is the first of a key; RFC 9580, section 3.2.
    let bits = match params.to_bytes().unwrap_or_default().get(..2) {
        Some(&[high, low]) => u16::from_be_bytes([high, low]),
        _ => 0,
    };
    if bits < MIN_RSA_BITS {
        Err(AlgorithmError::ShortKey { bits })
    } else {
        Ok(Algorithm::Rsa { bits })
    }
}

fn ecdsa(params: &EcdsaPublicParams) -> Result<Algorithm, AlgorithmError> {
    match params.curve() {
        ECCCurve::P256 => Ok(Algorithm::Ecdsa { bits: 256 }),
        ECCCurve::P384 => Ok(Algorithm::Ecdsa { bits: 384 }),
        ECCCurve::P521 => Ok(Algorithm::Ecdsa { bits: 521 }),
        curve => Err(AlgorithmError::Unsupported {
            name: format!("ECDSA over {curve}"),
        }),
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Algorithm::Rsa { bits } => write!(formatter, "RSA-{bits}"),
            Algorithm::Ed25519 => write!(formatter, "Ed25519"),
            Algorithm::Ecdsa { bits } => write!(formatter, "ECDSA P-{bits}"),
        }
    }
}

impl Hash {
    /// All of them, at the position of their number.
    pub(crate) const COUNT: usize = 5;

    /// Judges the hash of a signature.
    pub(crate) fn of(raw: HashAlgorithm, algorithm: &dyn fmt::Debug) -> Result<Hash, AlgorithmError> {
        match raw {
            HashAlgorithm::Sha256 => Ok(Hash::Sha256),
            HashAlgorithm::Sha384 => Ok(Hash::Sha384),
            HashAlgorithm::Sha512 => Ok(Hash::Sha512),
            HashAlgorithm::Sha3_256 => Ok(Hash::Sha3_256),
            HashAlgorithm::Sha3_512 => Ok(Hash::Sha3_512),
            _ => Err(AlgorithmError::WeakHash {
                hash: raw.to_string(),
                algorithm: format!("{algorithm:?}"),
            }),
        }
    }

    /// The library's name for it.
    pub(crate) fn raw(self) -> HashAlgorithm {
        match self {
            Hash::Sha256 => HashAlgorithm::Sha256,
            Hash::Sha384 => HashAlgorithm::Sha384,
            Hash::Sha512 => HashAlgorithm::Sha512,
            Hash::Sha3_256 => HashAlgorithm::Sha3_256,
            Hash::Sha3_512 => HashAlgorithm::Sha3_512,
        }
    }

    fn bits(self) -> u16 {
        match self {
            Hash::Sha256 | Hash::Sha3_256 => 256,
            Hash::Sha384 => 384,
            Hash::Sha512 | Hash::Sha3_512 => 512,
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.raw(), formatter)
    }
}
