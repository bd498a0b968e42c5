//! Reports: each message once, with the bytes that its agent signed.

mod list;
mod storing;

pub use list::{ReportFilter, StoredReport};
pub use storing::ReportOutcome;

use gumshoe_plugin_api::{Report, Status};
use gumshoe_protocol::{ActionId, AgentId, Body, Envelope, HostReport, Timestamp};

/// A message of an agent about an action, whose signature has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReport {
    /// The action.
    pub action: ActionId,
    /// The agent.
    pub agent: AgentId,
    /// When it came.
    pub received: Timestamp,
    /// When it was written.
    pub sent: Timestamp,
    /// Its number among the agent's messages.
    pub sequence: u64,
    /// What it says, as far as it is counted.
    pub content: ReportContent,
    /// The payload, byte for byte.
    pub payload: Vec<u8>,
    /// The agent's signature over it.
    pub signature: Vec<u8>,
}

/// What a message says, as far as it is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportContent {
    /// The action runs.
    Started {
        /// How many operations it has.
        operations: u32,
    },
    /// One operation has ended.
    Operation(OperationContent),
    /// The action was not obeyed.
    Refused {
        /// Stable code.
        code: String,
    },
    /// The host is not meant.
    NotTarget {
        /// Stable code, where the target could not be evaluated.
        code: Option<String>,
    },
    /// The agent ended while the action ran.
    Interrupted,
    /// Every operation has been reported.
    Finished {
        /// How many there were.
        operations: u32,
        /// Whether one of them found something.
        found: bool,
        /// Whether all of them looked at everything.
        complete: bool,
    },
}

/// What the report of one operation says, as far as it is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationContent {
    /// Which one, from 0.
    pub index: u32,
    /// How many operations there are.
    pub of: u32,
    /// Name of the module.
    pub module: String,
    /// How it ended.
    pub status: Status,
    /// Whether something was found.
    pub found: bool,
    /// Whether everything was looked at.
    pub complete: bool,
    /// How many findings there are.
    pub findings: u64,
    /// Stable code, where it was not started.
    pub refusal: Option<String>,
}

impl NewReport {
    /// From a verified envelope and what it carries; `None` for messages that name no action, or are of a kind that this
    /// version does not know.
    #[must_use]
    pub fn new(envelope: &Envelope, report: &HostReport, received: Timestamp) -> Option<Self> {
        Some(Self {
            action: report.action?,
            agent: report.agent,
            received,
            sent: report.sent,
            sequence: report.sequence,
            content: ReportContent::new(&report.body)?,
            payload: envelope.payload.clone(),
            signature: envelope.signatures.first()?.signature.clone(),
        })
    }
}

impl ReportContent {
    /// What is counted of a message; `None` for kinds that this version does not know.
    #[must_use]
    pub fn new(body: &Body) -> Option<Self> {
        Some(match body {
            Body::Started { operations, .. } => Self::Started {
                operations: *operations,
            },
            Body::Operation { index, of, report } => Self::Operation(operation(*index, *of, report)),
            Body::Refused { code, .. } => Self::Refused { code: code.clone() },
            Body::NotTarget { code, .. } => Self::NotTarget { code: code.clone() },
            Body::Interrupted { .. } => Self::Interrupted,
            Body::Finished {
                operations,
                found,
                complete,
                ..
            } => Self::Finished {
                operations: *operations,
                found: *found,
                complete: *complete,
            },
            _ => return None,
        })
    }

    /// Its kind, as it is written.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Operation(_) => "operation",
            Self::Refused { .. } => "refused",
            Self::NotTarget { .. } => "not-target",
            Self::Interrupted => "interrupted",
            Self::Finished { .. } => "finished",
        }
    }

    /// Which of the messages of its kind it is: the index of an operation, 0 for others.
    #[must_use]
    pub fn part(&self) -> u32 {
        match self {
            Self::Operation(operation) => operation.index,
            _ => 0,
        }
    }
}

fn operation(index: u32, of: u32, report: &Report) -> OperationContent {
    OperationContent {
        index,
        of,
        module: report.module.clone(),
        status: report.status,
        found: report.found,
        complete: report.coverage.complete,
        findings: report.findings.len() as u64,
        refusal: report.refusal.as_ref().map(|refusal| refusal.code.clone()),
    }
}
