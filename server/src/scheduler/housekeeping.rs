//! What has to be done from time to time: hosts that did not answer, old rows, gauges.

use super::run::Scheduler;
use super::step::StepError;
use chrono::Utc;
use gumshoe_store::{ActionState, AgentState, Removed};
use std::time::{Duration, Instant};

/// How often overdue hosts are looked for, and gauges are set.
const SWEEP: Duration = Duration::from_secs(2);
/// How often old rows are deleted.
const CLEAN: Duration = Duration::from_secs(60);
/// Transactions in which old rows are deleted, at a time.
const PORTIONS: u32 = 20;
/// Actions that are swept in one round.
const ACTIONS: u32 = 100;

/// When things were done last.
#[derive(Default)]
pub(super) struct Housekeeping {
    swept: Option<Instant>,
    cleaned: Option<Instant>,
}

impl Housekeeping {
    /// Does what is due.
    pub(super) async fn round(&mut self, scheduler: &Scheduler) -> Result<(), StepError> {
        if is_due(&mut self.swept, SWEEP) {
            sweep(scheduler).await?;
            measure(scheduler).await?;
        }
        if is_due(&mut self.cleaned, CLEAN) {
            clean(scheduler).await?;
        }
        Ok(())
    }
}

fn is_due(last: &mut Option<Instant>, interval: Duration) -> bool {
    let due = last.is_none_or(|last| last.elapsed() >= interval);
    if due {
        *last = Some(Instant::now());
    }
    due
}

/// Gives up hosts of actions that were stopped or cancelled, once their window has ended.
async fn sweep(scheduler: &Scheduler) -> Result<(), StepError> {
    let now = Utc::now();
    for action in scheduler.store.overdue_actions(now, ACTIONS).await? {
        if action.state.has_ended() {
            let since = action.started.unwrap_or(action.not_before);
            scheduler.store.give_up_targets(action.id, since, now).await?;
        }
    }
    Ok(())
}

async fn measure(scheduler: &Scheduler) -> Result<(), StepError> {
    let counts = scheduler.store.agent_counts().await?;
    for state in AgentState::ALL {
        let count = counts.get(state).copied().unwrap_or(0);
        scheduler.metrics.set_agents(state.as_str(), count);
    }
    let unfinished = scheduler.store.unfinished_actions(u32::MAX >> 1).await?;
    for state in [ActionState::Queued, ActionState::Canary, ActionState::Running] {
        let count = unfinished.iter().filter(|action| action.state == state).count();
        scheduler.metrics.set_actions(state.as_str(), count as u64);
    }
    Ok(())
}

/// Deletes what is older than the configuration keeps, in portions.
async fn clean(scheduler: &Scheduler) -> Result<(), StepError> {
    let removed = scheduler
        .store
        .remove_old(&scheduler.retention, Utc::now(), PORTIONS)
        .await?;
    if removed != Removed::default() {
        tracing::info!(?removed, "old rows removed");
    }
    Ok(())
}
