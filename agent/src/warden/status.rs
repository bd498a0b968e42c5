//! What `gumshoe-agent status` shows: a file that the daemon writes when something has changed.

use gumshoe_link::State as Link;
use gumshoe_protocol::heartbeat::SpoolState;
use gumshoe_protocol::{ActionId, AgentId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// Name of the file in the state folder.
pub const FILE: &str = "status.json";
/// How many decisions are shown.
const DECISIONS: usize = 10;
/// How often the file is written at most.
const PAUSE: Duration = Duration::from_millis(200);

/// How the daemon is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The daemon's process.
    pub pid: u32,
    /// When it started.
    pub since: Timestamp,
    /// Its version.
    pub version: String,
    /// Who it is.
    pub agent: AgentId,
    /// How it stands with the relay.
    pub relay: Link,
    /// The courier's process, if there is one.
    pub courier: Option<u32>,
    /// How often a courier had to be started again.
    pub courier_restarts: u64,
    /// Actions that run.
    pub running: Vec<Action>,
    /// How many actions wait for their turn.
    pub waiting: u64,
    /// Reports that wait for the relay.
    pub spool: SpoolState,
    /// When the relay was last sent a heartbeat.
    pub heartbeat: Option<Timestamp>,
    /// What was decided last, oldest first.
    pub decisions: VecDeque<Decided>,
    /// What this host cannot look at.
    pub blind_spots: Vec<String>,
    /// Why the configuration that lies on disk is not in force.
    pub configuration_problem: Option<String>,
}

/// An action that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Its identifier.
    pub action: ActionId,
    /// What people call it.
    pub name: String,
    /// Who asked.
    pub signers: Vec<String>,
    /// How many operations it has.
    pub operations: u32,
    /// How many of them have ended.
    pub done: u32,
    /// When it was accepted.
    pub accepted: Timestamp,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// When.
    pub time: Timestamp,
    /// About which action, where it could be read that far.
    pub action: Option<ActionId>,
    /// What people call it.
    pub name: Option<String>,
    /// Who signed it.
    pub signers: Vec<String>,
    /// `run`, `cancel`, `repeated`, `not-target` or `refused`, with the code.
    pub verdict: String,
}

/// The decisions to show.
#[derive(Debug, Default)]
pub struct Decisions(VecDeque<Decided>);

impl Decisions {
    /// Adds one; the oldest goes when there are too many.
    pub fn add(&mut self, decided: Decided) {
        self.0.push_back(decided);
        if self.0.len() > DECISIONS {
            self.0.pop_front();
        }
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn all(&self) -> &VecDeque<Decided> {
        &self.0
    }
}

/// Writes the file when something has changed, but not too often.
#[derive(Debug)]
pub struct Writer {
    is_stale: bool,
    next: Instant,
}

impl Writer {
    /// Nothing was written yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            is_stale: true,
            next: now,
        }
    }

    /// Something has changed.
    pub fn touch(&mut self) {
        self.is_stale = true;
    }

    /// When the file is to be written.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.is_stale.then_some(self.next)
    }

    /// Writes the file, if it is time to.
    ///
    /// # Errors
    ///
    /// The system call's error; the next change tries again.
    pub fn write(&mut self, folder: &Path, now: Instant, status: impl FnOnce() -> Status) -> io::Result<()> {
        if !self.is_stale || now < self.next {
            return Ok(());
        }
        self.is_stale = false;
        self.next = now + PAUSE;
        // Not synced: after power loss there is no daemon whose status it could be.
        let new = folder.join("status.json.new");
        std::fs::write(&new, serde_json::to_vec(&status())?)?;
        std::fs::rename(new, folder.join(FILE))
    }
}
