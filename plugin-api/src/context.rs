//! What a running operation uses to talk to the host.

use crate::{Limits, Operation, Skipped};
use gumshoe_plugin_abi::abi_stable::std_types::RSlice;
use gumshoe_plugin_abi::{Handle, HostRef, event, stop};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Whether to go on after a finding was emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an operation that ignores Stop works for nothing"]
pub enum Flow {
    /// Go on.
    Continue,
    /// No further finding is taken: end soon and tidily.
    Stop,
}

/// Why an operation should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// Somebody cancelled it.
    Cancelled,
    /// Its time is over.
    Deadline,
    /// It has as many findings, or bytes of findings, as it may return.
    Limit,
}

/// How important a log message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For module authors.
    Debug,
    /// Worth knowing.
    Info,
    /// Something is not as it should be.
    Warn,
}

/// A running operation's way to its host. May be shared among threads.
///
/// Findings stream out as they are emitted: what was emitted before a crash or a timeout is kept.
pub struct Context {
    host: HostRef,
    handle: Handle,
    operation: Operation,
    deadline: Instant,
    skipped: Mutex<BTreeMap<(String, String), Skipped>>,
}

impl Context {
    /// Connects to the host of the operation that `handle` stands for.
    pub(crate) fn new(host: HostRef, handle: Handle) -> Result<Self, serde_json::Error> {
        let operation: Operation = serde_json::from_slice(&host.operation()(handle))?;
        let deadline = Instant::now() + Duration::from_millis(operation.limits.timeout_ms);
        Ok(Self {
            host,
            handle,
            operation,
            deadline,
            skipped: Mutex::default(),
        })
    }

    /// Hands over one finding.
    pub fn emit(&self, finding: &impl Serialize) -> Flow {
        match serde_json::to_vec(finding) {
            Ok(bytes) => match self.host.emit()(self.handle, RSlice::from_slice(&bytes)) {
                stop::NO => Flow::Continue,
                _ => Flow::Stop,
            },
            Err(error) => {
                self.error(format_args!("a finding could not be written as JSON: {error}"));
                Flow::Continue
            }
        }
    }

    /// Whether the operation should end, and why. Cheap enough to ask between two files or buffers.
    #[must_use]
    pub fn stopped(&self) -> Option<Stop> {
        match self.host.stopped()(self.handle) {
            stop::NO => None,
            stop::CANCELLED => Some(Stop::Cancelled),
            stop::DEADLINE => Some(Stop::Deadline),
            _ => Some(Stop::Limit),
        }
    }

    /// Records something that was in scope and was not looked at. Entries of the same kind and
    /// reason are added up, so this may be called for every single file.
    pub fn skipped(&self, entry: Skipped) {
        let mut all = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (entry.what.clone(), entry.why.clone());
        let total = match all.entry(key) {
            std::collections::btree_map::Entry::Vacant(place) => place.insert(entry),
            std::collections::btree_map::Entry::Occupied(place) => {
                let total = place.into_mut();
                total.merge(entry);
                total
            }
        };
        // Totals go out at 1, 2, 4, 8 …, so that a crash loses little and a million files cost little.
        if total.count.is_power_of_two() {
            self.send(event::SKIPPED, total);
        }
    }

    /// Records something that went wrong without ending the operation.
    pub fn error(&self, message: impl Display) {
        self.send(event::ERROR, &message.to_string());
    }

    /// Writes to the agent's log.
    pub fn log(&self, level: Level, message: impl Display) {
        self.send(
            event::LOG,
            &json!({ "level": level, "message": message.to_string() }),
        );
    }

    /// Says how far the operation has come; `total` where it is known. A few times a second is enough.
    pub fn progress(&self, done: u64, total: Option<u64>, unit: &str) {
        self.send(
            event::PROGRESS,
            &json!({ "done": done, "total": total, "unit": unit }),
        );
    }

    /// The folder below which everything is read; `/` unless a test or an investigator says otherwise.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.operation.root
    }

    /// How far the operation may go.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.operation.limits
    }

    /// When the operation's time is over.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Processes of the agent itself, which a module should leave out.
    #[must_use]
    pub fn own_processes(&self) -> &[u32] {
        &self.operation.own_processes
    }

    /// The `[settings]` that the host's owner gave this module.
    ///
    /// # Errors
    ///
    /// When they do not fit `T`; the message names the key.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_value(self.operation.settings.clone())
    }

    /// Sends the final totals of everything that was skipped.
    pub(crate) fn finish(&self) {
        for total in self
            .skipped
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
        {
            self.send(event::SKIPPED, total);
        }
    }

    fn send(&self, kind: u32, message: &impl Serialize) {
        if let Ok(bytes) = serde_json::to_vec(message) {
            self.host.event()(self.handle, kind, RSlice::from_slice(&bytes));
        }
    }
}
