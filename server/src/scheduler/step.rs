//! One look at one action: what is to be done now, and the doing of it.

use super::dispatch::Delivery;
use super::options::{Plan, SendOptions};
use super::run::Scheduler;
use super::select::{SelectError, select};
use crate::audit::Entry;
use crate::relay::PublishError;
use chrono::{TimeDelta, Utc};
use gumshoe_protocol::AgentId;
use gumshoe_store::{
    ActionChange, ActionState, Counters, EnvelopeKind, PageRequest, StoreError, StoredAction,
};
use std::time::Duration;

/// How long reports are waited for whose host has finished. Those that its agent had to give up never come.
const UNREPORTED: TimeDelta = TimeDelta::seconds(60);

/// Why an action could not be brought further now; it is tried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Hosts could not be selected.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The relay failed.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The store has an action without its envelope.
    #[error("the action's envelope is not stored")]
    NoEnvelope,
}

impl StepError {
    /// What the store said, if it was the store that failed.
    pub(super) fn of_store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) | Self::Select(SelectError::Store(error)) => Some(error),
            _ => None,
        }
    }
}

/// An action that is being sent.
pub(super) struct Sending<'a> {
    pub(super) scheduler: &'a Scheduler,
    pub(super) action: StoredAction,
    pub(super) options: SendOptions,
}

impl<'a> Sending<'a> {
    pub(super) fn new(scheduler: &'a Scheduler, action: StoredAction) -> Self {
        let options = Plan::of(&action).send;
        Self {
            scheduler,
            action,
            options,
        }
    }

    /// Does what is to be done now.
    pub(super) async fn step(&self) -> Result<(), StepError> {
        if self.action.expires <= Utc::now() {
            return self.expire().await;
        }
        match self.action.state {
            ActionState::Queued if self.action.not_before <= Utc::now() => self.begin().await,
            ActionState::Canary => self.watch_canaries().await,
            ActionState::Running => self.go_on().await,
            _ => Ok(()),
        }
    }

    /// Selects the hosts, and sends to the first of them.
    async fn begin(&self) -> Result<(), StepError> {
        let store = &self.scheduler.store;
        let selection = match select(store, &self.action.target).await {
            Err(SelectError::Target(error)) => {
                return self.end(ActionState::Stopped, crate::chain(&error)).await;
            }
            other => other?,
        };
        let agents: Vec<AgentId> = selection.meant.iter().map(|host| host.id).collect();
        store.add_targets(self.action.id, &agents, Utc::now()).await?;
        let hosts = agents.len() as u64;
        let canaries = self.options.canaries(hosts);
        let details = serde_json::json!({
            "action": self.action.id, "approved": selection.approved, "targeted": hosts,
            "not_evaluated": selection.failed_count, "canaries": canaries,
        });
        self.scheduler
            .audit
            .write(Entry::of_server("action.targeted", details))
            .await?;
        if canaries > 0 && canaries < hosts {
            self.change(ActionState::Canary, format!("{canaries} of {hosts} hosts first"))
                .await?;
            return self.publish_next(canaries).await;
        }
        if !self.options.is_paced() && self.scheduler.is_for_all(hosts, selection.approved) {
            self.publish_to_all(&agents).await?;
        }
        self.run(String::new()).await
    }

    async fn run(&self, note: String) -> Result<(), StepError> {
        self.change(ActionState::Running, note).await?;
        self.scheduler.wake.wake();
        Ok(())
    }

    async fn publish_to_all(&self, agents: &[AgentId]) -> Result<(), StepError> {
        let envelope = self.envelope().await?;
        let scheduler = self.scheduler;
        let delivery = self.delivery(&envelope);
        delivery.to_all(&scheduler.publisher, &scheduler.metrics).await?;
        scheduler
            .store
            .mark_published(self.action.id, agents, Utc::now())
            .await?;
        Ok(())
    }

    /// Waits for the canaries; goes on, or stops, when they have answered.
    async fn watch_canaries(&self) -> Result<(), StepError> {
        let counters = self.scheduler.store.counters(self.action.id).await?;
        let wanted = self.options.canaries(counters.targeted);
        let answered = judged(&counters) + counters.not_target;
        let waited = self.waited();
        if answered < wanted && waited < self.options.canary_wait() {
            // A canary without a queue is replaced by another host.
            return self.publish_next(wanted.saturating_sub(counters.sent)).await;
        }
        let silent = wanted.saturating_sub(answered);
        if silent > 0 {
            let note = format!(
                "{silent} of {wanted} canaries did not answer within {} s",
                waited.as_secs()
            );
            return self.end(ActionState::Stopped, note).await;
        }
        if let Some(note) = self.too_many_failures(&counters, 1) {
            return self.end(ActionState::Stopped, note).await;
        }
        let approved = self.scheduler.approved().await?;
        if !self.options.is_paced() && self.scheduler.is_for_all(counters.targeted, approved) {
            let agents = self.scheduler.unsent(self.action.id).await?;
            self.publish_to_all(&agents).await?;
        }
        self.run(format!("{wanted} canaries answered")).await
    }

    fn waited(&self) -> Duration {
        let since = self.action.started.unwrap_or(self.action.created);
        Utc::now()
            .signed_duration_since(since)
            .to_std()
            .unwrap_or_default()
    }

