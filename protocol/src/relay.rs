//! Names on the relay: exchanges, queues, routing keys, and who may touch which.
//!
//! Every name carries the protocol's version, so that an incompatible release can live beside the one before it.

mod permissions;

use crate::ids::AgentId;
pub use permissions::{Permissions, TopicPermission, agent_permissions, server_permissions};

/// Where the scheduler publishes actions and agents' queues are bound.
pub const ACTIONS: &str = "gumshoe.v1.actions";
/// Where agents publish reports and heartbeats.
pub const REPORTS: &str = "gumshoe.v1.reports";
/// Where the scheduler publishes events for workers.
pub const EVENTS: &str = "gumshoe.v1.events";
/// What schedulers compete on for reports. Not called as the exchange is: RabbitMQ's permissions go by name, for exchanges and
/// queues alike, and agents may write to the exchange.
pub const REPORTS_QUEUE: &str = "gumshoe.v1.inbox.reports";
/// What schedulers compete on for heartbeats.
pub const HEARTBEATS_QUEUE: &str = "gumshoe.v1.inbox.heartbeats";
/// What workers compete on for the events that are posted.
pub const WEBHOOK_QUEUE: &str = "gumshoe.v1.worker.webhook";
/// What workers compete on for the events that are exported.
pub const EXPORT_QUEUE: &str = "gumshoe.v1.worker.export";
/// Routing key of an action for every agent.
pub const ALL: &str = "all";

/// An agent's own queue.
#[must_use]
pub fn agent_queue(agent: &AgentId) -> String {
    format!("gumshoe.v1.agent.{agent}")
}

/// Routing key of an action for one agent.
#[must_use]
pub fn agent_key(agent: &AgentId) -> String {
    format!("agent.{agent}")
}

/// Routing key of an agent's reports.
#[must_use]
pub fn report_key(agent: &AgentId) -> String {
    format!("report.{agent}")
}

/// Routing key of an agent's heartbeats.
#[must_use]
pub fn heartbeat_key(agent: &AgentId) -> String {
    format!("heartbeat.{agent}")
}
