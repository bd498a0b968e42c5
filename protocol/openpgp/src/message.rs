//! Messages, and the digests over them.
use std::cell::OnceCell;

use digest_of_pgp::DynDigest;

use crate::algorithm::Hash;

/// A message that one or many signatures are about.
///
/// Costs: a signature by a version 4 key hashes the message first and then itself, so that the message is hashed once
/// per hash function, whatever the number of signatures; the state in between (about 200 bytes each) is kept here. A
/// version 6 signature hashes a salt of its own first, and with it the whole message each time.
pub struct Message<'a> {
    bytes: &'a [u8],
    /// After the message; at the hash function's number.
    states: [OnceCell<Box<dyn DynDigest + Send>>; Hash::COUNT],
}

impl<'a> Message<'a> {
    /// Wraps the bytes; nothing is computed yet.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Message<'a> {
        Message {
            bytes,
            states: Default::default(),
        }
    }

    /// The digest of salt, message and what a signature adds; nothing if the library lacks the hash function.
    pub(crate) fn digest(&self, hash: Hash, salt: Option<&[u8]>, trailer: &[u8]) -> Option<Box<[u8]>> {
        let mut state = match salt {
            Some(salt) => begin(hash, &[salt, self.bytes])?,
            None => self.state(hash)?,
        };
        state.update(trailer);
        Some(state.finalize())
    }

    fn state(&self, hash: Hash) -> Option<Box<dyn DynDigest>> {
        let cell = self.states.get(hash as usize)?;
        if cell.get().is_none() {
            // Already there is what this would put there.
            let _ = cell.set(begin(hash, &[self.bytes])?);
        }
        cell.get().map(|state| state.box_clone())
    }
}

fn begin(hash: Hash, parts: &[&[u8]]) -> Option<Box<dyn DynDigest + Send>> {
    let mut state = hash.raw().new_hasher().ok()?;
    parts.iter().for_each(|part| state.update(part));
    Some(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_everything_at_once() {
        let message = Message::new(b"message");
        for hash in [
            Hash::Sha256,
            Hash::Sha384,
            Hash::Sha512,
            Hash::Sha3_256,
            Hash::Sha3_512,
            Hash::Sha256,
        ] {
            let plain = hash.raw().digest(b"messagetrailer").unwrap();
            assert_eq!(
                message.digest(hash, None, b"trailer").unwrap().to_vec(),
                plain,
                "{hash}"
            );
            let salted = hash.raw().digest(b"saltmessagetrailer").unwrap();
            assert_eq!(
                message.digest(hash, Some(b"salt"), b"trailer").unwrap().to_vec(),
                salted,
                "{hash}"
            );
        }
    }
}
