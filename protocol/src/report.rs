//! What an agent answers: one message when it has decided, one per operation, one at the end.

use crate::action::{ActionError, parse_payload, written};
use crate::ids::{ActionId, AgentId, ContentDigest};
use crate::{PROTOCOL, Timestamp};
use gumshoe_plugin_api::Report;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One message of an agent about one action, as it is signed. `F` is how a finding is held.
///
/// Delivery is at least once: `(agent, action, kind, index)` says which message it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostReport<F = Value> {
    /// Version of the protocol: 1.
    pub protocol: u32,
    /// Which action it answers; absent where the envelope could not be read far enough to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    /// SHA-256 of the payload that it answers (of the whole message, where there is no payload in it).
    pub action_digest: ContentDigest,
    /// Who answers.
    pub agent: AgentId,
    /// The host's name, as it calls itself.
    pub hostname: String,
    /// When this was written.
    pub sent: Timestamp,
    /// Counts this agent's reports and heartbeats, so that a gap can be seen.
    pub sequence: u64,
    /// What it says.
    pub body: Body<F>,
}

/// What an agent says about an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Body<F = Value> {
    /// It was accepted and recorded, and runs.
    Started {
        /// Names of the investigators whose signatures count.
        signers: Vec<String>,
        /// How many operations there are.
        operations: u32,
    },
    /// What one operation found.
    Operation {
        /// Which one, from 0.
        index: u32,
        /// How many there are.
        of: u32,
        /// The operation's own report.
        report: Box<Report<F>>,
    },
    /// It was not obeyed.
    Refused {
        /// Stable code, see [`crate::refusal::codes`].
        code: String,
        /// What was wrong, where, and what to do.
        message: String,
    },
    /// This host is not meant.
    NotTarget {
        /// Stable code, where the target could not be evaluated here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// What went wrong then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// The agent ended while the action ran. It is not run again.
    Interrupted {
        /// Operations whose reports are missing, from 0.
        missing: Vec<u32>,
    },
    /// Every operation has been reported.
    Finished {
        /// When it was accepted.
        started: Timestamp,
        /// When the last operation ended.
        finished: Timestamp,
        /// How many operations there were.
        operations: u32,
        /// Whether one of them found something.
        found: bool,
        /// Whether all of them looked at everything in their scope.
        complete: bool,
    },
}

impl<F> HostReport<F> {
    /// A message about the action with this digest, written now.
    pub fn new(
        agent: AgentId,
        hostname: impl Into<String>,
        about: (Option<ActionId>, ContentDigest),
        sent: Timestamp,
        body: Body<F>,
    ) -> Self {
        Self {
            protocol: PROTOCOL,
            action: about.0,
            action_digest: about.1,
            agent,
            hostname: hostname.into(),
            sent,
            sequence: 0,
            body,
        }
    }
}

impl<F: Serialize> HostReport<F> {
    /// The payload to sign.
    #[must_use]
    pub fn to_payload(&self) -> Vec<u8> {
        written(self)
    }
}

impl HostReport {
    /// Reads a report from a payload.
    ///
    /// # Errors
    ///
    /// [`ActionError`].
    pub fn parse(payload: &[u8]) -> Result<Self, ActionError> {
        let report: Self = parse_payload(payload)?;
        if report.protocol != PROTOCOL {
            return Err(ActionError::Protocol {
                found: report.protocol,
            });
        }
        Ok(report)
    }
}

impl<F> Body<F> {
    /// The kind, as it is written.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Operation { .. } => "operation",
            Self::Refused { .. } => "refused",
            Self::NotTarget { .. } => "not-target",
            Self::Interrupted { .. } => "interrupted",
            Self::Finished { .. } => "finished",
        }
    }
}
