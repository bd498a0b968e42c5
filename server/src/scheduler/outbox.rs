//! Events: written in the transaction of what they tell of, brought to the relay afterwards.

use crate::metrics::Metrics;
use crate::relay::{Publication, Publisher};
use gumshoe_protocol::relay;
use gumshoe_store::{Store, StoreError};

/// Events that are published together.
const TOGETHER: u32 = 500;

/// Publishes the events that wait, oldest first; returns whether there may be more.
///
/// An event is removed only when the relay has it: one that is published twice has the same number.
///
/// # Errors
///
/// [`StoreError`].
pub async fn publish_events(
    store: &Store,
    publisher: &Publisher,
    metrics: &Metrics,
) -> Result<bool, StoreError> {
    let events = store.waiting_events(TOGETHER).await?;
    let bodies: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event.number,
                event.kind.clone(),
                serde_json::to_vec(event).unwrap_or_default(),
            )
        })
        .collect();
    let messages = bodies.iter().map(|(_, kind, body)| Publication {
        exchange: relay::EVENTS,
        key: kind.replace('-', "."),
        body,
        time_to_live: None,
        // Nobody has to listen.
        mandatory: false,
    });
    let results = publisher.publish_all(messages.collect()).await;
    let taken: Vec<i64> = bodies
        .iter()
        .zip(&results)
        .filter(|(_, result)| result.is_ok())
        .map(|((number, ..), _)| *number)
        .collect();
    metrics.published("event", "taken", taken.len());
    metrics.published("event", "failed", results.len() - taken.len());
    store.remove_events(&taken).await?;
    Ok(taken.len() == TOGETHER as usize)
}
