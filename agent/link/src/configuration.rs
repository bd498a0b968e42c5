//! What the courier has to know.

use std::{fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};

use crate::Relay;

/// Most relays in a configuration.
const MAX_RELAYS: usize = 16;
/// Longest name at the relay, in bytes: AMQP 0-9-1's short string.
const MAX_NAME_BYTES: usize = 255;
/// Longest time that RabbitMQ takes for a message's or a queue's life, in milliseconds (`MAX_EXPIRY_TIMER`).
const MAX_LIFE_MS: u64 = u32::MAX as u64;

/// Everything that the courier has to know; it reads no files of the agent's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Relays, in the order in which they are tried: 1 to 16.
    pub relays: Vec<Relay>,
    /// How the agent shows the relay who it is.
    pub login: Login,
    /// Whose certificates the relays have.
    #[serde(default)]
    pub trust: Trust,
    /// The HTTP proxy through which relays are reached.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// Names at the relay.
    pub topology: Topology,
    /// Limits of the agent's queue.
    #[serde(default)]
    pub queue: QueueLimits,
    /// How long things may take.
    #[serde(default)]
    pub timing: Timing,
    /// Most deliveries that wait for the warden's word: 1 to 256.
    #[serde(default = "default_prefetch")]
    pub prefetch: u16,
    /// A cloud's metadata service, to be asked once: what it says comes back as [`crate::ToWarden::Metadata`].
    #[serde(default)]
    pub metadata: Option<MetadataService>,
    /// Check-in mode: say [`crate::ToWarden::Drained`] when the queue is empty.
    #[serde(default)]
    pub once: bool,
}

/// Where a cloud's instances learn about themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetadataService {
    /// The cloud, as the fact `cloud.provider` names it.
    pub provider: String,
    /// The service's address; link-local, except in tests.
    pub address: SocketAddr,
}

fn default_prefetch() -> u16 {
    4
}

impl Configuration {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    ///
    /// The first [`ConfigurationError`].
    pub fn check(&self) -> Result<(), ConfigurationError> {
        if self.relays.is_empty() || self.relays.len() > MAX_RELAYS {
            return Err(ConfigurationError::Relays {
                count: self.relays.len(),
            });
        }
        if !(1..=256).contains(&self.prefetch) {
            return Err(ConfigurationError::Prefetch {
                prefetch: self.prefetch,
            });
        }
        for (name, value) in [
            ("message_ttl_ms", self.queue.message_ttl_ms),
            ("expires_ms", self.queue.expires_ms),
        ] {
            if value > MAX_LIFE_MS {
                return Err(ConfigurationError::Life { name, value });
            }
        }
        let timing = &self.timing;
        for (name, value) in [
            ("expires_ms", self.queue.expires_ms),
            ("connect_ms", timing.connect_ms),
            ("confirm_ms", timing.confirm_ms),
            ("probe_interval_ms", timing.probe_interval_ms),
            ("probe_timeout_ms", timing.probe_timeout_ms),
            ("backoff_first_ms", timing.backoff_first_ms),
            ("backoff_most_ms", timing.backoff_most_ms),
        ] {
            if value == 0 {
                return Err(ConfigurationError::Zero { name });
            }
        }
        Ok(())
    }
}

/// What is wrong with a configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// No relay, or too many.
    #[error("{count} relays are configured; 1 to {MAX_RELAYS} are allowed")]
    Relays {
        /// How many there are.
        count: usize,
    },
    /// The prefetch is out of range.
    #[error("a prefetch of {prefetch}; 1 to 256 is allowed")]
    Prefetch {
        /// The number.
        prefetch: u16,
    },
    /// A name is longer than AMQP allows.
    #[error("a name at the relay has {bytes} bytes; at most {MAX_NAME_BYTES} are allowed")]
    Name {
        /// Its length.
        bytes: usize,
    },
    /// A message or a queue would live longer than the relay can count.
    #[error("`{name}` is {value}; at most {MAX_LIFE_MS} is allowed, 49 days")]
    Life {
        /// Its name.
        name: &'static str,
        /// The number.
        value: u64,
    },
    /// A time is zero.
    #[error("`{name}` is 0")]
    Zero {
        /// Its name.
        name: &'static str,
    },
}

/// How the agent shows the relay who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Login {
    /// User and password (mechanism PLAIN).
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A client certificate (mechanism EXTERNAL); only with TLS.
    Certificate {
        /// The certificate, and those between it and the authority: PEM.
        chain: String,
        /// Its private key: PEM.
        key: Secret,
    },
}

