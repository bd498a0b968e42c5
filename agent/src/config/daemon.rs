//! What the daemon reads in `agent.toml`: relay, actions, heartbeats, spool.

use super::{Bytes, ConfigError, Duration};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Where the courier's program lies unless `agent.toml` says otherwise.
pub const DEFAULT_COURIER: &str = if cfg!(target_os = "macos") {
    "/usr/local/lib/gumshoe/gumshoe-courier"
} else {
    "/usr/lib/gumshoe/gumshoe-courier"
};
/// How many operations, and how many actions, can be allowed to run at the same time.
const MAX_AT_ONCE: usize = gumshoe_protocol::bounds::OPERATIONS;

/// `[relay]`: where the relay is, and who this agent is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    /// Addresses, tried in this order: `amqps://host[:port][/virtual-host]`.
    pub urls: Vec<String>,
    /// File with the authorities (PEM) that sign the relays' certificates; the system's otherwise.
    pub ca: Option<PathBuf>,
    /// File with the agent's client certificate (PEM).
    pub certificate: Option<PathBuf>,
    /// File with that certificate's private key (PEM).
    pub key: Option<PathBuf>,
    /// User at the relay, where there is no client certificate.
    pub user: Option<String>,
    /// File with that user's password.
    pub password_file: Option<PathBuf>,
    /// HTTP proxy through which relays are reached: `host:port`.
    pub proxy: Option<String>,
    /// The user that the courier runs as, where the agent is root.
    #[serde(default = "default_run_as")]
    pub run_as: String,
    /// The courier's program.
    #[serde(default = "default_courier")]
    pub courier: PathBuf,
}

fn default_run_as() -> String {
    "gumshoe".to_owned()
}

fn default_courier() -> PathBuf {
    DEFAULT_COURIER.into()
}

/// `[actions]`: how much runs at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Actions {
    /// Operations of one action.
    pub parallel: usize,
    /// Actions. Each has its own share of operations, so that one that is slow holds up no other.
    pub at_once: usize,
}

impl Default for Actions {
    fn default() -> Self {
        Self {
            parallel: 4,
            at_once: 16,
        }
    }
}

/// `[heartbeat]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Heartbeat {
    /// How much time lies between two, give or take a tenth.
    pub interval: Duration,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self {
            interval: Duration::from_milliseconds(300_000),
        }
    }
}

/// `[enrolment]`: how the server comes to know this agent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Enrolment {
    /// File with the token that the fleet's owner gives to new hosts; without it somebody approves the agent by hand.
    pub token_file: Option<PathBuf>,
}

/// `[spool]`: reports that wait for the relay, on disk. Beyond either bound the oldest is dropped, and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spool {
    /// Their bytes together.
    pub bytes: Bytes,
    /// How many.
    pub reports: usize,
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            bytes: Bytes::from_count(256 << 20),
            reports: 20_000,
        }
    }
}

impl Relay {
    /// Checks what the types cannot; paths have to be absolute.
    pub(super) fn check(&self, file: &Path) -> Result<(), ConfigError> {
        let wrong = |key, message: &str| ConfigError::Value {
            path: file.to_owned(),
            key,
            message: message.to_owned(),
        };
        let paths = [
            ("relay.ca", self.ca.as_ref()),
            ("relay.certificate", self.certificate.as_ref()),
            ("relay.key", self.key.as_ref()),
            ("relay.password_file", self.password_file.as_ref()),
            ("relay.courier", Some(&self.courier)),
        ];
        for (key, path) in paths {
            if path.is_some_and(|path| !path.is_absolute()) {
                return Err(wrong(key, "must be an absolute path"));
            }
        }
        if self.urls.is_empty() {
            return Err(wrong("relay.urls", "names no relay"));
        }
        match (&self.certificate, &self.key, &self.user, &self.password_file) {
            (Some(_), Some(_), None, None) | (None, None, Some(_), Some(_)) => Ok(()),
            _ => Err(wrong(
                "relay",
                "needs either `certificate` and `key`, or `user` and `password_file`",
            )),
        }
    }
}

impl Actions {
    pub(super) fn check(&self, file: &Path) -> Result<(), ConfigError> {
        for (key, value) in [
            ("actions.parallel", self.parallel),
            ("actions.at_once", self.at_once),
        ] {
            if !(1..=MAX_AT_ONCE).contains(&value) {
                return Err(ConfigError::Value {
                    path: file.to_owned(),
                    key,
                    message: format!("must be between 1 and {MAX_AT_ONCE}, not {value}"),
                });
            }
        }
        Ok(())
    }
}