    /// Sends to more hosts, as fast as is allowed; ends the action when all have answered.
    async fn go_on(&self) -> Result<(), StepError> {
        let counters = self.scheduler.store.counters(self.action.id).await?;
        if let Some(note) = self.too_many_failures(&counters, self.scheduler.config.failure_after.into()) {
            return self.end(ActionState::Stopped, note).await;
        }
        if counters.is_settled() && !is_unreported(&counters) {
            return self.end(ActionState::Done, String::new()).await;
        }
        self.publish_next(self.allowance(&counters).await?).await
    }

    /// How many hosts may be sent to now. Counted from what is stored: several schedulers, and looks that come early, make
    /// nothing faster than was asked for.
    async fn allowance(&self, counters: &Counters) -> Result<u64, StepError> {
        let mut most = u64::from(self.scheduler.config.publish_per_tick);
        if let Some(rate) = self.options.hosts_per_second {
            let second = Utc::now() - TimeDelta::seconds(1);
            let sent = self.scheduler.store.sent_since(self.action.id, second).await?;
            most = most.min(u64::from(rate).saturating_sub(sent));
        }
        if let Some(together) = self.options.hosts_at_once {
            let unsent = counters.targeted.saturating_sub(counters.sent);
            let busy = (counters.waiting + counters.running).saturating_sub(unsent);
            most = most.min(u64::from(together).saturating_sub(busy));
        }
        Ok(most)
    }

    /// Sends to so many hosts that have not been sent to.
    ///
    /// Hosts that cannot be sent to (their agents have no queue) hold up no others; when there are only such hosts left, they are
    /// tried again after a while.
    async fn publish_next(&self, most: u64) -> Result<(), StepError> {
        let scheduler = self.scheduler;
        if most == 0 || scheduler.rests(self.action.id) {
            return Ok(());
        }
        let envelope = self.envelope().await?;
        let delivery = self.delivery(&envelope);
        let (mut left, mut tried) = (most, false);
        let mut page = PageRequest::first(PageRequest::MOST);
        while left > 0 {
            page.limit = u32::try_from(left).unwrap_or(u32::MAX).min(PageRequest::MOST);
            let agents = scheduler.store.targets_to_send(self.action.id, &page).await?;
            let reached = delivery
                .to_each(&scheduler.publisher, &scheduler.metrics, &agents.items)
                .await;
            scheduler
                .store
                .mark_published(self.action.id, &reached, Utc::now())
                .await?;
            left = left.saturating_sub(reached.len() as u64);
            tried |= !agents.items.is_empty();
            if agents.next.is_none() {
                break;
            }
            page.after = agents.next;
        }
        if tried && left == most {
            scheduler.rest(self.action.id);
        }
        Ok(())
    }

    /// Why the action is to be stopped, if too many of at least `least` hosts failed.
    fn too_many_failures(&self, counters: &Counters, least: u64) -> Option<String> {
        let percent = self
            .options
            .failure_percent
            .unwrap_or(self.scheduler.config.failure_percent);
        let (failed, of) = (failed(counters), judged(counters));
        let too_many = of >= least && failed > 0 && failed * 100 >= of * u64::from(percent);
        too_many.then(|| format!("{failed} of {of} hosts failed or refused; the limit is {percent} %"))
    }

    async fn expire(&self) -> Result<(), StepError> {
        let since = self.action.started.unwrap_or(self.action.not_before);
        let store = &self.scheduler.store;
        store.give_up_targets(self.action.id, since, Utc::now()).await?;
        self.end(ActionState::Expired, String::new()).await
    }

    async fn end(&self, state: ActionState, note: String) -> Result<(), StepError> {
        tracing::info!(action = %self.action.id, state = state.as_str(), note, "action ended");
        self.change(state, note).await
    }

    async fn change(&self, to: ActionState, note: String) -> Result<(), StepError> {
        let change = ActionChange {
            from: vec![self.action.state],
            to,
            note: note.clone(),
            time: Utc::now(),
        };
        if self
            .scheduler
            .store
            .change_action(self.action.id, &change)
            .await?
        {
            let details = serde_json::json!({"action": self.action.id, "state": to, "note": note});
            self.scheduler
                .audit
                .write(Entry::of_server("action.state", details))
                .await?;
        }
        Ok(())
    }

    async fn envelope(&self) -> Result<Vec<u8>, StepError> {
        let envelope = self
            .scheduler
            .store
            .action_envelope(self.action.id, EnvelopeKind::Action)
            .await?;
        envelope.ok_or(StepError::NoEnvelope)
    }

    fn delivery<'b>(&self, envelope: &'b [u8]) -> Delivery<'b> {
        Delivery {
            kind: "action",
            envelope,
            expires: self.action.expires,
        }
    }
}

/// Whether reports are on their way that were sent before the last message of their host.
fn is_unreported(counters: &Counters) -> bool {
    let passed = counters
        .unreported_since
        .map(|since| Utc::now().signed_duration_since(since));
    passed.is_some_and(|passed| passed < UNREPORTED)
}

/// Hosts that failed: refused, interrupted, or with an operation that failed.
fn failed(counters: &Counters) -> u64 {
    counters.failed + counters.refused + counters.interrupted
}

/// Hosts that can have failed: those that were meant and from which nothing more comes.
fn judged(counters: &Counters) -> u64 {
    counters.answered + counters.refused + counters.interrupted
}
