//! Message digests of a stream, several at once.

use digest::{Digest, FixedOutputReset};

use crate::params::Filter;

/// A digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are those of the algorithms")]
pub enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
    Blake3,
}

/// Filter, algorithm and length of its digest in bytes.
const ALGORITHMS: [(Filter, Algorithm, usize); 10] = [
    (Filter::Md5, Algorithm::Md5, 16),
    (Filter::Sha1, Algorithm::Sha1, 20),
    (Filter::Sha2, Algorithm::Sha256, 32),
    (Filter::Sha2, Algorithm::Sha384, 48),
    (Filter::Sha2, Algorithm::Sha512, 64),
    (Filter::Sha3, Algorithm::Sha3_224, 28),
    (Filter::Sha3, Algorithm::Sha3_256, 32),
    (Filter::Sha3, Algorithm::Sha3_384, 48),
    (Filter::Sha3, Algorithm::Sha3_512, 64),
    (Filter::Blake3, Algorithm::Blake3, 32),
];

impl Algorithm {
    /// The algorithm of a filter whose digests have this many bytes.
    #[must_use]
    pub fn of(filter: Filter, bytes: usize) -> Option<Self> {
        ALGORITHMS
            .iter()
            .find(|known| known.0 == filter && known.2 == bytes)
            .map(|known| known.1)
    }

    /// The lengths in bytes that a filter's digests may have.
    pub fn lengths(filter: Filter) -> impl Iterator<Item = usize> {
        ALGORITHMS
            .iter()
            .filter(move |known| known.0 == filter)
            .map(|known| known.2)
    }
}

/// One algorithm at work.
trait Hasher: Send {
    fn update(&mut self, bytes: &[u8]);
    /// The digest of all bytes since the last call.
    fn finish(&mut self) -> Box<[u8]>;
}

impl<D: Digest + FixedOutputReset + Send> Hasher for D {
    fn update(&mut self, bytes: &[u8]) {
        Digest::update(self, bytes);
    }

    fn finish(&mut self) -> Box<[u8]> {
        Digest::finalize_reset(self).as_slice().into()
    }
}

/// A wrapper, since BLAKE3 has its own interface.
struct Blake3(Box<blake3::Hasher>);

impl Hasher for Blake3 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&mut self) -> Box<[u8]> {
        let digest = self.0.finalize();
        self.0.reset();
        digest.as_bytes().as_slice().into()
    }
}

fn new_hasher(algorithm: Algorithm) -> Box<dyn Hasher> {
    match algorithm {
        Algorithm::Md5 => Box::new(md5::Md5::new()),
        Algorithm::Sha1 => Box::new(sha1::Sha1::new()),
        Algorithm::Sha256 => Box::new(sha2::Sha256::new()),
        Algorithm::Sha384 => Box::new(sha2::Sha384::new()),
        Algorithm::Sha512 => Box::new(sha2::Sha512::new()),
        Algorithm::Sha3_224 => Box::new(sha3::Sha3_224::new()),
        Algorithm::Sha3_256 => Box::new(sha3::Sha3_256::new()),
        Algorithm::Sha3_384 => Box::new(sha3::Sha3_384::new()),
        Algorithm::Sha3_512 => Box::new(sha3::Sha3_512::new()),
        Algorithm::Blake3 => Box::new(Blake3(Box::new(blake3::Hasher::new()))),
    }
}

/// Digests of one stream after another. One per thread; its parts are reused.
#[derive(Default)]
pub struct Hashers {
    known: Vec<(Algorithm, Box<dyn Hasher>)>,
    active: Vec<Algorithm>,
    digests: Vec<(Algorithm, Box<[u8]>)>,
}

impl Hashers {
    /// Starts a stream for these algorithms and forgets all digests.
    pub fn begin(&mut self, algorithms: &[Algorithm]) {
        if !self.active.is_empty() {
            self.finish();
        }
        self.digests.clear();
        self.resume(algorithms);
    }

    /// Starts the same stream again for further algorithms; digests that are known stay.
    pub fn resume(&mut self, algorithms: &[Algorithm]) {
        self.active.clear();
        for &algorithm in algorithms {
            if self.digest(algorithm).is_none() {
                self.active.push(algorithm);
                if !self.known.iter().any(|known| known.0 == algorithm) {
                    self.known.push((algorithm, new_hasher(algorithm)));
                }
            }
        }
    }

    /// Whether bytes are wanted.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.active.is_empty()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for (_, hasher) in self
            .known
            .iter_mut()
            .filter(|known| self.active.contains(&known.0))
        {
            hasher.update(bytes);
        }
    }

    /// The stream is complete.
    pub fn finish(&mut self) {
        for (algorithm, hasher) in self
            .known
            .iter_mut()
            .filter(|known| self.active.contains(&known.0))
        {
            self.digests.push((*algorithm, hasher.finish()));
        }
        self.active.clear();
    }

    /// The stream was not complete: what it had is forgotten.
    pub fn abort(&mut self) {
        let complete = self.digests.len();
        self.finish();
        self.digests.truncate(complete);
    }

    /// The digest of the stream, if it was asked for and the stream was complete.
    #[must_use]
    pub fn digest(&self, algorithm: Algorithm) -> Option<&[u8]> {
        self.digests
            .iter()
            .find(|known| known.0 == algorithm)
            .map(|known| &*known.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::digest::to_hex;

    #[test]
    fn digests_of_abc_are_the_published_ones() {
        // FIPS 180-4, FIPS 202 and RFC 1321 examples; BLAKE3 by `b3sum`.
        let expected = [
            (Algorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                Algorithm::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                Algorithm::Sha3_224,
                "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf",
            ),
            (
                Algorithm::Blake3,
                "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
            ),
        ];
        let algorithms: Vec<Algorithm> = expected.iter().map(|known| known.0).collect();
        let mut hashers = Hashers::default();
        for _ in 0..2 {
            hashers.begin(&algorithms);
            hashers.update(b"a");
            hashers.update(b"bc");
            hashers.finish();
            for (algorithm, text) in expected {
                assert_eq!(hashers.digest(algorithm).map(to_hex).as_deref(), Some(text));
            }
        }
        assert_eq!(hashers.digest(Algorithm::Sha512), None);
    }

    #[test]
    fn a_broken_stream_leaves_no_trace() {
        let mut hashers = Hashers::default();
        hashers.begin(&[Algorithm::Md5]);
        hashers.update(b"half");
        hashers.abort();
        assert_eq!(hashers.digest(Algorithm::Md5), None);
        hashers.begin(&[Algorithm::Md5]);
        hashers.update(b"abc");
        hashers.finish();
        assert_eq!(
            hashers.digest(Algorithm::Md5).map(to_hex).as_deref(),
            Some("900150983cd24fb0d6963f7d28e17f72")
        );
    }

    #[test]
    fn lengths_tell_the_algorithm() {
        assert_eq!(Algorithm::of(Filter::Sha2, 48), Some(Algorithm::Sha384));
        assert_eq!(Algorithm::of(Filter::Md5, 20), None);
        assert_eq!(
            Algorithm::lengths(Filter::Sha3).collect::<Vec<_>>(),
            [28, 32, 48, 64]
        );
    }
}
