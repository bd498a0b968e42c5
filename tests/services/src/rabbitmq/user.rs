//! Users and what they may do.

use serde_json::{Value, json};

/// A user of the broker, with permissions in the virtual host `/`: regular expressions over names.
#[derive(Clone, Debug)]
pub struct User {
    name: String,
    password: Option<String>,
    configure: String,
    write: String,
    read: String,
    topics: Vec<(String, String, String)>,
}

impl User {
    /// A user with a password and no permissions.
    #[must_use]
    pub fn new(name: &str, password: &str) -> Self {
        Self {
            password: Some(password.to_owned()),
            ..Self::external(name)
        }
    }

    /// A user without a password, who comes with a client certificate.
    #[must_use]
    pub fn external(name: &str) -> Self {
        let nothing = || "^$".to_owned();
        Self {
            name: name.to_owned(),
            password: None,
            configure: nothing(),
            write: nothing(),
            read: nothing(),
            topics: Vec::new(),
        }
    }

    /// Which names the user may configure, write and read.
    #[must_use]
    pub fn permissions(mut self, configure: &str, write: &str, read: &str) -> Self {
        (self.configure, self.write, self.read) = (configure.to_owned(), write.to_owned(), read.to_owned());
        self
    }

    /// Which routing keys the user may write to, and bind from, a topic exchange.
    #[must_use]
    pub fn topic(mut self, exchange: &str, write: &str, read: &str) -> Self {
        self.topics
            .push((exchange.to_owned(), write.to_owned(), read.to_owned()));
        self
    }

    fn permission(&self) -> Value {
        json!({"user": self.name, "vhost": "/", "configure": self.configure, "write": self.write, "read": self.read})
    }

    fn topic_permissions(&self) -> impl Iterator<Item = Value> {
        self.topics.iter().map(|(exchange, write, read)| {
            json!({"user": self.name, "vhost": "/", "exchange": exchange, "write": write, "read": read})
        })
    }

    fn account(&self) -> Value {
        match &self.password {
            Some(password) => json!({"name": self.name, "password": password, "tags": ""}),
            // An empty hash is a user whom no password lets in.
            None => json!({"name": self.name, "password_hash": "", "tags": ""}),
        }
    }
}

/// The definitions document that makes the users.
pub(super) fn definitions(users: &[User]) -> Value {
    json!({
        "users": users.iter().map(User::account).collect::<Vec<_>>(),
        "permissions": users.iter().map(User::permission).collect::<Vec<_>>(),
        "topic_permissions": users.iter().flat_map(User::topic_permissions).collect::<Vec<_>>(),
    })
}
