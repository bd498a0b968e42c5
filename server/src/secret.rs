//! Random tokens, and how they lie in the database.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gumshoe_protocol::ContentDigest;

/// Bytes of randomness in a token: as hard to guess as a key, so that one round of SHA-256 is enough at rest.
const TOKEN_BYTES: usize = 32;
/// What a bearer token begins with, so that scanners for leaked secrets find it.
const PREFIX: &str = "gumshoe_";
/// A token is not longer than this.
const MAX_TOKEN_CHARS: usize = 128;

/// Why there is no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the operating system has no random numbers: {0}")]
pub struct RandomError(getrandom::Error);

/// Random bytes from the operating system.
///
/// # Errors
///
/// [`RandomError`], if it has none.
pub fn random<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(RandomError)?;
    Ok(bytes)
}

/// A new bearer token.
///
/// # Errors
///
/// [`RandomError`].
pub fn token() -> Result<String, RandomError> {
    Ok(format!(
        "{PREFIX}{}",
        URL_SAFE_NO_PAD.encode(random::<TOKEN_BYTES>()?)
    ))
}

/// What the database keeps of a token; `None` for text that cannot be one.
#[must_use]
pub fn token_hash(token: &str) -> Option<ContentDigest> {
    let plausible = token.starts_with(PREFIX) && token.len() <= MAX_TOKEN_CHARS;
    plausible.then(|| ContentDigest::of(token.as_bytes()))
}
