//! Messages between warden and courier.
//!
//! The warden is root and makes the decisions; the courier speaks to the network and may be taken over. They share a
//! Unix stream socket, on which each sends frames: length (`u32`, little-endian, of what follows the kind), kind
//! (`u8`), payload. [`ToWarden`] and [`ToCourier`] are the two vocabularies.
//!
//! * Each kind has a bound of its own, checked as soon as the five bytes of the header are there: nothing is allocated
//!   for a length that somebody merely claims.
//! * An unknown kind, a payload that is too long, too short or ill-formed is an error after which the stream is of no
//!   use any more: the warden ends the courier and starts another.
//! * Secrets travel in [`Configuration`], once: the courier reads no files of the agent's.
//!
//! [`Decoder`] and [`Message::encode`] are pure. [`blocking`] and, with the feature `tokio`, `asynchronous` move the
//! bytes.

mod configuration;
mod decode;
mod message;
mod relay;
mod state;

pub mod blocking;

#[cfg(feature = "tokio")]
pub mod asynchronous;

pub use configuration::{
    Configuration, ConfigurationError, Login, MetadataService, Proxy, QueueLimits, Secret, Timing, Topology,
    Trust,
};
pub use decode::{DecodeError, Decoder};
pub use message::{EncodeError, Message, ToCourier, ToWarden};
pub use relay::{Relay, RelayError, Transport};
pub use state::{Phase, State};

/// Largest envelope that crosses the link, in bytes: 16 MiB, the bound of an envelope, and slack for its frame.
pub const MAX_ENVELOPE_BYTES: usize = (16 << 20) + (64 << 10);
/// Most publishes that may wait for their confirmation; the courier refuses more with [`ToWarden::Failed`].
pub const MAX_IN_FLIGHT: usize = 16;
/// Most bytes that may wait for their confirmation, in bytes; one publish is always accepted.
pub const MAX_IN_FLIGHT_BYTES: usize = 32 << 20;
/// Longest reason in a message, in bytes; longer ones are cut with an ellipsis.
pub const MAX_REASON_BYTES: usize = 1024;
/// Longest routing key, in bytes: AMQP 0-9-1's short string.
pub const MAX_ROUTING_KEY_BYTES: usize = 255;
