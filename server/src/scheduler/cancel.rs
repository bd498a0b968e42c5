//! Bringing signed cancellations to the agents that may have the action.

use super::dispatch::Delivery;
use super::options::Plan;
use super::run::Scheduler;
use super::step::StepError;
use chrono::Utc;
use gumshoe_store::{ActionFilter, ActionState, EnvelopeKind, PageRequest, StoredAction};

/// Publishes the cancellations that were accepted and not yet published.
pub(super) async fn publish_cancellations(scheduler: &Scheduler) -> Result<(), StepError> {
    let filter = ActionFilter {
        states: vec![ActionState::Cancelled],
        ..ActionFilter::default()
    };
    let actions = scheduler
        .store
        .actions(&filter, &PageRequest::first(PageRequest::MOST))
        .await?;
    for action in actions.items {
        let wanted = action.expires > Utc::now() && Plan::of(&action).cancel_sent.is_none();
        if wanted && scheduler.lease(&action).await? {
            let published = scheduler.holding(&action, publish(scheduler, &action)).await;
            scheduler.release(&action).await?;
            published?;
        }
    }
    Ok(())
}

async fn publish(scheduler: &Scheduler, action: &StoredAction) -> Result<(), StepError> {
    let envelope = scheduler
        .store
        .action_envelope(action.id, EnvelopeKind::Cancel)
        .await?;
    let envelope = envelope.ok_or(StepError::NoEnvelope)?;
    let delivery = Delivery {
        kind: "cancel",
        envelope: &envelope,
        expires: action.expires,
    };
    let agents = scheduler.sent(action.id).await?;
    if scheduler.is_for_all(agents.len() as u64, scheduler.approved().await?) {
        delivery.to_all(&scheduler.publisher, &scheduler.metrics).await?;
    } else {
        let reached = delivery
            .to_each(&scheduler.publisher, &scheduler.metrics, &agents)
            .await;
        if reached.len() < agents.len() {
            tracing::warn!(action = %action.id, missing = agents.len() - reached.len(), "cancellation not published for every agent; trying again");
            return Ok(());
        }
    }
    let plan = Plan {
        cancel_sent: Some(Utc::now()),
        ..Plan::of(action)
    };
    scheduler
        .store
        .set_action_options(action.id, &plan.to_value())
        .await?;
    Ok(())
}
