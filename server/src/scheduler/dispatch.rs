//! Getting envelopes to agents: one message for everybody where most are meant, one per agent otherwise.

use crate::metrics::Metrics;
use crate::relay::{Publication, PublishError, Publisher};
use chrono::Utc;
use gumshoe_protocol::{AgentId, Timestamp, relay};
use std::time::Duration;

/// Messages that are on their way to the broker at the same time.
const IN_FLIGHT: usize = 500;

/// An envelope to bring to agents.
pub struct Delivery<'a> {
    /// What it is in metrics.
    pub kind: &'static str,
    /// The envelope.
    pub envelope: &'a [u8],
    /// When there is no use in it any more: the relay forgets it then.
    pub expires: Timestamp,
}

impl Delivery<'_> {
    /// Publishes one message for every agent.
    ///
    /// # Errors
    ///
    /// [`PublishError`], when the relay does not have it for sure.
    pub async fn to_all(&self, publisher: &Publisher, metrics: &Metrics) -> Result<(), PublishError> {
        let result = publisher.publish(self.publication(relay::ALL.to_owned())).await;
        let told = if result.is_ok() { "broadcast" } else { "failed" };
        metrics.published(self.kind, told, 1);
        result
    }

    /// Publishes one message per agent; returns those for whom the relay has it.
    ///
    /// An agent that has no queue yet is not among them: it is tried again as long as the action is sent.
    pub async fn to_each(
        &self,
        publisher: &Publisher,
        metrics: &Metrics,
        agents: &[AgentId],
    ) -> Vec<AgentId> {
        let mut reached = Vec::with_capacity(agents.len());
        for agents in agents.chunks(IN_FLIGHT) {
            let messages = agents
                .iter()
                .map(|agent| self.publication(relay::agent_key(agent)));
            let results = publisher.publish_all(messages.collect()).await;
            let mut failures = 0;
            for (agent, result) in agents.iter().zip(results) {
                match result {
                    Ok(()) => reached.push(*agent),
                    Err(PublishError::Unroutable { .. } | PublishError::NotTried) => failures += 1,
                    Err(error) => {
                        failures += 1;
                        tracing::warn!(%agent, error = crate::chain(&error), "not published; trying again");
                    }
                }
            }
            metrics.published(self.kind, "agent", agents.len() - failures);
            metrics.published(self.kind, "failed", failures);
        }
        reached
    }

    fn publication(&self, key: String) -> Publication<'_> {
        let left = self.expires.signed_duration_since(Utc::now()).to_std();
        Publication {
            exchange: relay::ACTIONS,
            key,
            body: self.envelope,
            time_to_live: Some(left.unwrap_or(Duration::from_millis(1))),
            mandatory: true,
        }
    }
}
