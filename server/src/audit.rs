//! The audit log: decisions are written before they are told, accesses soon after.

use crate::trouble::Trouble;
use chrono::Utc;
use gumshoe_store::{NewAuditEntry, Store, StoreError};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::mpsc;

/// Accesses that wait to be written; beyond them, those who ask wait.
const WAITING: usize = 10_000;
/// Accesses that are written together.
const TOGETHER: usize = 500;
/// How long is waited before the store is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// One entry.
#[derive(Debug, Clone)]
pub struct Entry {
    actor: String,
    what: &'static str,
    details: Value,
}

impl Entry {
    /// What somebody did.
    #[must_use]
    pub fn new(actor: impl Into<String>, what: &'static str, details: Value) -> Self {
        Self {
            actor: actor.into(),
            what,
            details,
        }
    }

    /// What the server did by itself.
    #[must_use]
    pub fn of_server(what: &'static str, details: Value) -> Self {
        Self::new("server", what, details)
    }

    fn into_new(self) -> NewAuditEntry {
        NewAuditEntry {
            time: Utc::now(),
            actor: self.actor,
            what: self.what.to_owned(),
            details: self.details,
        }
    }
}

/// Writes the audit log. Clones write to the same one.
#[derive(Clone)]
pub struct Audit {
    store: Store,
    notes: mpsc::Sender<NewAuditEntry>,
}

impl Audit {
    /// Writes to this store; accesses are written by [`AuditWriter::run`].
    #[must_use]
    pub fn new(store: Store, trouble: Trouble) -> (Self, AuditWriter) {
        let (notes, waiting) = mpsc::channel(WAITING);
        let writer = AuditWriter {
            store: store.clone(),
            waiting,
            trouble,
        };
        (Self { store, notes }, writer)
    }

    /// Writes a decision; it is stored when this returns.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: then nothing may be decided.
    pub async fn write(&self, entry: Entry) -> Result<(), StoreError> {
        self.write_all(vec![entry]).await
    }

    /// Writes decisions together; they are stored when this returns.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: then none is written.
    pub async fn write_all(&self, entries: Vec<Entry>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let entries: Vec<_> = entries.into_iter().map(Entry::into_new).collect();
        self.store.add_audit(&entries).await.map(drop)
    }

    /// Writes an access soon.
    pub fn note(&self, entry: Entry) {
        if self.notes.try_send(entry.into_new()).is_err() {
            tracing::error!("the audit log falls behind: an access was not written down");
        }
    }
}

/// Writes accesses in batches.
pub struct AuditWriter {
    store: Store,
    waiting: mpsc::Receiver<NewAuditEntry>,
    trouble: Trouble,
}

impl AuditWriter {
    /// Writes until every [`Audit`] is gone, and all that they noted.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(TOGETHER);
        while self.waiting.recv_many(&mut batch, TOGETHER).await > 0 {
            while let Err(error) = self.store.add_audit(&batch).await {
                self.trouble.note(&error);
                if self.trouble.why().is_some() {
                    tracing::error!(accesses = batch.len(), "accesses are not in the audit log");
                    break;
                }
                tracing::warn!(
                    error = crate::chain(&error),
                    "the audit log could not be written; trying again"
                );
                tokio::time::sleep(RETRY).await;
            }
            batch.clear();
        }
    }
}
