//! How it stands with the relay.

use serde::{Deserialize, Serialize};

/// Whether there is a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The queue is consumed, reports can be published.
    Connected,
    /// A relay is being tried.
    Connecting,
    /// No relay could be reached; the next attempt comes after a pause.
    Disconnected,
}

/// How it stands with the relay, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Whether there is a connection.
    pub phase: Phase,
    /// The relay that this is about, as a URL without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    /// When this began, in milliseconds since 1970 UTC.
    pub since_unix_ms: u64,
    /// Why the last connection ended or could not be made, or what is wrong with the present one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
