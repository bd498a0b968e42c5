//! The broker, as a server uses it: connections, what is declared, publishing with confirms, consuming in batches.
//!
//! A connection that is lost is replaced; what was not confirmed or not acknowledged is published or delivered again.

mod budget;
mod connect;
mod consume;
mod publish;
mod topology;
mod transport;

pub use connect::{Relay, RelayError};
pub use consume::{Handler, Message, Outcome, consume};
pub use publish::{Publication, PublishError, Publisher};
pub use topology::declare;
