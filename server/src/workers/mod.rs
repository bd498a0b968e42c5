//! Workers: each takes the fleet's events, or the state of the fleet, and does one thing with it.

mod agents;
mod export;
mod webhook;

pub use agents::AgentWatch;
pub use export::Export;
pub use webhook::{Webhook, WebhookError};
