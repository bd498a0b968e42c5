//! Heartbeats: many at once, each stored only if it is newer than what is there.

use super::AgentState;
use crate::database::Store;
use crate::error::StoreError;
use crate::sql::{Bound, Columns, ROWS_PER_STATEMENT, Statement, json};
use gumshoe_protocol::{AgentId, Heartbeat, Timestamp};
use sqlx::{Any, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// A heartbeat whose signature and identifier have been verified.
#[derive(Debug, Clone, PartialEq)]
pub struct NewHeartbeat {
    /// What the agent says.
    pub heartbeat: Heartbeat,
    /// When it came.
    pub received: Timestamp,
    /// The agent's state if it is not known yet.
    pub state_if_new: AgentState,
}

/// What became of a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeartbeatOutcome {
    /// The agent was not known; it is now.
    New,
    /// It is newer than what was there, and took its place.
    Stored(HeartbeatBefore),
    /// It is not newer than what is there: neither its number nor the time at which it was written.
    Stale(HeartbeatBefore),
}

/// What was stored of an agent before: what duplicates are recognised by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatBefore {
    /// Whether it takes part.
    pub state: AgentState,
    /// The host's name.
    pub hostname: String,
    /// Number of the last heartbeat.
    pub sequence: u64,
    /// When that was written.
    pub sent: Timestamp,
    /// When that came.
    pub last_seen: Timestamp,
    /// Whether the agent is marked as one of two with one identity.
    pub duplicate: bool,
}

/// What a row is made of. The first three are kept when a known agent speaks again.
const COLUMNS: &str = "(id, public_key, state, first_seen, labels, hostname, facts, agent_version, protocol, last_seen,
    sent, sequence, reason, interval_s, modules, blind_spots, running, waiting, spool_reports, spool_bytes, spool_lost,
    previous_id)";
/// What a known agent's heartbeat replaces.
const REPLACED: &str = " ON CONFLICT (id) DO UPDATE SET hostname = excluded.hostname, facts = excluded.facts,
    agent_version = excluded.agent_version, protocol = excluded.protocol, last_seen = excluded.last_seen,
    sent = excluded.sent, sequence = excluded.sequence, reason = excluded.reason, interval_s = excluded.interval_s,
    modules = excluded.modules, blind_spots = excluded.blind_spots, running = excluded.running,
    waiting = excluded.waiting, spool_reports = excluded.spool_reports, spool_bytes = excluded.spool_bytes,
    spool_lost = excluded.spool_lost, previous_id = excluded.previous_id";

impl Store {
    /// Stores heartbeats in one transaction; one outcome each, in their order. All are stored, or none.
    ///
    /// A heartbeat takes the place of what is there if its number is higher or if it was written later (an agent that
    /// lost its counter begins again). An agent that becomes known is told to workers: the event `agent-new`.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn store_heartbeats(
        &self,
        heartbeats: &[NewHeartbeat],
    ) -> Result<Vec<HeartbeatOutcome>, StoreError> {
        if heartbeats.is_empty() {
            return Ok(Vec::new());
        }
        let doing = "store heartbeats";
        let mut transaction = self.begin(doing).await?;
        let mut known = self.known(&mut transaction, heartbeats).await?;
        let (outcomes, newest) = judge(heartbeats, &mut known);
        let newest: Vec<_> = newest.into_values().collect();
        for chunk in newest.chunks(ROWS_PER_STATEMENT) {
            let mut statement = Statement::new("INSERT INTO agents ");
            statement.push(COLUMNS).push(" VALUES ");
            statement.rows(chunk.iter().map(row));
            statement.push(REPLACED);
            statement.execute(&mut transaction, doing).await?;
        }
        let told = heartbeats.iter().zip(&outcomes);
        let new = told.filter(|(_, outcome)| **outcome == HeartbeatOutcome::New);
        let events: Vec<_> = new.map(|(heartbeat, _)| new_agent(heartbeat)).collect();
        crate::events::add(&mut transaction, &events).await?;
        transaction.commit().await.map_err(StoreError::doing(doing))?;
        Ok(outcomes)
    }

    /// What is stored of the agents that speak, kept from others until the transaction ends.
    async fn known(
        &self,
        transaction: &mut Transaction<'_, Any>,
        heartbeats: &[NewHeartbeat],
    ) -> Result<BTreeMap<AgentId, HeartbeatBefore>, StoreError> {
        let ids: BTreeSet<AgentId> = heartbeats.iter().map(|new| new.heartbeat.agent).collect();
        let mut known = BTreeMap::new();
        for chunk in ids.into_iter().collect::<Vec<_>>().chunks(ROWS_PER_STATEMENT) {
            let mut statement = Statement::new(
                "SELECT id, state, hostname, sequence, sent, last_seen, duplicate_since FROM agents WHERE id IN ",
            );
            statement.list(chunk.iter().map(|id| (*id).into()));
            // In one order, so that two schedulers do not wait for each other.
            statement.push(" ORDER BY id").push(self.for_update());
            for row in statement.fetch(transaction, "read agents").await? {
                known.insert(row.agent("id")?, before(&row)?);
            }
        }
        Ok(known)
    }
}

