//! What all threads share during one operation.

use crate::notes::Notes;
use crate::pace::Pace;
use crate::plan::{Plan, User};
use crate::shared::SharedFiles;
use gumshoe_plugin_api::Context;
use gumshoe_process::{Host, Process};
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Numbers about a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Processes that at least one search concerned.
    pub processes: u64,
    /// Processes of which memory was read.
    pub processes_read: u64,
    /// Bytes read from processes.
    pub process_bytes: u64,
    /// Bytes read from mapped files, each once for all processes.
    pub file_bytes: u64,
    /// Bytes that processes map of those files, and that were therefore not read from each of them.
    pub shared_bytes: u64,
    /// Bytes that may have been read back from swap.
    pub swapped_in_bytes: u64,
    /// Threads that were used.
    pub threads: u64,
}

/// One operation.
pub struct Engine<'e> {
    /// What to do.
    pub plan: &'e Plan,
    /// The way to the host.
    pub context: &'e Context,
    /// The host's processes.
    pub host: &'e Host,
    /// Mapped files, searched once.
    pub shared: SharedFiles,
    /// Bytes that may still be swapped in.
    pub swap_budget: AtomicU64,
    /// What it may read and how fast.
    pub pace: Pace,
}

impl Engine<'_> {
    /// Whether to end.
    pub fn is_stopped(&self) -> bool {
        self.pace.is_over() || self.context.stopped().is_some()
    }

    /// Whether `bytes` may be read now; waits for as long as the processor is not this operation's to use.
    pub fn may_read(&self, bytes: u64) -> bool {
        while !self.is_stopped() {
            let Some(pause) = self.pace.pause() else {
                return self.pace.take(bytes);
            };
            thread::sleep(pause);
        }
        false
    }

    /// Takes `bytes` from what may be swapped in, if that much is left.
    pub fn may_swap_in(&self, bytes: u64) -> bool {
        let take = |left: u64| left.checked_sub(bytes);
        self.swap_budget
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }

    /// The searches that `process` is in the scope of.
    pub fn concerning<'p>(&'p self, process: &'p Process) -> impl Iterator<Item = usize> + 'p {
        let searches = self.plan.searches.iter().enumerate();
        let concerned = searches.filter(|(_, search)| {
            (search.pids.is_empty() || search.pids.contains(&process.pid))
                && (search.users.is_empty()
                    || search.users.iter().any(|user| self.is_user(user, process.uid)))
        });
        concerned.map(|(index, _)| index)
    }

    /// Notes about `process`.
    pub fn notes<'n>(&'n self, process: &'n Process) -> Notes<'n> {
        Notes::of(self.context, process, self.plan.logs_failures())
    }

    fn is_user(&self, user: &User, uid: u32) -> bool {
        match user {
            User::Number(number) => *number == uid,
            User::Name(name) => self.host.users().of(uid) == Some(name),
        }
    }
}

impl Statistics {
    /// Adds what another thread did.
    pub fn add(&mut self, other: &Statistics) {
        self.processes += other.processes;
        self.processes_read += other.processes_read;
        self.process_bytes += other.process_bytes;
        self.file_bytes += other.file_bytes;
        self.shared_bytes += other.shared_bytes;
        self.swapped_in_bytes += other.swapped_in_bytes;
        self.threads += other.threads;
    }
}
