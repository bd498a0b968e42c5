//! Reports: verified by the key that the agent enrolled with.

use super::not_stored;
use crate::metrics::Metrics;
use crate::relay::{Handler, Message, Outcome};
use crate::trouble::Trouble;
use chrono::Utc;
use gumshoe_protocol::bounds::REPORT_ENVELOPE_BYTES;
use gumshoe_protocol::envelope::REPORT_TYPE;
use gumshoe_protocol::seal::PublicReportKey;
use gumshoe_protocol::{AgentId, Envelope, HostReport, Timestamp, relay};
use gumshoe_store::{AgentState, NewReport, ReportContent, ReportOutcome, Store, StoreError};
use std::collections::BTreeMap;
use std::time::Instant;
use tokio::task::spawn_blocking;

/// A report's kind in metrics and logs.
const KIND: &str = "report";

/// Takes reports.
pub struct Reports {
    /// Where they are kept.
    pub store: Store,
    /// Where messages are counted.
    pub metrics: Metrics,
    /// What is told when the database is damaged.
    pub trouble: Trouble,
}

/// Keys and states of agents.
type Keys = BTreeMap<AgentId, (String, AgentState)>;

/// A report whose agent is known only by its own word.
struct Claimed {
    agent: AgentId,
    envelope: Envelope,
    received: Timestamp,
}

impl Handler for Reports {
    async fn handle(&self, batch: Vec<Message>) -> Outcome {
        let since = Instant::now();
        match self.store_all(batch).await {
            Ok(()) => {
                self.metrics.stored(KIND, since);
                self.trouble.written();
                Outcome::Done
            }
            Err(error) => not_stored(KIND, &error, &self.trouble),
        }
    }
}

impl Reports {
    async fn store_all(&self, batch: Vec<Message>) -> Result<(), StoreError> {
        let claimed = self.sift(in_background(batch, |message| claim(&message)).await);
        let mut agents: Vec<AgentId> = claimed.iter().map(|one| one.agent).collect();
        agents.sort_unstable();
        agents.dedup();
        let keys = self.store.agent_keys(&agents).await?;
        let reports = self.sift(in_background(claimed, move |one| open(one, &keys)).await);
        for outcome in self.store.store_reports(&reports).await? {
            let told = match outcome {
                ReportOutcome::Stored { .. } => "stored",
                ReportOutcome::Duplicate => "duplicate",
                ReportOutcome::UnknownAction => "unknown-action",
                ReportOutcome::UnknownAgent => "unknown-agent",
            };
            self.metrics.received(KIND, told, 1);
        }
        Ok(())
    }

    /// Keeps what is good and counts the rest by its reason.
    fn sift<T>(&self, results: Vec<Result<T, &'static str>>) -> Vec<T> {
        let mut good = Vec::with_capacity(results.len());
        for result in results {
            match result {
                Ok(one) => good.push(one),
                Err(why) => {
                    tracing::debug!(why, "report kept out");
                    self.metrics.received(KIND, why, 1);
                }
            }
        }
        good
    }
}

/// Decoding and verifying are work for a processor, not for the threads that wait for the network.
async fn in_background<A, B>(items: Vec<A>, work: impl Fn(A) -> B + Send + 'static) -> Vec<B>
where
    A: Send + 'static,
    B: Send + 'static,
{
    let done = spawn_blocking(move || items.into_iter().map(work).collect()).await;
    // The task is neither cancelled nor does it panic: everything in it is total.
    done.unwrap_or_default()
}

fn claim(message: &Message) -> Result<Claimed, &'static str> {
    let envelope = Envelope::parse(&message.body, REPORT_ENVELOPE_BYTES).map_err(|_| "malformed")?;
    let hint = envelope.signatures.first().map(|one| one.key_id.as_str());
    let agent: AgentId = hint.unwrap_or_default().parse().map_err(|_| "malformed")?;
    // The relay lets an agent use its own routing keys only.
    if message.key != relay::report_key(&agent) {
        return Err("wrong-routing-key");
    }
    Ok(Claimed {
        agent,
        envelope,
        received: Utc::now(),
    })
}

fn open(claimed: Claimed, keys: &Keys) -> Result<NewReport, &'static str> {
    let Some((key, state)) = keys.get(&claimed.agent) else {
        return Err("unknown-agent");
    };
    if *state != AgentState::Approved {
        return Err("agent-not-approved");
    }
    let key = PublicReportKey::parse(key).map_err(|_| "bad-key")?;
    let signature = claimed
        .envelope
        .signatures
        .first()
        .map(|one| one.signature.clone());
    let payload = key
        .open(claimed.envelope, REPORT_TYPE)
        .map_err(|_| "bad-signature")?;
    let report = HostReport::parse(&payload).map_err(|_| "malformed")?;
    if report.agent != claimed.agent {
        return Err("bad-signature");
    }
    Ok(NewReport {
        action: report.action.ok_or("no-action")?,
        agent: report.agent,
        received: claimed.received,
        sent: report.sent,
        sequence: report.sequence,
        content: ReportContent::new(&report.body).ok_or("unknown-kind")?,
        payload,
        signature: signature.unwrap_or_default(),
    })
}