/// Whose certificates the relays have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// The authorities, PEM; nobody else is trusted then. Without it, those that the system trusts.
    #[serde(default)]
    pub authorities: Option<String>,
    /// The name in the relay's certificate, where it is not the host of its address.
    #[serde(default)]
    pub server_name: Option<String>,
}

/// An HTTP proxy that understands `CONNECT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User, for basic authentication.
    #[serde(default)]
    pub user: Option<String>,
    /// Password, for basic authentication.
    #[serde(default)]
    pub password: Option<Secret>,
}

/// Names at the relay; the warden has them from the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The agent's own queue, which the courier declares.
    pub queue: String,
    /// The exchange with the actions, to which the queue is bound; the server declares it.
    pub actions: String,
    /// The routing keys by which it is bound.
    pub bindings: Vec<String>,
    /// The exchange for reports and heartbeats; the server declares it.
    pub reports: String,
}

/// Limits of the agent's queue; what passes them is dropped by the relay, the oldest message first.
///
/// Not the newest, with a refusal for the publisher (`reject-publish`): an action for all agents is one publish, and one
/// host that is off with a full queue would make the relay refuse it for the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueLimits {
    /// Most messages.
    pub messages: u32,
    /// Most bytes of messages.
    pub bytes: u64,
    /// How long a message waits, in milliseconds.
    pub message_ttl_ms: u64,
    /// How long the queue lives without a consumer, in milliseconds.
    pub expires_ms: u64,
}

/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

impl Default for QueueLimits {
    /// 10,000 messages, 256 MiB, 14 days; 45 days without a consumer.
    fn default() -> Self {
        Self {
            messages: 10_000,
            bytes: 256 << 20,
            message_ttl_ms: 14 * DAY_MS,
            expires_ms: 45 * DAY_MS,
        }
    }
}

/// How long things may take, in milliseconds unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    /// One relay, from the name to the consumed queue.
    pub connect_ms: u64,
    /// From publishing to the relay's confirmation.
    pub confirm_ms: u64,
    /// Between two probes through the relay.
    pub probe_interval_ms: u64,
    /// From a probe to its answer; a connection that takes longer is replaced.
    pub probe_timeout_ms: u64,
    /// The pause after the first failure; it doubles with each further one.
    pub backoff_first_ms: u64,
    /// The longest pause.
    pub backoff_most_ms: u64,
    /// A connection that lasted this long starts the pauses anew.
    pub stable_ms: u64,
    /// AMQP heartbeats, in seconds; 0 for none.
    pub heartbeat_s: u16,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect_ms: 30_000,
            confirm_ms: 30_000,
            probe_interval_ms: 60_000,
            probe_timeout_ms: 20_000,
            backoff_first_ms: 1_000,
            backoff_most_ms: 60_000,
            stable_ms: 60_000,
            heartbeat_s: 60,
        }
    }
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoder, Message as _, ToCourier};

    fn configuration() -> Configuration {
        let json = r#"{
            "relays": ["amqps://relay"],
            "login": {"password": {"user": "agent", "password": "hidden"}},
            "topology": {"queue": "q", "actions": "a", "bindings": ["all"], "reports": "r"}
        }"#;
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_configuration_crosses_the_link() {
        let message = ToCourier::Configure(Box::new(configuration()));
        let mut stream = Vec::new();
        message.encode(&mut stream).unwrap();
        let mut decoder = Decoder::new();
        decoder.extend(&stream);
        assert_eq!(decoder.message().unwrap(), Some(message));
    }

    #[test]
    fn secrets_are_not_shown() {
        assert!(!format!("{:?}", configuration()).contains("hidden"));
    }

    #[test]
    fn what_types_cannot_say_is_checked() {
        let good = configuration();
        assert_eq!(good.check(), Ok(()));
        let bad = Configuration {
            relays: Vec::new(),
            ..good.clone()
        };
        assert_eq!(bad.check(), Err(ConfigurationError::Relays { count: 0 }));
        let bad = Configuration {
            prefetch: 0,
            ..good.clone()
        };
        assert_eq!(bad.check(), Err(ConfigurationError::Prefetch { prefetch: 0 }));
        let bad = Configuration {
            timing: Timing {
                confirm_ms: 0,
                ..Timing::default()
            },
            ..good
        };
        assert_eq!(bad.check(), Err(ConfigurationError::Zero { name: "confirm_ms" }));
    }
}
