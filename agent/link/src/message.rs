//! The two vocabularies, and their bytes.

use crate::{
    Configuration, MAX_ENVELOPE_BYTES, MAX_REASON_BYTES, MAX_ROUTING_KEY_BYTES, State, decode::DecodeError,
};

/// Bytes before a payload: length and kind.
pub(crate) const HEADER_BYTES: usize = 5;
/// Bytes of a tag or an id.
const NUMBER_BYTES: usize = 8;
/// Longest configuration, in bytes: certificates and keys are a few thousand each.
const MAX_CONFIGURATION_BYTES: usize = 1 << 20;
/// Longest state, in bytes.
const MAX_STATE_BYTES: usize = 16 << 10;
/// Longest cloud metadata, in bytes.
const MAX_METADATA_BYTES: usize = 64 << 10;

/// Why a message could not be put into bytes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The payload is longer than the kind allows.
    #[error("a message of kind {kind} would have {bytes} bytes; {bound} are allowed")]
    TooLong {
        /// The kind.
        kind: u8,
        /// Length of the payload.
        bytes: usize,
        /// What is allowed.
        bound: usize,
    },
    /// The routing key is longer than AMQP allows.
    #[error("a routing key of {bytes} bytes; {MAX_ROUTING_KEY_BYTES} are allowed")]
    RoutingKey {
        /// Its length.
        bytes: usize,
    },
    /// A document could not be put into JSON.
    #[error("failed to encode a document")]
    Document(#[source] serde_json::Error),
}

/// A vocabulary: messages in one direction.
pub trait Message: Sized {
    /// Longest payload of a kind, in bytes; `None` where there is no such kind.
    fn bound(kind: u8) -> Option<usize>;

    /// The kind of this message.
    fn kind(&self) -> u8;

    /// Appends the payload.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when a part is too long for its field.
    fn encode_payload(&self, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Reads a payload whose length is within [`Self::bound`].
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are not such a message.
    fn decode(kind: u8, payload: &[u8]) -> Result<Self, DecodeError>;

    /// Appends the whole frame.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooLong`] when the payload passes the kind's bound; nothing is appended then.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = out.len();
        out.extend_from_slice(&[0, 0, 0, 0, self.kind()]);
        let result = self.encode_payload(out).and_then(|()| {
            let bytes = out.len() - start - HEADER_BYTES;
            let bound = Self::bound(self.kind()).unwrap_or(0);
            let too_long = EncodeError::TooLong {
                kind: self.kind(),
                bytes,
                bound,
            };
            if bytes > bound {
                Err(too_long)
            } else {
                u32::try_from(bytes).map_err(|_| too_long)
            }
        });
        match result {
            Ok(bytes) => {
                out[start..start + 4].copy_from_slice(&bytes.to_le_bytes());
                Ok(())
            }
            Err(error) => {
                out.truncate(start);
                Err(error)
            }
        }
    }
}

/// What the courier says; the warden takes every byte of it for hostile.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToWarden {
    /// An envelope from the agent's queue, not yet acknowledged.
    Delivered {
        /// Names the delivery in [`ToCourier::Acknowledge`]; never used twice by one courier process.
        tag: u64,
        /// The envelope, whatever it is.
        bytes: Vec<u8>,
    },
    /// The relay has a published message safely.
    Confirmed {
        /// As in [`ToCourier::Publish`].
        id: u64,
    },
    /// A published message is not known to be at the relay; the warden keeps it and tries again.
    Failed {
        /// As in [`ToCourier::Publish`].
        id: u64,
        /// Why; at most [`MAX_REASON_BYTES`].
        why: String,
    },
    /// How it stands with the relay; sent whenever it changes.
    State(State),
    /// What the cloud's metadata service says about this host: JSON, not parsed here.
    Metadata(Vec<u8>),
    /// A message in the queue was no use to any agent; the relay was told to drop it.
    Discarded {
        /// Its length, in bytes.
        bytes: u64,
        /// Why; at most [`MAX_REASON_BYTES`].
        why: String,
    },
    /// Check-in mode: the queue is empty, and everything delivered from it was acknowledged or rejected.
    Drained,
    /// Answer to [`ToCourier::Ping`].
    Pong,
}

