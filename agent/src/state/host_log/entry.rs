//! What a line says.

use super::PARAMS_BYTES;
use gumshoe_protocol::{ActionId, AgentId, ContentDigest, Operation, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// SHA-256 of the line before, without its newline; zeros in the very first line.
    pub previous: ContentDigest,
    /// Which line it is, from 1; rotation goes on counting.
    pub number: u64,
    /// When it was written.
    pub time: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The agent got an identity, or found itself to be a copy.
    Identity {
        /// Its identifier.
        agent: AgentId,
        /// The one it had before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<AgentId>,
    },
    /// Something was asked, and this is what was decided.
    Decision {
        /// The action, where it could be read that far.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        action: Option<ActionId>,
        /// What people call it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// SHA-256 of the payload, or of the message.
        digest: ContentDigest,
        /// Whose signatures are good, by name.
        signers: Vec<String>,
        /// `run`, `cancel`, `repeated`, `not-target` or `refused`.
        verdict: String,
        /// Why, where it is not run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The same in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// Which hosts it is for, where it is run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<String>,
        /// What is asked, where it is run.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        operations: Vec<Asked>,
    },
    /// Messages of one kind came in such numbers that these have no lines of their own.
    Counted {
        /// What was decided of each: as in `Decision`.
        verdict: String,
        /// Why, where it is the same for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// Whether they had good signatures.
        signed: bool,
        /// How many.
        count: u64,
        /// When the first of them came.
        since: Timestamp,
    },
    /// An operation ended.
    Operation {
        /// The action.
        action: ActionId,
        /// Which of its operations, from 0.
        index: u32,
        /// The module.
        module: String,
        /// How it ended: a report's status.
        status: String,
        /// How long it took.
        duration_ms: u64,
        /// How many findings there are.
        findings: u64,
        /// Whether everything in scope was looked at.
        complete: bool,
        /// Limits that were reached, and who set them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        limits: Vec<String>,
        /// Why it was not started.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refusal: Option<String>,
    },
    /// Every operation has been reported.
    Finished {
        /// The action.
        action: ActionId,
        /// Since it was accepted.
        duration_ms: u64,
    },
    /// The agent ended while it ran; it is not run again.
    Interrupted {
        /// The action.
        action: ActionId,
        /// Operations without a report.
        missing: Vec<u32>,
    },
    /// Something that concerns the log or the agent itself.
    Note {
        /// In words.
        message: String,
    },
}

/// One operation as it was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The module.
    pub module: String,
    /// Its parameters; null where they are longer than [`PARAMS_BYTES`].
    pub params: Value,
    /// Their length as JSON, and their SHA-256, where they are not here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params_bytes: Option<u64>,
    /// See `params_bytes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params_sha256: Option<ContentDigest>,
}

impl From<&Operation> for Asked {
    fn from(operation: &Operation) -> Self {
        let text = operation.params.to_string();
        let is_long = text.len() > PARAMS_BYTES;
        Self {
            module: operation.module.clone(),
            params: if is_long {
                Value::Null
            } else {
                operation.params.clone()
            },
            params_bytes: is_long.then_some(text.len() as u64),
            params_sha256: is_long.then(|| ContentDigest::of(text.as_bytes())),
        }
    }
}

impl Event {
    /// The action that it is about.
    #[must_use]
    pub fn action(&self) -> Option<&ActionId> {
        match self {
            Self::Decision { action, .. } => action.as_ref(),
            Self::Operation { action, .. }
            | Self::Finished { action, .. }
            | Self::Interrupted { action, .. } => Some(action),
            Self::Identity { .. } | Self::Counted { .. } | Self::Note { .. } => None,
        }
    }
}
