//! Actions that run, each in a thread of its own, and those that wait for their turn.

use super::event::Event;
use crate::config::Config;
use crate::exit::Sum;
use crate::obey::run::Manner;
use crate::obey::{self, Stop, Work};
use gumshoe_protocol::{ActionId, ContentDigest, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// How many bytes of actions may wait. What does not fit waits at the relay.
const WAITING_BYTES: usize = 64 << 20;
/// How many actions may wait.
const WAITING: usize = 1000;

/// An action that runs.
#[derive(Debug)]
pub struct Running {
    /// SHA-256 of its payload.
    pub digest: ContentDigest,
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
    /// What its reports come to.
    pub sum: Sum,
    stop: Stop,
}

/// All actions on this host.
#[derive(Debug, Default)]
pub struct Works {
    running: BTreeMap<ActionId, Running>,
    waiting: VecDeque<(Arc<Work>, usize)>,
    waiting_bytes: usize,
    /// Actions that were stopped before their turn.
    stopped: Vec<ActionId>,
}

impl Works {
    /// Whether there is room for another action that waits.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.waiting.len() < WAITING && self.waiting_bytes < WAITING_BYTES
    }

    /// Puts an action at the end of the line; `bytes` is how long its message is.
    pub fn add(&mut self, work: Box<Work>, bytes: usize) {
        self.waiting_bytes += bytes;
        self.waiting.push_back((Arc::from(work), bytes));
    }

    /// Starts what waits, as far as `at_once` allows.
    ///
    /// # Errors
    ///
    /// No thread could be made; the action keeps its turn.
    pub fn start(
        &mut self,
        config: &Arc<Config>,
        own: Option<u32>,
        events: &SyncSender<Event>,
    ) -> io::Result<()> {
        while self.running.len() < config.actions.at_once {
            let Some((work, bytes)) = self.waiting.pop_front() else {
                return Ok(());
            };
            let (id, entry) = (work.id, running(&work));
            if self.stopped.contains(&id) {
                entry.stop.stop();
            }
            let manner = Manner {
                parallel: config.actions.parallel,
                render: false,
                own,
            };
            let stop = entry.stop.clone();
            if let Err(error) = spawn(
                Arc::clone(&work),
                Arc::clone(config),
                manner,
                stop,
                events.clone(),
            ) {
                self.waiting.push_front((work, bytes));
                return Err(error);
            }
            self.waiting_bytes -= bytes;
            self.stopped.retain(|stopped| *stopped != id);
            self.running.insert(id, entry);
        }
        Ok(())
    }

    /// Stops an action, whether it runs or waits; says whether it is here.
    pub fn stop(&mut self, id: &ActionId) -> bool {
        if let Some(running) = self.running.get(id) {
            running.stop.stop();
            return true;
        }
        let waits = self.waiting.iter().any(|(work, _)| work.id == *id);
        if waits && !self.stopped.contains(id) {
            self.stopped.push(*id);
        }
        waits
    }

    /// Stops everything that runs, and forgets what waits: that is reported as interrupted at the next start.
    pub fn stop_all(&mut self) {
        self.running.values().for_each(|running| running.stop.stop());
        self.waiting.clear();
        self.waiting_bytes = 0;
    }

    /// An action that runs.
    pub fn running_mut(&mut self, id: &ActionId) -> Option<&mut Running> {
        self.running.get_mut(id)
    }

    /// Takes an action that has ended.
    pub fn take(&mut self, id: &ActionId) -> Option<Running> {
        self.running.remove(id)
    }

    /// The actions that run, by identifier.
    pub fn running(&self) -> impl Iterator<Item = (&ActionId, &Running)> {
        self.running.iter()
    }

    /// How many actions wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Operations that run or can run at any moment, and those that wait.
    #[must_use]
    pub fn operations(&self) -> (u64, u64) {
        let left = |running: &Running| u64::from(running.operations.saturating_sub(running.done));
        let waiting = self.waiting.iter().map(|(work, _)| work.operations.len() as u64);
        (self.running.values().map(left).sum(), waiting.sum())
    }

    /// Whether nothing runs and nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }

    /// Whether nothing runs.
    #[must_use]
    pub fn is_still(&self) -> bool {
        self.running.is_empty()
    }
}

fn running(work: &Work) -> Running {
    Running {
        digest: work.digest,
        name: work.name.clone(),
        signers: work.signers.clone(),
        operations: u32::try_from(work.operations.len()).unwrap_or(u32::MAX),
        done: 0,
        accepted: work.accepted,
        sum: Sum::default(),
        stop: Stop::default(),
    }
}

fn spawn(
    work: Arc<Work>,
    config: Arc<Config>,
    manner: Manner,
    stop: Stop,
    events: SyncSender<Event>,
) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("action".to_owned());
    let run = move || {
        let action = work.id;
        obey::run(&work, &config, manner, &stop, &|ended| {
            let ended = Box::new(ended);
            let _ = events.send(Event::Operation { action, ended }); // the warden ends
        });
        let _ = events.send(Event::ActionOver { action }); // the warden ends
    };
    thread.spawn(run).map(drop)
}
