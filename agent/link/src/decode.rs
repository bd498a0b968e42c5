//! Bytes to messages.

use std::marker::PhantomData;

use crate::message::{HEADER_BYTES, Message};

/// A buffer that is larger than this is given back when it is empty.
const KEPT_BYTES: usize = 64 << 10;

/// Why bytes are no message; what follows on the stream cannot be understood any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There is no such kind in this direction.
    #[error("unknown kind {kind} of message")]
    UnknownKind {
        /// The kind.
        kind: u8,
    },
    /// The payload is announced longer than the kind allows.
    #[error("a message of kind {kind} claims {bytes} bytes; {bound} are allowed")]
    TooLong {
        /// The kind.
        kind: u8,
        /// Claimed length of the payload.
        bytes: usize,
        /// What is allowed.
        bound: usize,
    },
    /// The payload does not have the form of its kind.
    #[error("a message of kind {kind} is malformed")]
    Malformed {
        /// The kind.
        kind: u8,
    },
    /// The payload is not the document of its kind.
    #[error("a message of kind {kind} holds no such document")]
    Document {
        /// The kind.
        kind: u8,
        /// Cause.
        source: serde_json::Error,
    },
}

/// Takes bytes as they come and gives messages.
///
/// Shape: after each [`Self::extend`], call [`Self::message`] until it returns `None`.
/// Limits: holds no more than was sent, and of that no more than one message and the last piece.
#[derive(Debug)]
pub struct Decoder<M> {
    buffer: Vec<u8>,
    /// Bytes of `buffer` that are done with.
    start: usize,
    messages: PhantomData<fn() -> M>,
}

impl<M> Default for Decoder<M> {
    fn default() -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            messages: PhantomData,
        }
    }
}

impl<M: Message> Decoder<M> {
    /// A decoder at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the stream may end here: no message is half there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.buffer.len()
    }

    /// Takes the next bytes of the stream.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.tidy();
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message, if it is there as a whole.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] as soon as the header or the payload is wrong.
    pub fn message(&mut self) -> Result<Option<M>, DecodeError> {
        let rest = &self.buffer[self.start..];
        let Some((header, rest)) = rest.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let (kind, length) = check_header::<M>(*header)?;
        let Some(payload) = rest.get(..length) else {
            return Ok(None);
        };
        let message = M::decode(kind, payload)?;
        self.start += HEADER_BYTES + length;
        self.tidy();
        Ok(Some(message))
    }

    /// Forgets what is done with, and gives a large buffer back once it is empty.
    fn tidy(&mut self) {
        if !self.is_empty() {
            // Moving is worth it only when little is moved: amortised, each byte moves once.
            if self.start > self.buffer.len() / 2 {
                self.buffer.drain(..self.start);
                self.start = 0;
            }
            return;
        }
        self.start = 0;
        self.buffer.clear();
        self.buffer.shrink_to(KEPT_BYTES);
    }
}

