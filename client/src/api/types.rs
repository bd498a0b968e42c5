//! What the server answers. Fields that this version does not know are passed over: a newer server may tell more.

use gumshoe_protocol::{ActionId, AgentId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One page of a list.
#[derive(Debug, Clone, Deserialize)]
pub struct Page<T> {
    /// Its entries.
    pub items: Vec<T>,
    /// What to ask the next page with; absent after the last.
    #[serde(default)]
    pub next: Option<String>,
}

/// What a target means for the fleet as it is now.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Preview {
    /// Agents that take part.
    pub approved: u64,
    /// Those that are meant.
    pub targeted: u64,
    /// Those of them whose heartbeats come in time.
    pub online: u64,
    /// Those whose facts the target cannot be evaluated over.
    pub failed: u64,
    /// Some of those that are meant.
    pub sample: Vec<PreviewHost>,
    /// Some of those that could not be evaluated.
    pub failures: Vec<PreviewFailure>,
}

/// A host that is meant.
#[derive(Debug, Clone, Deserialize)]
pub struct PreviewHost {
    /// Its name, as it calls itself.
    pub hostname: String,
    /// Whether its heartbeats come in time.
    pub online: bool,
}

/// A host whose facts the target cannot be evaluated over.
#[derive(Debug, Clone, Deserialize)]
pub struct PreviewFailure {
    /// Its name, as it calls itself.
    pub hostname: String,
    /// Why.
    pub reason: String,
}

/// How an action is to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SendOptions {
    /// So many hosts first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_hosts: Option<u32>,
    /// So large a share of the hosts first, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_percent: Option<u8>,
    /// At most so many hosts per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts_per_second: Option<u32>,
    /// At most so many hosts at work at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts_at_once: Option<u32>,
    /// Share of failing hosts, in percent, at which nothing more is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_percent: Option<u8>,
}

/// An action, as lists show it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Action {
    /// Its identifier.
    pub id: ActionId,
    /// What people call it.
    pub name: String,
    /// Which hosts it is for.
    pub target: String,
    /// Modules that it asks.
    pub modules: Vec<String>,
    /// Begin of its window.
    pub not_before: Timestamp,
    /// End of its window.
    pub expires: Timestamp,
    /// `queued`, `canary`, `running`, `stopped`, `cancelled`, `expired`, `done`.
    pub state: String,
    /// Why it is in this state, where that needs saying.
    #[serde(default)]
    pub note: String,
    /// When it was accepted.
    pub created: Timestamp,
}

/// Who signed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Signer {
    /// Name, from the server's policy.
    pub name: String,
    /// Fingerprint of the key.
    pub fingerprint: String,
}

/// An action with its signers and counters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ActionDetails {
    /// The action.
    #[serde(flatten)]
    pub action: Action,
    /// Who signed.
    #[serde(default)]
    pub signers: Vec<Signer>,
    /// How many hosts are how far.
    pub counters: Counters,
}

/// How many hosts are how far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Hosts that were selected by the target.
    pub targeted: u64,
    /// Hosts that were not selected and were sent the action all the same.
    pub unselected: u64,
    /// Selected hosts that it was sent to: the relay has confirmed that it keeps it for them.
    pub sent: u64,
    /// Hosts that it was delivered to: they have said something about it; unselected ones are among them.
    pub delivered: u64,
    /// Hosts that have not been heard of.
    pub waiting: u64,
    /// Hosts that run it.
    pub running: u64,
    /// Hosts that have reported every operation.
    pub answered: u64,
    /// Hosts where something was found.
    pub found: u64,
    /// Hosts that looked at everything and found nothing.
    pub nothing: u64,
    /// Hosts that found nothing and did not look at everything.
    pub incomplete: u64,
    /// Hosts that found nothing and where an operation failed.
    pub failed: u64,
    /// Hosts that did not obey.
    pub refused: u64,
    /// These, by code.
    pub refused_by_code: BTreeMap<String, u64>,
    /// Hosts that found that they are not meant.
    pub not_target: u64,
    /// Hosts whose agent ended while the action ran.
    pub interrupted: u64,
    /// Hosts that began and did not finish in the window.
    pub timed_out: u64,
    /// Hosts that were there and did not begin in the window.
    pub expired: u64,
    /// Hosts that were not there in the whole window.
    pub never_reached: u64,
    /// Findings of all hosts.
    pub findings: u64,
    /// Whether no host is waited for any more.
    pub settled: bool,
}