/// What the warden says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToCourier {
    /// Everything that the courier has to know; a second one replaces the first and its connection.
    Configure(Box<Configuration>),
    /// Publish to the reports exchange.
    Publish {
        /// The warden's own number, given back in [`ToWarden::Confirmed`] or [`ToWarden::Failed`].
        id: u64,
        /// Routing key; at most [`MAX_ROUTING_KEY_BYTES`].
        routing_key: String,
        /// The envelope; at most [`MAX_ENVELOPE_BYTES`].
        bytes: Vec<u8>,
    },
    /// What the delivery asked for is recorded: the relay may forget it.
    Acknowledge {
        /// The delivery.
        tag: u64,
    },
    /// The delivery is no use: the relay shall drop it and not deliver it again.
    Reject {
        /// The delivery.
        tag: u64,
    },
    /// Close the connection in an orderly way and end.
    Stop,
    /// Show that you are alive.
    Ping,
}

mod kind {
    pub(super) const DELIVERED: u8 = 1;
    pub(super) const CONFIRMED: u8 = 2;
    pub(super) const FAILED: u8 = 3;
    pub(super) const STATE: u8 = 4;
    pub(super) const METADATA: u8 = 5;
    pub(super) const DISCARDED: u8 = 6;
    pub(super) const DRAINED: u8 = 7;
    pub(super) const PONG: u8 = 8;
    // The other direction has other numbers, so that a message that comes back is not taken for another.
    pub(super) const CONFIGURE: u8 = 65;
    pub(super) const PUBLISH: u8 = 66;
    pub(super) const ACKNOWLEDGE: u8 = 67;
    pub(super) const REJECT: u8 = 68;
    pub(super) const STOP: u8 = 69;
    pub(super) const PING: u8 = 70;
}

impl Message for ToWarden {
    fn bound(kind: u8) -> Option<usize> {
        match kind {
            kind::DELIVERED => Some(NUMBER_BYTES + MAX_ENVELOPE_BYTES),
            kind::CONFIRMED => Some(NUMBER_BYTES),
            kind::FAILED | kind::DISCARDED => Some(NUMBER_BYTES + MAX_REASON_BYTES),
            kind::STATE => Some(MAX_STATE_BYTES),
            kind::METADATA => Some(MAX_METADATA_BYTES),
            kind::DRAINED | kind::PONG => Some(0),
            _ => None,
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Delivered { .. } => kind::DELIVERED,
            Self::Confirmed { .. } => kind::CONFIRMED,
            Self::Failed { .. } => kind::FAILED,
            Self::State(_) => kind::STATE,
            Self::Metadata(_) => kind::METADATA,
            Self::Discarded { .. } => kind::DISCARDED,
            Self::Drained => kind::DRAINED,
            Self::Pong => kind::PONG,
        }
    }

    fn encode_payload(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Delivered { tag, bytes } => put(out, *tag, bytes),
            Self::Confirmed { id } => put(out, *id, &[]),
            Self::Failed { id, why } => put(out, *id, shorten(why).as_bytes()),
            Self::Discarded { bytes, why } => put(out, *bytes, shorten(why).as_bytes()),
            Self::State(state) => document(out, state)?,
            Self::Metadata(json) => out.extend_from_slice(json),
            Self::Drained | Self::Pong => {}
        }
        Ok(())
    }

    fn decode(kind: u8, payload: &[u8]) -> Result<Self, DecodeError> {
        let short = || DecodeError::Malformed { kind };
        Ok(match kind {
            kind::DELIVERED => {
                let (tag, bytes) = number(payload).ok_or_else(short)?;
                Self::Delivered {
                    tag,
                    bytes: bytes.to_vec(),
                }
            }
            kind::CONFIRMED => Self::Confirmed {
                id: only_number(payload).ok_or_else(short)?,
            },
            kind::FAILED => {
                let (id, why) = number_and_text(payload).ok_or_else(short)?;
                Self::Failed { id, why }
            }
            kind::DISCARDED => {
                let (bytes, why) = number_and_text(payload).ok_or_else(short)?;
                Self::Discarded { bytes, why }
            }
            kind::STATE => Self::State(parse(kind, payload)?),
            kind::METADATA => Self::Metadata(payload.to_vec()),
            kind::DRAINED if payload.is_empty() => Self::Drained,
            kind::PONG if payload.is_empty() => Self::Pong,
            kind::DRAINED | kind::PONG => return Err(short()),
            _ => return Err(DecodeError::UnknownKind { kind }),
        })
    }
}

