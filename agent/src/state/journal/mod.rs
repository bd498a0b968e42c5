//! The seen-set: which actions were accepted, so that each runs once, whatever happens in between.
//!
//! An append-only file of checksummed lines ([`record`]). A record is on disk before a runner starts.
//! A crash in the middle of an append leaves a line without its newline: that record never counted, so it is
//! cut off. Anything else that is wrong is damage: the agent refuses to start rather than forget.

mod load;
pub mod record;

pub use load::LoadError;
pub use record::Entry;

use super::durable::{self, AppendError, Appender, Sync};
use gumshoe_protocol::{ActionId, ContentDigest, Timestamp};
use record::{Record, VERSION, line};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

/// How many actions are remembered at once. Beyond it new ones are refused.
pub const MAX_ENTRIES: usize = 100_000;
/// How much is appended before it is worth writing the journal anew.
const COMPACT_BYTES: u64 = 1 << 20;

/// Why an action was not recorded; it must not run then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// There are too many whose windows are still open.
    #[error("the journal holds {MAX_ENTRIES} actions whose windows are still open")]
    Full,
    /// The disk.
    #[error("the journal cannot be written")]
    Append(#[from] AppendError),
    /// The journal could not be written anew.
    #[error("the journal cannot be compacted")]
    Compact(#[source] io::Error),
}

impl RecordError {
    /// A stable code to search for.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Full => "journal-full",
            Self::Append(_) | Self::Compact(_) => "not-recorded",
        }
    }
}

/// The journal, open.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Appender,
    known: Known,
    /// Length of the file when it was last written anew.
    base: u64,
}

/// What the journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// By identifier.
    pub entries: HashMap<ActionId, Entry>,
    /// Actions that are not to be run, and until when that is remembered.
    pub cancelled: HashMap<ActionId, Timestamp>,
    /// See [`Journal::horizon`].
    pub horizon: Timestamp,
    /// See [`Journal::floor`].
    pub floor: Timestamp,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            cancelled: HashMap::new(),
            horizon: Timestamp::UNIX_EPOCH,
            floor: Timestamp::UNIX_EPOCH,
        }
    }
}

impl Known {
    /// Takes one record in. Records about actions that are not known are without effect.
    fn apply(&mut self, record: Record) {
        match record {
            Record::Journal { horizon, floor, .. } => {
                self.horizon = self.horizon.max(horizon);
                self.floor = self.floor.max(floor);
            }
            Record::Accepted(entry) => {
                self.floor = self.floor.max(entry.not_before);
                self.entries.insert(entry.id, entry);
            }
            Record::Done { id, index } => {
                if let Some(entry) = self.entries.get_mut(&id) {
                    entry.mark(index);
                }
            }
            Record::Ended { id } => {
                if let Some(entry) = self.entries.get_mut(&id) {
                    entry.ended = true;
                }
            }
            Record::Cancelled { id, record_until } => drop(self.cancelled.insert(id, record_until)),
        }
    }

    /// Forgets what has ended and need not be remembered any longer; returns how many that were.
    fn prune(&mut self, now: Timestamp) -> usize {
        let before = self.entries.len() + self.cancelled.len();
        let horizon = &mut self.horizon;
        self.entries.retain(|_, entry| {
            let keep = !entry.ended || now <= entry.record_until;
            if !keep {
                *horizon = (*horizon).max(entry.expires);
            }
            keep
        });
        self.cancelled.retain(|_, until| now <= *until);
        before - self.entries.len() - self.cancelled.len()
    }

    /// As a file.
    fn to_text(&self) -> String {
        let head = Record::Journal {
            version: VERSION,
            horizon: self.horizon,
            floor: self.floor,
        };
        let entries = self.entries.values().cloned().map(Record::Accepted);
        let cancelled = self.cancelled.iter().map(|(id, until)| Record::Cancelled {
            id: *id,
            record_until: *until,
        });
        let mut text = line(&head);
        entries
            .chain(cancelled)
            .for_each(|record| text.push_str(&line(&record)));
        text
    }
}

impl Journal {
    /// Opens the journal of a state folder, cutting off a torn last record; the second value says how many
    /// bytes that were.
    ///
    /// `is_first_start` says that this agent has never accepted anything: then the journal may be absent. An
    /// empty file is the owner's word that what was remembered may be forgotten.
    ///
    /// # Errors
    ///
    /// [`LoadError`]; a damaged or missing journal is never taken for an empty one.
    pub fn open(folder: &Path, is_first_start: bool) -> Result<(Self, u64), LoadError> {
        let path = folder.join("journal");
        let loaded = load::load(&path, is_first_start)?;
        let failed = |source| LoadError::Read {
            path: path.clone(),
            source,
        };
        if loaded.is_new {
            let text = loaded.known.to_text();
            durable::replace(&path, text.as_bytes()).map_err(failed)?;
            let file = Appender::open(&path, text.len() as u64).map_err(failed)?;
            let base = file.length();
            return Ok((
                Self {
                    file,
                    known: loaded.known,
                    base,
                    path,
                },
                loaded.torn,
            ));
        }
        let file = Appender::open(&path, loaded.length).map_err(failed)?;
        Ok((
            Self {
                file,
                known: loaded.known,
                base: 0,
                path,
            },
            loaded.torn,
        ))
    }

