//! AMQP: logging in, the agent's queue and its bindings, publishing.

mod connect;
mod publish;
mod topology;

pub use connect::{Connected, RelayError, Source, connect};
pub use publish::{Publication, PublishError, publish};
pub use topology::{TopologyError, look_at_queue};
