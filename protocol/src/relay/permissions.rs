//! What a role may do at the relay, as regular expressions over names (RabbitMQ, "Access Control").

use serde_json::{Value, json};

use super::{
    ACTIONS, ALL, EVENTS, EXPORT_QUEUE, HEARTBEATS_QUEUE, REPORTS, REPORTS_QUEUE, WEBHOOK_QUEUE, agent_key,
    agent_queue,
};
use super::{heartbeat_key, report_key};
use crate::ids::AgentId;

/// What nobody is called.
const NOTHING: &str = "^$";

/// What one user may do in one virtual host.
///
/// A topic permission narrows what the others give for its exchange: RabbitMQ asks for both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Queues and exchanges that the user may declare and delete.
    pub configure: String,
    /// Exchanges that the user may publish to, queues that the user may bind.
    pub write: String,
    /// Queues that the user may consume, exchanges that the user may bind queues to.
    pub read: String,
    /// Routing keys, by topic exchange.
    pub topics: Vec<TopicPermission>,
}

/// Which routing keys a user may use with a topic exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPermission {
    /// The exchange.
    pub exchange: &'static str,
    /// Keys to publish with.
    pub write: String,
    /// Keys to bind queues by.
    pub read: String,
}

/// What an agent may do: use its own queue, bind it to its own actions and to those for all, publish its own reports.
#[must_use]
pub fn agent_permissions(agent: &AgentId) -> Permissions {
    let queue = agent_queue(agent);
    Permissions {
        configure: any_of(&[&queue]),
        write: any_of(&[&queue, REPORTS]),
        read: any_of(&[&queue, ACTIONS]),
        topics: vec![
            TopicPermission {
                exchange: ACTIONS,
                write: NOTHING.to_owned(),
                read: any_of(&[ALL, &agent_key(agent)]),
            },
            TopicPermission {
                exchange: REPORTS,
                write: any_of(&[&report_key(agent), &heartbeat_key(agent)]),
                read: NOTHING.to_owned(),
            },
        ],
    }
}

/// What a server may do: make the exchanges and the queues that it reads, publish actions and events, read reports.
///
/// Agents' queues are none of its business: they are declared, bound and read by agents.
#[must_use]
pub fn server_permissions() -> Permissions {
    let queues = [REPORTS_QUEUE, HEARTBEATS_QUEUE, WEBHOOK_QUEUE, EXPORT_QUEUE];
    let with = |exchanges: &[&str]| any_of(&[exchanges, &queues].concat());
    let own = with(&[ACTIONS, REPORTS, EVENTS]);
    Permissions {
        configure: own.clone(),
        write: own,
        read: with(&[REPORTS, EVENTS]),
        topics: Vec::new(),
    }
}

impl Permissions {
    /// Lines for a shell that give a user, who exists, these permissions.
    ///
    /// `user` and `virtual_host` are quoted, whatever they are.
    #[must_use]
    pub fn rabbitmqctl(&self, user: &str, virtual_host: &str) -> String {
        let (user, host) = (quote(user), quote(virtual_host));
        let Self {
            configure,
            write,
            read,
            topics,
        } = self;
        let mut lines = format!(
            "rabbitmqctl set_permissions -p {host} {user} {} {} {}\n",
            quote(configure),
            quote(write),
            quote(read)
        );
        for TopicPermission {
            exchange,
            write,
            read,
        } in topics
        {
            let (write, read) = (quote(write), quote(read));
            lines.push_str(&format!(
                "rabbitmqctl set_topic_permissions -p {host} {user} {exchange} {write} {read}\n"
            ));
        }
        lines
    }

    /// A definitions document, as RabbitMQ imports it, with these permissions and no user.
    #[must_use]
    pub fn definitions(&self, user: &str, virtual_host: &str) -> Value {
        let Self {
            configure,
            write,
            read,
            topics,
        } = self;
        let topics = topics.iter().map(|TopicPermission { exchange, write, read }| {
            json!({"user": user, "vhost": virtual_host, "exchange": exchange, "write": write, "read": read})
        });
        json!({
            "permissions": [
                {"user": user, "vhost": virtual_host, "configure": configure, "write": write, "read": read}
            ],
            "topic_permissions": topics.collect::<Vec<_>>(),
        })
    }
}

/// A regular expression for exactly these names, which hold letters, digits and full stops.
fn any_of(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| name.replace('.', r"\.")).collect();
    format!("^({})$", names.join("|"))
}

/// Quotes for a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agents_permissions_name_itself_and_nobody_else() {
        let agent: AgentId = "0123456789abcdef0123456789abcdef".parse().unwrap();
        assert_eq!(
            agent_permissions(&agent).rabbitmqctl("it's", "/"),
            r"rabbitmqctl set_permissions -p '/' 'it'\''s' '^(gumshoe\.v1\.agent\.0123456789abcdef0123456789abcdef)$' '^(gumshoe\.v1\.agent\.0123456789abcdef0123456789abcdef|gumshoe\.v1\.reports)$' '^(gumshoe\.v1\.agent\.0123456789abcdef0123456789abcdef|gumshoe\.v1\.actions)$'
rabbitmqctl set_topic_permissions -p '/' 'it'\''s' gumshoe.v1.actions '^$' '^(all|agent\.0123456789abcdef0123456789abcdef)$'
rabbitmqctl set_topic_permissions -p '/' 'it'\''s' gumshoe.v1.reports '^(report\.0123456789abcdef0123456789abcdef|heartbeat\.0123456789abcdef0123456789abcdef)$' '^$'
"
        );
    }

    #[test]
    fn definitions_say_the_same() {
        let permissions = server_permissions();
        let definitions = permissions.definitions("server", "fleet");
        assert_eq!(definitions["permissions"][0]["configure"], permissions.configure);
        assert_eq!(definitions["permissions"][0]["vhost"], "fleet");
        assert_eq!(definitions["topic_permissions"], json!([]));
    }
}
