//! What an agent says about itself from time to time.

use crate::action::{ActionError, parse_payload, written};
use crate::facts::Facts;
use crate::ids::{AgentId, ContentDigest};
use crate::{PROTOCOL, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An agent's heartbeat, as it is signed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// Version of the protocol: 1.
    pub protocol: u32,
    /// Who speaks.
    pub agent: AgentId,
    /// The public report key: 32 bytes of Ed25519, in base64. Its digest is the identifier.
    pub public_key: String,
    /// Counts this agent's reports and heartbeats.
    pub sequence: u64,
    /// When this was written.
    pub sent: Timestamp,
    /// Why it was sent.
    pub reason: HeartbeatReason,
    /// About the host.
    pub facts: Facts,
    /// The modules on the host, enabled or not.
    pub modules: Vec<ModuleState>,
    /// What this host cannot look at, whatever is asked: missing rights, missing kernel features.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blind_spots: Vec<String>,
    /// Actions on this host.
    #[serde(default)]
    pub queue: QueueState,
    /// Reports that wait for the relay.
    #[serde(default)]
    pub spool: SpoolState,
    /// The identifier that this host had before it found itself to be a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_id: Option<AgentId>,
    /// Proof that the host was given the enrolment token: see [`crate::seal::enrolment_proof`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolment: Option<ContentDigest>,
    /// Seconds until the next one is due.
    pub interval_s: u64,
}

/// Why a heartbeat was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HeartbeatReason {
    /// The agent has started.
    Start,
    /// Something that a heartbeat tells has changed.
    Change,
    /// It was time.
    Interval,
    /// The agent is about to stop.
    Stop,
}

/// One module on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModuleState {
    /// Its name.
    pub name: String,
    /// Its version, where the plugin could be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// SHA-256 of the plugin file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<ContentDigest>,
    /// Whether the host's owner enabled it and its plugin was found acceptable.
    pub enabled: bool,
    /// Why it is not usable although it is enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Actions on a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueueState {
    /// Operations that run.
    pub running: u64,
    /// Operations that wait for their turn.
    pub waiting: u64,
}

/// Reports that wait for the relay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpoolState {
    /// How many.
    pub reports: u64,
    /// Their bytes on disk.
    pub bytes: u64,
    /// Reports that were dropped because there was no room, since the agent was installed.
    pub lost: u64,
}

impl Heartbeat {
    /// Reads a heartbeat from a payload.
    ///
    /// # Errors
    ///
    /// [`ActionError`].
    pub fn parse(payload: &[u8]) -> Result<Self, ActionError> {
        let heartbeat: Self = parse_payload(payload)?;
        if heartbeat.protocol != PROTOCOL {
            return Err(ActionError::Protocol {
                found: heartbeat.protocol,
            });
        }
        if !heartbeat.facts.is_bounded() {
            return Err(ActionError::Field {
                field: "facts".to_owned(),
                message: "are more, or longer, than facts can be".to_owned(),
            });
        }
        Ok(heartbeat)
    }

    /// The payload to sign.
    #[must_use]
    pub fn to_payload(&self) -> Vec<u8> {
        written(self)
    }
}