    /// What it says.
    #[must_use]
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// What is known about an action.
    #[must_use]
    pub fn entry(&self, id: &ActionId) -> Option<&Entry> {
        self.known.entries.get(id)
    }

    /// The content under which an action was accepted.
    #[must_use]
    pub fn digest(&self, id: &ActionId) -> Option<ContentDigest> {
        self.entry(id).map(|entry| entry.digest)
    }

    /// The latest `expires` among actions that were forgotten: anything that expires until then could
    /// have run already.
    #[must_use]
    pub fn horizon(&self) -> Timestamp {
        self.known.horizon
    }

    /// The latest `not_before` of an accepted action: signed evidence that it is at least that late.
    #[must_use]
    pub fn floor(&self) -> Timestamp {
        self.known.floor
    }

    /// Whether an action is not to be run because it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self, id: &ActionId) -> bool {
        self.known.cancelled.contains_key(id)
    }

    /// Actions that were accepted and have not come to their end, oldest first.
    #[must_use]
    pub fn unfinished(&self) -> Vec<Entry> {
        let mut list: Vec<Entry> = self
            .known
            .entries
            .values()
            .filter(|e| !e.ended)
            .cloned()
            .collect();
        list.sort_by_key(|entry| (entry.accepted, entry.id));
        list
    }

    /// Records that an action was accepted. Once this returns it is on disk.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: the action must not run.
    pub fn accept(&mut self, entry: Entry, now: Timestamp) -> Result<(), RecordError> {
        self.tidy(now)?;
        if self.known.entries.len() >= MAX_ENTRIES {
            return Err(RecordError::Full);
        }
        self.add(Record::Accepted(entry), Sync::Now)
    }

    /// Records that the report of an operation is in safe hands. After power loss it may be forgotten:
    /// then the operation counts as missing.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn done(&mut self, id: ActionId, index: u32) -> Result<(), RecordError> {
        self.add(Record::Done { id, index }, Sync::Later)
    }

    /// Records that everything about an action has been reported.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn end(&mut self, id: ActionId) -> Result<(), RecordError> {
        self.add(Record::Ended { id }, Sync::Now)
    }

    /// Records that an action is not to be run.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn cancel(
        &mut self,
        id: ActionId,
        record_until: Timestamp,
        now: Timestamp,
    ) -> Result<(), RecordError> {
        self.tidy(now)?;
        if self.known.cancelled.len() >= MAX_ENTRIES {
            return Err(RecordError::Full);
        }
        self.add(Record::Cancelled { id, record_until }, Sync::Now)
    }

    fn add(&mut self, record: Record, sync: Sync) -> Result<(), RecordError> {
        self.file.append(line(&record).as_bytes(), sync)?;
        self.known.apply(record);
        Ok(())
    }

    /// Forgets what may be forgotten and writes the journal anew, where that is worth it.
    fn tidy(&mut self, now: Timestamp) -> Result<(), RecordError> {
        let grown = self.file.length().saturating_sub(self.base);
        let is_full = self.known.entries.len().max(self.known.cancelled.len()) >= MAX_ENTRIES;
        if grown < COMPACT_BYTES.max(self.base) && !is_full {
            return Ok(());
        }
        let forgotten = self.known.prune(now);
        if is_full && forgotten == 0 {
            return Ok(());
        }
        self.compact()
    }

    /// Forgets what may be forgotten, and has the file say so.
    ///
    /// # Errors
    ///
    /// [`RecordError`]; the journal on disk is the old or the new one.
    pub fn prune(&mut self, now: Timestamp) -> Result<(), RecordError> {
        if self.known.prune(now) == 0 {
            return Ok(());
        }
        self.compact()
    }

    fn compact(&mut self) -> Result<(), RecordError> {
        let text = self.known.to_text();
        let length = text.len() as u64;
        durable::replace(&self.path, text.as_bytes())
            .and_then(|()| Appender::open(&self.path, length))
            .map(|file| {
                self.file = file;
                self.base = length;
            })
            .map_err(RecordError::Compact)
    }
}

#[cfg(test)]
mod tests;