impl Counters {
    /// Hosts that were meant and have not reported every operation.
    #[must_use]
    pub fn silent(&self) -> u64 {
        self.waiting
            + self.running
            + self.refused
            + self.interrupted
            + self.timed_out
            + self.expired
            + self.never_reached
    }
}

/// One host of an action.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    /// The agent.
    pub agent: AgentId,
    /// Its host's name.
    pub hostname: String,
    /// How far it is.
    pub state: String,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Stable code of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// How far an action is.
#[derive(Debug, Clone, Deserialize)]
pub struct Progress {
    /// The action's state; absent when it is gone.
    #[serde(default)]
    pub state: Option<String>,
    /// How many hosts are how far.
    pub counters: Counters,
}

/// One message of a host.
#[derive(Debug, Clone, Deserialize)]
pub struct ResultMessage {
    /// Its place among the results of its action.
    pub ordinal: i64,
    /// The agent.
    pub agent: AgentId,
    /// Its host's name.
    #[serde(default)]
    pub hostname: Option<String>,
    /// `started`, `operation`, `refused`, `not-target`, `interrupted`, `finished`.
    pub kind: String,
    /// The operation, from 0.
    #[serde(default)]
    pub operation: u32,
    /// When it came.
    pub received: Timestamp,
    /// The module, of an operation.
    #[serde(default)]
    pub module: Option<String>,
    /// How the operation ended.
    #[serde(default)]
    pub status: Option<String>,
    /// Whether something was found.
    #[serde(default)]
    pub found: bool,
    /// Whether everything was looked at.
    #[serde(default)]
    pub complete: bool,
    /// What the agent signed: the report's `body`.
    #[serde(default)]
    pub body: Option<Value>,
}

impl ResultMessage {
    /// The host's name, or the agent's identifier where it is not known.
    #[must_use]
    pub fn host(&self) -> String {
        self.hostname.clone().unwrap_or_else(|| self.agent.to_string())
    }
}

/// An agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Agent {
    /// Its identifier.
    pub id: AgentId,
    /// Its host's name.
    pub hostname: String,
    /// `pending`, `approved`, `rejected`, `retired`.
    pub state: String,
    /// Whether its heartbeats come in time.
    pub online: bool,
    /// Its version.
    pub agent_version: String,
    /// When its last heartbeat came.
    pub last_seen: Timestamp,
    /// What operators wrote about it.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What it said about its host.
    #[serde(default)]
    pub facts: Value,
    /// What it can never look at.
    #[serde(default)]
    pub blind_spots: Vec<String>,
    /// Why it is thought that two hosts share this identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<Value>,
    /// Whatever else the server tells.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

/// What is to be signed to log in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Challenge {
    /// The server that asks.
    pub origin: String,
    /// Valid once.
    pub nonce: String,
    /// Until when.
    pub expires: Timestamp,
}

/// What a login gives. Has no `Debug`: the token is a secret.
#[derive(Clone, Deserialize)]
pub struct Session {
    /// The token.
    pub token: String,
    /// Who logged in.
    pub name: String,
    /// What the token may do.
    pub role: String,
    /// Until when it is valid.
    pub expires: Timestamp,
}

/// Whose token is used.
#[derive(Debug, Clone, Deserialize)]
pub struct WhoAmI {
    /// The token's name.
    pub name: String,
    /// Whose it is.
    pub subject: String,
    /// What it may do.
    pub role: String,
    /// Until when it is valid.
    pub expires: Timestamp,
}

/// A token in a list.
#[derive(Debug, Clone, Deserialize)]
pub struct Token {
    /// Its identifier.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: String,
    /// Until when it is valid.
    pub expires: Timestamp,
    /// When it was ended.
    #[serde(default)]
    pub revoked: Option<Timestamp>,
}

/// A token that was made. Has no `Debug`: the token is a secret.
#[derive(Clone, Deserialize)]
pub struct TokenMade {
    /// Its text.
    pub token: String,
    /// Until when it is valid.
    pub expires: Timestamp,
}