fn before(row: &sqlx::any::AnyRow) -> Result<HeartbeatBefore, StoreError> {
    Ok(HeartbeatBefore {
        state: row.word("state")?,
        hostname: row.text("hostname")?,
        sequence: row.count("sequence")?,
        sent: row.time("sent")?,
        last_seen: row.time("last_seen")?,
        duplicate: row.maybe_int("duplicate_since")?.is_some(),
    })
}

/// What is to be stored of an agent.
struct Newest<'a> {
    /// The newest of its heartbeats.
    new: &'a NewHeartbeat,
    /// When the first of them came; kept of an agent that was not known.
    first_seen: Timestamp,
}

/// Goes through the heartbeats as if each were stored before the next is looked at; returns the last of each agent.
fn judge<'a>(
    heartbeats: &'a [NewHeartbeat],
    known: &mut BTreeMap<AgentId, HeartbeatBefore>,
) -> (Vec<HeartbeatOutcome>, BTreeMap<AgentId, Newest<'a>>) {
    let mut newest = BTreeMap::<AgentId, Newest<'a>>::new();
    let outcomes = heartbeats.iter().map(|new| {
        let said = &new.heartbeat;
        let before = known.get(&said.agent).cloned();
        if let Some(before) = &before
            && said.sequence <= before.sequence
            && said.sent <= before.sent
        {
            return HeartbeatOutcome::Stale(before.clone());
        }
        let first_seen = newest.get(&said.agent).map_or(new.received, |one| one.first_seen);
        newest.insert(said.agent, Newest { new, first_seen });
        known.insert(said.agent, after(new, before.as_ref()));
        before.map_or(HeartbeatOutcome::New, HeartbeatOutcome::Stored)
    });
    let outcomes = outcomes.collect();
    (outcomes, newest)
}

/// What is stored of the agent once the heartbeat is.
fn after(new: &NewHeartbeat, before: Option<&HeartbeatBefore>) -> HeartbeatBefore {
    HeartbeatBefore {
        state: before.map_or(new.state_if_new, |before| before.state),
        hostname: new.heartbeat.facts.hostname.clone(),
        sequence: new.heartbeat.sequence,
        sent: new.heartbeat.sent,
        last_seen: new.received,
        duplicate: before.is_some_and(|before| before.duplicate),
    }
}

/// The values of [`COLUMNS`].
fn row(newest: &Newest<'_>) -> Vec<Bound> {
    let new = newest.new;
    let said = &new.heartbeat;
    vec![
        said.agent.into(),
        (&said.public_key).into(),
        new.state_if_new.into(),
        newest.first_seen.into(),
        "{}".into(),
        (&said.facts.hostname).into(),
        json(&said.facts).into(),
        (&said.facts.agent_version).into(),
        said.facts.protocol.into(),
        new.received.into(),
        said.sent.into(),
        said.sequence.into(),
        json(&said.reason).into(),
        said.interval_s.into(),
        json(&said.modules).into(),
        json(&said.blind_spots).into(),
        said.queue.running.into(),
        said.queue.waiting.into(),
        said.spool.reports.into(),
        said.spool.bytes.into(),
        said.spool.lost.into(),
        said.previous_id.into(),
    ]
}

fn new_agent(new: &NewHeartbeat) -> crate::events::NewEvent {
    crate::events::NewEvent {
        time: new.received,
        kind: "agent-new".to_owned(),
        body: serde_json::json!({
            "agent": new.heartbeat.agent,
            "hostname": new.heartbeat.facts.hostname,
            "state": new.state_if_new,
        }),
    }
}
