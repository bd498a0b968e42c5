//! The scheduler's loop.

use super::cancel::publish_cancellations;
use super::housekeeping::Housekeeping;
use super::outbox::publish_events;
use super::step::{Sending, StepError};
use crate::audit::Audit;
use crate::config::SchedulerConfig;
use crate::metrics::Metrics;
use crate::relay::Publisher;
use crate::trouble::Trouble;
use chrono::Utc;
use gumshoe_protocol::{ActionId, AgentId};
use gumshoe_store::{AgentState, PageRequest, Retention, Store, StoreError, StoredAction, TargetFilter};
use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How long an action belongs to a scheduler that says nothing more.
const LEASE: Duration = Duration::from_secs(15);
/// How long an action rests that nobody could be sent to.
const REST: Duration = Duration::from_secs(10);
/// Actions that are looked at in one round.
const ACTIONS: u32 = 1000;

/// Tells the scheduler of this process that there is something to do; schedulers elsewhere find it by themselves.
#[derive(Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// There is something to do.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// Sends actions.
pub struct Scheduler {
    /// Where everything is kept.
    pub store: Store,
    /// The way to agents.
    pub publisher: Arc<Publisher>,
    /// Where decisions are written down.
    pub audit: Audit,
    /// Where messages are counted.
    pub metrics: Metrics,
    /// How actions are sent.
    pub config: SchedulerConfig,
    /// How long things are kept.
    pub retention: Retention,
    /// Wakes this scheduler.
    pub wake: Wake,
    /// Which scheduler this is, in leases.
    pub holder: String,
    /// Actions that nobody could be sent to, and until when they rest.
    pub resting: Resting,
    /// What is told when the database is damaged.
    pub trouble: Trouble,
}

/// Actions that nobody could be sent to. Kept in memory only: at worst it is tried once too often.
#[derive(Default)]
pub struct Resting(Mutex<HashMap<ActionId, Instant>>);

impl Scheduler {
    /// Looks after actions until `stop`.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut housekeeping = Housekeeping::default();
        while !stop.is_cancelled() {
            if let Err(error) = self.round().await {
                self.note(&error);
                tracing::warn!(
                    error = crate::chain(&error),
                    "the scheduler could not go on; trying again"
                );
            }
            if let Err(error) = housekeeping.round(self).await {
                self.note(&error);
                tracing::warn!(error = crate::chain(&error), "housekeeping failed; trying again");
            }
            tokio::select! {
                () = tokio::time::sleep(self.config.tick) => {}
                () = self.wake.0.notified() => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// One look at everything that is not over.
    async fn round(&self) -> Result<(), StepError> {
        for action in self.store.unfinished_actions(ACTIONS).await? {
            let id = action.id;
            if let Err(error) = self.look_at(action).await {
                self.note(&error);
                tracing::warn!(action = %id, error = crate::chain(&error), "action not brought further; trying again");
            }
        }
        publish_cancellations(self).await?;
        while publish_events(&self.store, &self.publisher, &self.metrics).await? {}
        Ok(())
    }

    fn note(&self, error: &StepError) {
        if let Some(error) = error.of_store() {
            self.trouble.note(error);
        }
    }

    async fn look_at(&self, action: StoredAction) -> Result<(), StepError> {
        if !self.lease(&action).await? {
            return Ok(());
        }
        // It may have changed since it was listed.
        let stepped = match self.store.action(action.id).await? {
            Some(now) => self.holding(&action, Sending::new(self, now).step()).await,
            None => Ok(()),
        };
        self.release(&action).await?;
        stepped
    }

    /// Takes an action for this scheduler; false where another one has it.
    pub(super) async fn lease(&self, action: &StoredAction) -> Result<bool, StoreError> {
        let (now, name) = (Utc::now(), lease_name(action));
        self.store.take_lease(&name, &self.holder, now, now + LEASE).await
    }

    /// Does something about an action and keeps its lease meanwhile: the relay can need longer than a lease lasts for a message
    /// for every agent, and nobody else should publish it again in that time.
    pub(super) async fn holding<T>(
        &self,
        action: &StoredAction,
        work: impl Future<Output = Result<T, StepError>>,
    ) -> Result<T, StepError> {
        let mut work = pin!(work);
        loop {
            match tokio::time::timeout(LEASE / 3, &mut work).await {
                Ok(done) => return done,
                // Where it was lost all the same, what is published twice is obeyed once.
                Err(_) => drop(self.lease(action).await?),
            }
        }
    }

    pub(super) async fn release(&self, action: &StoredAction) -> Result<(), StoreError> {
        self.store
            .release_lease(&lease_name(action), &self.holder)
            .await
            .map(drop)
    }

    /// Whether one message for everybody is less than one for each.
    pub(super) fn is_for_all(&self, hosts: u64, approved: u64) -> bool {
        hosts > 1 && hosts * 100 >= approved * u64::from(self.config.broadcast_percent)
    }

    /// Whether an action rests.
    pub(super) fn rests(&self, action: ActionId) -> bool {
        let resting = self.resting.0.lock().unwrap_or_else(PoisonError::into_inner);
        resting.get(&action).is_some_and(|until| *until > Instant::now())
    }

    /// Lets an action rest.
    pub(super) fn rest(&self, action: ActionId) {
        let mut resting = self.resting.0.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|_, until| *until > Instant::now());
        resting.insert(action, Instant::now() + REST);
    }

    /// How many agents take part.
    pub(super) async fn approved(&self) -> Result<u64, StoreError> {
        let counts = self.store.agent_counts().await?;
        Ok(counts.get(&AgentState::Approved).copied().unwrap_or(0))
    }

    /// The hosts that an action was sent to.
    pub(super) async fn sent(&self, action: ActionId) -> Result<Vec<AgentId>, StoreError> {
        let filter = TargetFilter {
            published: Some(true),
            ..TargetFilter::default()
        };
        let (mut page, mut agents) = (PageRequest::first(PageRequest::MOST), Vec::new());
        loop {
            let targets = self.store.targets(action, &filter, &page).await?;
            agents.extend(targets.items.iter().map(|target| target.agent));
            if targets.next.is_none() {
                return Ok(agents);
            }
            page.after = targets.next;
        }
    }

    /// The hosts that an action selected and was not sent to, in the order of sending.
    pub(super) async fn unsent(&self, action: ActionId) -> Result<Vec<AgentId>, StoreError> {
        let (mut page, mut agents) = (PageRequest::first(PageRequest::MOST), Vec::new());
        loop {
            let portion = self.store.targets_to_send(action, &page).await?;
            agents.extend(portion.items);
            if portion.next.is_none() {
                return Ok(agents);
            }
            page.after = portion.next;
        }
    }
}

fn lease_name(action: &StoredAction) -> String {
    format!("action:{}", action.id)
}