impl Message for ToCourier {
    fn bound(kind: u8) -> Option<usize> {
        match kind {
            kind::CONFIGURE => Some(MAX_CONFIGURATION_BYTES),
            kind::PUBLISH => Some(NUMBER_BYTES + 1 + MAX_ROUTING_KEY_BYTES + MAX_ENVELOPE_BYTES),
            kind::ACKNOWLEDGE | kind::REJECT => Some(NUMBER_BYTES),
            kind::STOP | kind::PING => Some(0),
            _ => None,
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Configure(_) => kind::CONFIGURE,
            Self::Publish { .. } => kind::PUBLISH,
            Self::Acknowledge { .. } => kind::ACKNOWLEDGE,
            Self::Reject { .. } => kind::REJECT,
            Self::Stop => kind::STOP,
            Self::Ping => kind::PING,
        }
    }

    fn encode_payload(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Configure(configuration) => document(out, configuration)?,
            Self::Publish {
                id,
                routing_key,
                bytes,
            } => {
                let too_long = |_| EncodeError::RoutingKey {
                    bytes: routing_key.len(),
                };
                let length = u8::try_from(routing_key.len()).map_err(too_long)?;
                put(out, *id, &[length]);
                out.extend_from_slice(routing_key.as_bytes());
                out.extend_from_slice(bytes);
            }
            Self::Acknowledge { tag } | Self::Reject { tag } => put(out, *tag, &[]),
            Self::Stop | Self::Ping => {}
        }
        Ok(())
    }

    fn decode(kind: u8, payload: &[u8]) -> Result<Self, DecodeError> {
        let short = || DecodeError::Malformed { kind };
        Ok(match kind {
            kind::CONFIGURE => Self::Configure(parse(kind, payload)?),
            kind::PUBLISH => publish(payload).ok_or_else(short)?,
            kind::ACKNOWLEDGE => Self::Acknowledge {
                tag: only_number(payload).ok_or_else(short)?,
            },
            kind::REJECT => Self::Reject {
                tag: only_number(payload).ok_or_else(short)?,
            },
            kind::STOP if payload.is_empty() => Self::Stop,
            kind::PING if payload.is_empty() => Self::Ping,
            kind::STOP | kind::PING => return Err(short()),
            _ => return Err(DecodeError::UnknownKind { kind }),
        })
    }
}

fn put(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    out.reserve(NUMBER_BYTES + bytes.len());
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(bytes);
}

fn document(out: &mut Vec<u8>, value: &impl serde::Serialize) -> Result<(), EncodeError> {
    serde_json::to_writer(out, value).map_err(EncodeError::Document)
}

fn parse<T: serde::de::DeserializeOwned>(kind: u8, payload: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(payload).map_err(|source| DecodeError::Document { kind, source })
}

fn number(payload: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = payload.split_first_chunk::<NUMBER_BYTES>()?;
    Some((u64::from_le_bytes(*number), rest))
}

fn only_number(payload: &[u8]) -> Option<u64> {
    number(payload).and_then(|(number, rest)| rest.is_empty().then_some(number))
}

fn number_and_text(payload: &[u8]) -> Option<(u64, String)> {
    let (number, text) = number(payload)?;
    Some((number, std::str::from_utf8(text).ok()?.to_owned()))
}

fn publish(payload: &[u8]) -> Option<ToCourier> {
    let (id, rest) = number(payload)?;
    let (&length, rest) = rest.split_first()?;
    let (key, bytes) = rest.split_at_checked(usize::from(length))?;
    let routing_key = std::str::from_utf8(key).ok()?.to_owned();
    // The bound of the frame leaves room for the longest key; a shorter one does not buy a longer envelope.
    let fits = bytes.len() <= MAX_ENVELOPE_BYTES;
    fits.then(|| ToCourier::Publish {
        id,
        routing_key,
        bytes: bytes.to_vec(),
    })
}

/// Cuts a reason to [`MAX_REASON_BYTES`], visibly, at a character's border.
pub(crate) fn shorten(text: &str) -> std::borrow::Cow<'_, str> {
    const ELLIPSIS: &str = "…";
    if text.len() <= MAX_REASON_BYTES {
        return text.into();
    }
    let end = text.floor_char_boundary(MAX_REASON_BYTES - ELLIPSIS.len());
    format!("{}{ELLIPSIS}", &text[..end]).into()
}
