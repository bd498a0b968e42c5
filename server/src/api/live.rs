//! Progress of actions that somebody watches: read once for all who watch the same one.

use super::actions::CountersView;
use gumshoe_protocol::ActionId;
use gumshoe_store::{ActionState, Store, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// How old progress may be: also how often those who watch look again.
pub const INTERVAL: Duration = Duration::from_millis(400);
/// Streams at the same time.
const STREAMS: usize = 1000;
/// Actions whose progress is remembered.
const REMEMBERED: usize = 1000;

/// How far an action is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Its state; absent where there is no such action any more.
    pub state: Option<ActionState>,
    /// Its counters.
    pub counters: CountersView,
    /// Hosts that have it and have not answered.
    pub busy: u64,
}

/// The progress of all actions that are watched. Clones are the same.
#[derive(Clone)]
pub struct Live {
    streams: Arc<Semaphore>,
    seen: Arc<Mutex<HashMap<ActionId, (Instant, Progress)>>>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            streams: Arc::new(Semaphore::new(STREAMS)),
            seen: Arc::default(),
        }
    }
}

impl Live {
    /// A place among the streams; `None` when there are too many.
    pub fn enter(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.streams).try_acquire_owned().ok()
    }

    /// How far an action is, not older than 400 ms.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn progress(&self, store: &Store, id: ActionId) -> Result<Progress, StoreError> {
        // Held while the store is asked, so that it is asked once.
        let mut seen = self.seen.lock().await;
        if let Some((when, progress)) = seen.get(&id)
            && when.elapsed() < INTERVAL
        {
            return Ok(progress.clone());
        }
        let state = store.action(id).await?.map(|action| action.state);
        let counters = store.counters(id).await?;
        let progress = Progress {
            state,
            busy: counters.running,
            counters: counters.into(),
        };
        if seen.len() >= REMEMBERED {
            seen.retain(|_, (when, _)| when.elapsed() < INTERVAL);
        }
        seen.insert(id, (Instant::now(), progress.clone()));
        Ok(progress)
    }
}
