//! Why keys and signatures are refused, with codes that can be searched for.
use chrono::{DateTime, Utc};

use crate::algorithm::AlgorithmError;
use crate::fingerprint::Fingerprint;
use crate::owner::MAX_SELF_SIGNATURES;

/// What the OpenPGP library said.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why bytes are no sequence of OpenPGP packets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// There are no bytes.
    #[error("it is empty")]
    Empty,
    /// More bytes than are looked at.
    #[error("it has {bytes} bytes, at most {limit} are accepted")]
    TooLarge {
        /// How many there are.
        bytes: usize,
        /// How many are accepted.
        limit: usize,
    },
    /// Neither a packet nor armour.
    #[error("it is neither an OpenPGP packet nor ASCII armour")]
    NotOpenPgp,
    /// Armour around something else.
    #[error("its ASCII armour is around a {label}")]
    OtherBlock {
        /// What the armour says that it is around.
        label: String,
    },
    /// Armour that is none.
    #[error("its ASCII armour is damaged: {0}")]
    Armour(&'static str),
    /// One block of armour behind the other.
    #[error("it has several blocks of ASCII armour, one is accepted")]
    SeveralBlocks,
    /// Text behind the armour.
    #[error("there is text behind its ASCII armour")]
    TrailingText,
    /// A packet is longer than what is left.
    #[error("the packet at byte {offset} is truncated")]
    Truncated {
        /// Where it begins, without armour.
        offset: usize,
    },
    /// A byte that begins no packet.
    #[error("there is no packet at byte {offset}")]
    NotAPacket {
        /// Where it is, without armour.
        offset: usize,
    },
    /// Packets of keys and signatures must not come in parts.
    #[error("the packet at byte {offset} has a partial length")]
    PartialLength {
        /// Where it begins, without armour.
        offset: usize,
    },
    /// Packets of keys and signatures must have a length.
    #[error("the packet at byte {offset} has no length")]
    IndeterminateLength {
        /// Where it begins, without armour.
        offset: usize,
    },
}

impl FormatError {
    /// A word that stays the same in all versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            FormatError::Empty => "empty",
            FormatError::TooLarge { .. } => "too-large",
            FormatError::NotOpenPgp => "not-openpgp",
            FormatError::OtherBlock { .. } => "other-block",
            FormatError::Armour(_) => "damaged-armour",
            FormatError::SeveralBlocks => "several-blocks",
            FormatError::TrailingText => "trailing-text",
            FormatError::Truncated { .. } => "truncated",
            FormatError::NotAPacket { .. } => "not-a-packet",
            FormatError::PartialLength { .. } => "partial-length",
            FormatError::IndeterminateLength { .. } => "indeterminate-length",
        }
    }
}

/// Why what a signature says about itself cannot be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubpacketError {
    /// Nobody knows when it was made.
    #[error("it does not say when it was made")]
    NoCreationTime,
    /// It says the same thing twice.
    #[error("it has two subpackets {name}")]
    Repeated {
        /// Kind of subpacket.
        name: String,
    },
    /// Whoever does not understand it must refuse it.
    #[error("its critical subpacket {name} is not understood")]
    Critical {
        /// Kind of subpacket.
        name: String,
    },
}

impl SubpacketError {
    /// A word that stays the same in all versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            SubpacketError::NoCreationTime => "no-creation-time",
            SubpacketError::Repeated { .. } => "repeated-subpacket",
            SubpacketError::Critical { .. } => "unknown-critical-subpacket",
        }
    }
}

