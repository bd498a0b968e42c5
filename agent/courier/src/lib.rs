//! The agent's network side: carries opaque bytes between the warden and the relay.
//!
//! The courier runs without rights and holds no decision. It is told everything in one message
//! ([`gumshoe_link::Configuration`]), reads no files but those of the system's resolver and trust store, and inherits no
//! other descriptor than the socket to the warden.
//!
//! * [`courier`]: the life of the process: connect, carry, pause, connect again.
//! * [`session`]: one connection: deliveries in, acknowledgements and publishes out, probes through the broker.
//! * [`relay`]: AMQP: logging in, the agent's queue and its bindings.
//! * [`network`]: names, sockets, proxy, TLS.
//! * [`metadata`]: what a cloud says about this instance, asked once.
//! * [`warden`]: the way to the warden.
//!
//! What is delivered is acknowledged when the warden says so, never before. What is published is confirmed to the
//! warden when the relay has confirmed it and routed it to a queue, never before. A connection that is there but does
//! nothing is noticed by a probe that goes through the broker to the agent's own queue.

pub mod backoff;
pub mod courier;
pub mod metadata;
pub mod network;
pub mod relay;
pub mod session;
pub mod warden;

mod memory;

use std::error::Error;

/// An error and its causes in one line.
#[must_use]
pub fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some libraries repeat their cause in their own text.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