/// Kind and length of a frame, if this direction has the kind and the kind allows the length.
pub(crate) fn check_header<M: Message>(header: [u8; HEADER_BYTES]) -> Result<(u8, usize), DecodeError> {
    let [length @ .., kind] = header;
    let bytes = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    let bound = M::bound(kind).ok_or(DecodeError::UnknownKind { kind })?;
    if bytes > bound {
        return Err(DecodeError::TooLong { kind, bytes, bound });
    }
    Ok((kind, bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{MAX_ENVELOPE_BYTES, Phase, State, ToCourier, ToWarden};

    fn to_warden() -> impl Strategy<Value = ToWarden> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..2000);
        prop_oneof![
            (any::<u64>(), bytes()).prop_map(|(tag, bytes)| ToWarden::Delivered { tag, bytes }),
            any::<u64>().prop_map(|id| ToWarden::Confirmed { id }),
            (any::<u64>(), "\\PC{0,200}").prop_map(|(id, why)| ToWarden::Failed { id, why }),
            (any::<u64>(), "\\PC{0,200}").prop_map(|(bytes, why)| ToWarden::Discarded { bytes, why }),
            (any::<u64>(), "\\PC{0,50}").prop_map(|(since_unix_ms, error)| ToWarden::State(State {
                phase: Phase::Connecting,
                relay: Some("amqps://relay:5671/%2f".to_owned()),
                since_unix_ms,
                error: Some(error),
            })),
            bytes().prop_map(ToWarden::Metadata),
            Just(ToWarden::Drained),
            Just(ToWarden::Pong),
        ]
    }

    fn to_courier() -> impl Strategy<Value = ToCourier> {
        let bytes = proptest::collection::vec(any::<u8>(), 0..2000);
        prop_oneof![
            (any::<u64>(), "[a-z.]{0,255}", bytes).prop_map(|(id, routing_key, bytes)| ToCourier::Publish {
                id,
                routing_key,
                bytes
            }),
            any::<u64>().prop_map(|tag| ToCourier::Acknowledge { tag }),
            any::<u64>().prop_map(|tag| ToCourier::Reject { tag }),
            Just(ToCourier::Stop),
            Just(ToCourier::Ping),
        ]
    }

    /// What a decoder makes of a stream that comes in pieces of `step` bytes.
    fn decode_in_steps<M: Message>(stream: &[u8], step: usize) -> Result<Vec<M>, DecodeError> {
        let mut decoder = Decoder::new();
        let mut messages = Vec::new();
        for piece in stream.chunks(step) {
            decoder.extend(piece);
            while let Some(message) = decoder.message()? {
                messages.push(message);
            }
        }
        assert!(decoder.is_empty());
        Ok(messages)
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            messages in proptest::collection::vec(to_warden(), 0..8),
            back in proptest::collection::vec(to_courier(), 0..8),
            step in 1_usize..5000,
        ) {
            let (mut stream, mut other) = (Vec::new(), Vec::new());
            for message in &messages {
                message.encode(&mut stream).unwrap();
            }
            for message in &back {
                message.encode(&mut other).unwrap();
            }
            prop_assert_eq!(decode_in_steps::<ToWarden>(&stream, step).unwrap(), messages);
            prop_assert_eq!(decode_in_steps::<ToCourier>(&other, step).unwrap(), back);
        }

        #[test]
        fn rubbish_never_panics(stream in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut warden = Decoder::<ToWarden>::new();
            warden.extend(&stream);
            while let Ok(Some(_)) = warden.message() {}
            let mut courier = Decoder::<ToCourier>::new();
            courier.extend(&stream);
            while let Ok(Some(_)) = courier.message() {}
        }
    }

    #[test]
    fn a_claimed_length_is_refused_before_its_bytes_come() {
        let mut decoder = Decoder::<ToWarden>::new();
        decoder.extend(&[0xff, 0xff, 0xff, 0xff, 1]);
        assert!(matches!(
            decoder.message(),
            Err(DecodeError::TooLong { kind: 1, .. })
        ));
        assert!(decoder.buffer.capacity() < 100);
    }

    #[test]
    fn messages_of_the_other_direction_are_unknown() {
        let mut stream = Vec::new();
        ToCourier::Ping.encode(&mut stream).unwrap();
        assert!(matches!(
            decode_in_steps::<ToWarden>(&stream, 5),
            Err(DecodeError::UnknownKind { kind: 70 })
        ));
    }

    #[test]
    fn the_largest_envelope_passes_and_one_byte_more_does_not() {
        let mut stream = Vec::new();
        let largest = ToWarden::Delivered {
            tag: 1,
            bytes: vec![7; MAX_ENVELOPE_BYTES],
        };
        largest.encode(&mut stream).unwrap();
        assert_eq!(decode_in_steps::<ToWarden>(&stream, 1 << 16).unwrap(), [largest]);
        let larger = ToWarden::Delivered {
            tag: 1,
            bytes: vec![7; MAX_ENVELOPE_BYTES + 1],
        };
        stream.clear();
        assert!(larger.encode(&mut stream).is_err());
        assert!(stream.is_empty());
    }

    #[test]
    fn a_large_buffer_is_given_back() {
        let mut stream = Vec::new();
        ToWarden::Delivered {
            tag: 1,
            bytes: vec![7; 1 << 20],
        }
        .encode(&mut stream)
        .unwrap();
        let mut decoder = Decoder::<ToWarden>::new();
        decoder.extend(&stream);
        assert!(decoder.message().unwrap().is_some());
        assert!(decoder.buffer.capacity() <= KEPT_BYTES);
    }

    #[test]
    fn long_reasons_are_cut_at_a_character() {
        let mut stream = Vec::new();
        ToWarden::Failed {
            id: 1,
            why: "ü".repeat(5000),
        }
        .encode(&mut stream)
        .unwrap();
        let decoded = decode_in_steps::<ToWarden>(&stream, 100).unwrap();
        assert!(matches!(&decoded[..], [ToWarden::Failed { why, .. }] if why.ends_with("ü…")));
    }
}
