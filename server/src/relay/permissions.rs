//! What a role may touch on the broker, as RabbitMQ definitions. Generated, never written by hand.
//!
//! Source: RabbitMQ's access control: three regular expressions over names per user, and two over routing keys per topic exchange.

use gumshoe_protocol::{AgentId, relay};
use serde_json::{Value, json};

/// Definitions for a server's user: everything below `gumshoe.v1.`.
#[must_use]
pub fn server_definitions(user: &str) -> Value {
    let all = r"^gumshoe\.v1\..*";
    json!({
        "permissions": [{"user": user, "vhost": "/", "configure": all, "write": all, "read": all}],
        "topic_permissions": [],
    })
}

/// Definitions for an agent's user: its own queue, the actions that it may bind to, its own routing keys on the way back.
#[must_use]
pub fn agent_definitions(agent: &AgentId, user: &str) -> Value {
    let exactly = |names: &[String]| {
        let escaped: Vec<_> = names.iter().map(|name| name.replace('.', r"\.")).collect();
        format!("^({})$", escaped.join("|"))
    };
    let queue = relay::agent_queue(agent);
    let (actions, reports) = (relay::ACTIONS.to_owned(), relay::REPORTS.to_owned());
    let incoming = exactly(&[relay::ALL.to_owned(), relay::agent_key(agent)]);
    let outgoing = exactly(&[relay::report_key(agent), relay::heartbeat_key(agent)]);
    json!({
        "permissions": [{
            "user": user, "vhost": "/",
            "configure": exactly(std::slice::from_ref(&queue)),
            // Binding a queue writes to it and reads from the exchange.
            "write": exactly(&[queue.clone(), reports.clone()]),
            "read": exactly(&[queue, actions]),
        }],
        "topic_permissions": [
            {"user": user, "vhost": "/", "exchange": relay::ACTIONS, "write": "^$", "read": incoming},
            {"user": user, "vhost": "/", "exchange": reports, "write": outgoing, "read": "^$"},
        ],
    })
}
