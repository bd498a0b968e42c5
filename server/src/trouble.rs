//! What the server does when its database is damaged, or the disk under it fails: it says so, sends and takes nothing more, and
//! is not ready.
//!
//! Trying again would not help and could do more damage; what agents say waits in the relay until somebody has repaired the
//! database and started the server again. A full disk is not meant: that is waited for.

use gumshoe_store::{Damage, StoreError};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;

/// Errors of the disk after which nothing more is tried; one alone may be a cable that was touched.
const DISK_ERRORS: u32 = 3;

/// Whether the database can be relied on. Clones know the same.
#[derive(Clone)]
pub struct Trouble {
    why: Arc<OnceLock<String>>,
    disk_errors: Arc<AtomicU32>,
    work: CancellationToken,
}

impl Trouble {
    /// Nothing is wrong. `work` is cancelled when something is.
    #[must_use]
    pub fn new(work: CancellationToken) -> Self {
        Self {
            why: Arc::default(),
            disk_errors: Arc::default(),
            work,
        }
    }

    /// Looks at an error of the store; damage ends the work.
    pub fn note(&self, error: &StoreError) {
        if let Some(damage) = error.damage() {
            self.note_damage(damage, &crate::chain(error));
        }
    }

    /// Something is damaged, as an error said; that ends the work.
    pub fn note_damage(&self, damage: Damage, told: &str) {
        let enough = match damage {
            Damage::Disk => self.disk_errors.fetch_add(1, Ordering::Relaxed) + 1 >= DISK_ERRORS,
            _ => true,
        };
        if enough && self.why.set(told.to_owned()).is_ok() {
            tracing::error!(
                error = told,
                "THE DATABASE IS DAMAGED OR ITS DISK FAILS: nothing more is sent, taken or tried; what agents say waits in \
                 the relay. Repair the database or restore it from a backup, then start the server again"
            );
            self.work.cancel();
        }
    }

    /// Something was written: errors of the disk before were not its end.
    pub fn written(&self) {
        self.disk_errors.store(0, Ordering::Relaxed);
    }

    /// What is wrong with the database.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.why.get().map(String::as_str)
    }
}
