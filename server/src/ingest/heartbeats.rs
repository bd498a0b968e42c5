//! Heartbeats: verified by the key that they carry, which has to be the identifier's.

use super::enrolment::Enrolment;
use super::not_stored;
use crate::audit::{Audit, Entry};
use crate::metrics::Metrics;
use crate::relay::{Handler, Message, Outcome};
use crate::reload::Current;
use crate::trouble::Trouble;
use chrono::Utc;
use gumshoe_protocol::bounds::HEARTBEAT_ENVELOPE_BYTES;
use gumshoe_protocol::envelope::HEARTBEAT_TYPE;
use gumshoe_protocol::heartbeat::HeartbeatReason;
use gumshoe_protocol::seal::PublicReportKey;
use gumshoe_protocol::{Envelope, Heartbeat, relay};
use gumshoe_store::{
    AgentState, DuplicateMark, HeartbeatBefore, HeartbeatOutcome, NewHeartbeat, Store, StoreError,
};
use std::time::Instant;
use tokio::task::spawn_blocking;

/// A heartbeat's kind in metrics and logs.
const KIND: &str = "heartbeat";

/// Takes heartbeats.
pub struct Heartbeats {
    /// Where agents are kept.
    pub store: Store,
    /// Who is approved at once.
    pub enrolment: Current<Enrolment>,
    /// Where decisions are written down.
    pub audit: Audit,
    /// Where messages are counted.
    pub metrics: Metrics,
    /// What is told when the database is damaged.
    pub trouble: Trouble,
}

impl Handler for Heartbeats {
    async fn handle(&self, batch: Vec<Message>) -> Outcome {
        let since = Instant::now();
        let enrolment = self.enrolment.get();
        let opened =
            spawn_blocking(move || batch.iter().map(|one| open(one, &enrolment)).collect::<Vec<_>>());
        // The task neither panics nor is it cancelled: everything in it is total.
        let Ok(opened) = opened.await else {
            return Outcome::Again;
        };
        let mut accepted = Vec::with_capacity(opened.len());
        for one in opened {
            match one {
                Ok(heartbeat) => accepted.push(heartbeat),
                Err(why) => self.metrics.received(KIND, why, 1),
            }
        }
        match self.store_all(&accepted).await {
            Ok(()) => {
                self.metrics.stored(KIND, since);
                self.trouble.written();
                Outcome::Done
            }
            Err(error) => not_stored(KIND, &error, &self.trouble),
        }
    }
}

impl Heartbeats {
    async fn store_all(&self, heartbeats: &[NewHeartbeat]) -> Result<(), StoreError> {
        let outcomes = self.store.store_heartbeats(heartbeats).await?;
        // Written together: when a fleet enrols, thousands come in a moment.
        let mut entries = Vec::new();
        for (new, outcome) in heartbeats.iter().zip(&outcomes) {
            match outcome {
                HeartbeatOutcome::New => {
                    self.metrics.received(KIND, "new", 1);
                    entries.push(welcome(new));
                }
                HeartbeatOutcome::Stored(before) => {
                    self.metrics.received(KIND, "stored", 1);
                    entries.extend(self.follow_up(new, before).await?);
                }
                HeartbeatOutcome::Stale(before) => {
                    self.metrics.received(KIND, "stale", 1);
                    entries.extend(self.follow_up(new, before).await?);
                }
            }
        }
        self.audit.write_all(entries).await
    }

    /// What a known agent's heartbeat leads to.
    async fn follow_up(
        &self,
        new: &NewHeartbeat,
        before: &HeartbeatBefore,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        if before.state == AgentState::Pending && new.state_if_new == AgentState::Approved {
            entries.extend(self.enrol(new).await?);
        }
        if let Some(note) = suspicion(&new.heartbeat, before)
            && !before.duplicate
        {
            entries.push(self.mark(new, note).await?);
        }
        Ok(entries)
    }

    async fn enrol(&self, new: &NewHeartbeat) -> Result<Option<Entry>, StoreError> {
        let agent = new.heartbeat.agent;
        let from = [AgentState::Pending];
        let enrolled = self
            .store
            .set_agent_state(agent, &from, AgentState::Approved)
            .await?;
        let details = serde_json::json!({"agent": agent, "by": "enrolment token"});
        Ok(enrolled.then(|| Entry::of_server("agent.approved", details)))
    }

    async fn mark(&self, new: &NewHeartbeat, note: String) -> Result<Entry, StoreError> {
        let agent = new.heartbeat.agent;
        tracing::warn!(%agent, note, "two hosts with one identity");
        let mark = DuplicateMark {
            since: new.received,
            note: note.clone(),
        };
        self.store.mark_duplicate(agent, Some(&mark)).await?;
        let details = serde_json::json!({"agent": agent, "note": note});
        Ok(Entry::of_server("agent.duplicate", details))
    }
}

fn welcome(new: &NewHeartbeat) -> Entry {
    let said = &new.heartbeat;
    tracing::info!(agent = %said.agent, hostname = said.facts.hostname, state = new.state_if_new.as_str(), "new agent");
    let details = serde_json::json!({
        "agent": said.agent, "hostname": said.facts.hostname,
        "state": new.state_if_new, "previous_id": said.previous_id,
    });
    Entry::of_server("agent.new", details)
}

/// Verifies one message; the error is its reason in the metrics.
fn open(message: &Message, enrolment: &Enrolment) -> Result<NewHeartbeat, &'static str> {
    let envelope = Envelope::parse(&message.body, HEARTBEAT_ENVELOPE_BYTES).map_err(|_| "malformed")?;
    // The key is in the payload: it is read before it is verified, and believed only afterwards.
    let unverified = Heartbeat::parse(&envelope.payload).map_err(|_| "malformed")?;
    let key = PublicReportKey::parse(&unverified.public_key).map_err(|_| "bad-key")?;
    if key.agent() != unverified.agent {
        return Err("bad-key");
    }
    key.open(envelope, HEARTBEAT_TYPE).map_err(|_| "bad-signature")?;
    let heartbeat = unverified;
    // The relay lets an agent use its own routing keys only.
    if message.key != relay::heartbeat_key(&heartbeat.agent) {
        return Err("wrong-routing-key");
    }
    Ok(NewHeartbeat {
        state_if_new: enrolment.state(&heartbeat, &key),
        heartbeat,
        received: Utc::now(),
    })
}

/// Why two hosts seem to speak with one identity, if they do.
fn suspicion(said: &Heartbeat, before: &HeartbeatBefore) -> Option<String> {
    if said.sequence == before.sequence && said.sent == before.sent {
        // Delivered twice.
        return None;
    }
    let (now, then) = (&said.facts.hostname, &before.hostname);
    // A host that was renamed says so with another reason, or starts.
    if now != then && said.reason == HeartbeatReason::Interval {
        return Some(format!("the names {then:?} and {now:?} alternate"));
    }
    // What is only late has an older time as well.
    if said.sequence <= before.sequence && said.sent > before.sent {
        return Some(format!(
            "the counter went back from {} to {}: a copy, or a host that was restored from one",
            before.sequence, said.sequence
        ));
    }
    None
}