/// Why a file is no certificate that could be trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It cannot be taken apart.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Where a public key belongs, there is a secret one.
    #[error(
        "this is a secret key: remove it, nobody needs it here, and use `gpg --export` for the public key"
    )]
    SecretKey,
    /// A keyring.
    #[error("there are several keys in it, each needs a file of its own")]
    SeveralKeys,
    /// Something else.
    #[error("it does not begin with a public key")]
    NotAKey,
    /// Something that is no part of a key.
    #[error("it has a packet of type {tag}, which is no part of a key")]
    UnexpectedPacket {
        /// Number of the type.
        tag: u8,
    },
    /// A part cannot be read.
    #[error(
        "{place} is damaged; if only others' signatures are, `gpg --export-options export-minimal` leaves them out"
    )]
    Damaged {
        /// Which part.
        place: String,
        /// Cause.
        source: Cause,
    },
    /// A part is not encoded in the one way that is right, so that its fingerprint could be disputed.
    #[error("{place} is not encoded as the standard demands")]
    NotCanonical {
        /// Which part.
        place: String,
    },
    /// A key or a user id is there twice, so that one of them may lack what the other has.
    #[error("a subkey or user id is in it twice, `gpg --import` and `gpg --export` make one of them")]
    Repeated,
    /// An old version, or one of a different standard.
    #[error("{place} is of version {version}, only 4 and 6 are accepted, and only one of them in a key")]
    Version {
        /// Which part.
        place: String,
        /// Its version.
        version: u8,
    },
    /// The primary key's algorithm is not accepted.
    #[error(transparent)]
    Algorithm(AlgorithmError),
    /// A signature by the key itself is wrong.
    #[error("a signature of {place} by the key itself does not verify")]
    InvalidSelfSignature {
        /// What it is about.
        place: String,
        /// Cause.
        source: Cause,
    },
    /// A signature by the key itself is of a kind that does not belong there.
    #[error("{place} has a signature of type 0x{kind:02x}, which has no meaning there")]
    UnexpectedSignature {
        /// What it is about.
        place: String,
        /// Its type.
        kind: u8,
    },
    /// A signature by the key itself says things that cannot be relied on.
    #[error("a signature of {place} by the key itself is not understood")]
    Subpacket {
        /// What it is about.
        place: String,
        /// Cause.
        source: SubpacketError,
    },
    /// Nobody signed the key, not even its owner.
    #[error("the key has no signature by itself")]
    NotSelfCertified,
    /// The key's own newest signature could be forged.
    #[error(
        "the key's newest signature by itself uses a hash that is not accepted, its owner renews it with \
         `gpg --cert-digest-algo SHA256 --quick-set-expire {key} 2y` and exports the key again"
    )]
    WeakSelfSignature {
        /// The key.
        key: Fingerprint,
        /// Cause.
        source: AlgorithmError,
    },
    /// Somebody revoked it, and whether he was allowed to cannot be known.
    #[error("the key has a revocation that is not by itself")]
    UnverifiableRevocation,
    /// More work than a key is worth.
    #[error("the key has more than {MAX_SELF_SIGNATURES} signatures by itself")]
    TooManySignatures,
}

impl KeyError {
    /// A word that stays the same in all versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            KeyError::Format(error) => error.code(),
            KeyError::SecretKey => "secret-key",
            KeyError::SeveralKeys => "several-keys",
            KeyError::NotAKey => "not-a-key",
            KeyError::UnexpectedPacket { .. } => "unexpected-packet",
            KeyError::Damaged { .. } | KeyError::NotCanonical { .. } => "damaged-key",
            KeyError::Repeated => "repeated-part",
            KeyError::Version { .. } => "unsupported-key-version",
            KeyError::Algorithm(error) => error.code(),
            KeyError::InvalidSelfSignature { .. } => "invalid-self-signature",
            KeyError::UnexpectedSignature { .. } => "unexpected-signature",
            KeyError::Subpacket { source, .. } => source.code(),
            KeyError::NotSelfCertified => "not-self-certified",
            KeyError::WeakSelfSignature { .. } => "weak-self-signature",
            KeyError::UnverifiableRevocation => "unverifiable-revocation",
            KeyError::TooManySignatures => "too-many-signatures",
        }
    }
}

/// Why a signature does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// It cannot be taken apart.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Something else.
    #[error("it is no OpenPGP signature")]
    NotASignature,
    /// A signature that comes with its message, or says something else than "this document".
    #[error("it is {what}, only detached signatures over binary data are accepted: `gpg --detach-sign`")]
    WrongType {
        /// What it is.
        what: String,
    },
    /// One signature behind the other.
    #[error("there are several signatures in it, each needs a place of its own")]
    SeveralSignatures,
    /// Something behind the signature.
    #[error("there is a packet of type {tag} behind the signature")]
    UnexpectedPacket {
        /// Number of the type.
        tag: u8,
    },
    /// The packet cannot be read.
    #[error("the signature is damaged")]
    Damaged {
        /// Cause.
        source: Cause,
    },
    /// There are bytes behind the signature, inside of its packet.
    #[error("the signature's packet is longer than the signature")]
    TooLong,
    /// An old version, or one of a different standard.
    #[error("the signature is of version {version}, only 4 and 6 are accepted")]
    Version {
        /// Its version.
        version: u8,
    },
    /// What it says about itself cannot be relied on.
    #[error("the signature is not understood")]
    Subpacket(#[from] SubpacketError),
    /// Its hash, or the algorithm of the key that made it, is not accepted.
    #[error(transparent)]
    Algorithm(#[from] AlgorithmError),
    /// It names another key.
    #[error("it was not made by {primary} or one of its subkeys")]
    WrongKey {
        /// The certificate's fingerprint.
        primary: Fingerprint,
    },
    /// The key did not sign this message.
    #[error("the signature does not verify: another message, or a forged signature")]
    Invalid {
        /// Cause.
        source: Cause,
    },
    /// It is of the future: somebody's clock is wrong.
    #[error("the signature was made at {made}, which is in the future")]
    NotYetValid {
        /// When it was made.
        made: DateTime<Utc>,
    },
    /// Its owner gave it a time to live.
    #[error("the signature expired at {at}")]
    Expired {
        /// When it did.
        at: DateTime<Utc>,
    },
    /// It is older than the key that made it.
    #[error("the signature was made at {made}, before its key {key}")]
    BeforeKey {
        /// When it was made.
        made: DateTime<Utc>,
        /// The key or subkey.
        key: Fingerprint,
    },
    /// Nothing that the key says about itself is in force already.
    #[error("the key {key} is not valid yet")]
    KeyNotYetValid {
        /// The key or subkey.
        key: Fingerprint,
    },
    /// The key's time is over, or was when it signed.
    #[error("the key {key} expired at {at}")]
    KeyExpired {
        /// The key or subkey.
        key: Fingerprint,
        /// When it did.
        at: DateTime<Utc>,
    },
    /// Its owner took the key back.
    #[error("the key {key} is revoked")]
    KeyRevoked {
        /// The key or subkey.
        key: Fingerprint,
    },
    /// Its owner took all names of the key back.
    #[error("all user ids of the key {key} are revoked")]
    UserIdsRevoked {
        /// The key.
        key: Fingerprint,
    },
    /// The primary key does not say that the subkey is its own.
    #[error("the subkey {key} is not bound to its primary key")]
    SubkeyNotBound {
        /// The subkey.
        key: Fingerprint,
    },
    /// The subkey does not say that the primary key is its own.
    #[error("the subkey {key} does not confirm that it belongs to its primary key")]
    BackSignature {
        /// The subkey.
        key: Fingerprint,
    },
    /// The subkey's own newest binding could be forged.
    #[error("the binding of the subkey {key} uses a hash that is not accepted, its owner has to renew it")]
    WeakSelfSignature {
        /// The subkey.
        key: Fingerprint,
        /// Cause.
        source: AlgorithmError,
    },
    /// The key is for something else.
    #[error("the key {key} is not meant for signing")]
    NotForSigning {
        /// The key or subkey.
        key: Fingerprint,
    },
}

impl SignatureError {
    /// A word that stays the same in all versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            SignatureError::Format(error) => error.code(),
            SignatureError::NotASignature => "not-a-signature",
            SignatureError::WrongType { .. } => "wrong-signature-type",
            SignatureError::SeveralSignatures => "several-signatures",
            SignatureError::UnexpectedPacket { .. } => "unexpected-packet",
            SignatureError::Damaged { .. } | SignatureError::TooLong => "damaged-signature",
            SignatureError::Version { .. } => "unsupported-signature-version",
            SignatureError::Subpacket(error) => error.code(),
            SignatureError::Algorithm(error) => error.code(),
            SignatureError::WrongKey { .. } => "wrong-key",
            SignatureError::Invalid { .. } => "invalid-signature",
            SignatureError::NotYetValid { .. } => "signature-not-yet-valid",
            SignatureError::Expired { .. } => "signature-expired",
            SignatureError::BeforeKey { .. } => "signature-before-key",
            SignatureError::KeyNotYetValid { .. } => "key-not-yet-valid",
            SignatureError::KeyExpired { .. } => "key-expired",
            SignatureError::KeyRevoked { .. } => "key-revoked",
            SignatureError::UserIdsRevoked { .. } => "user-ids-revoked",
            SignatureError::SubkeyNotBound { .. } => "subkey-not-bound",
            SignatureError::BackSignature { .. } => "invalid-back-signature",
            SignatureError::WeakSelfSignature { .. } => "weak-self-signature",
            SignatureError::NotForSigning { .. } => "not-for-signing",
        }
    }
}
