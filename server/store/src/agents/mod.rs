//! Agents: who they are, what they last said about themselves, what the server's operators say about them.

mod heartbeat;
mod list;
mod notices;

pub use heartbeat::{HeartbeatBefore, HeartbeatOutcome, NewHeartbeat};
pub(crate) use list::known_agents;
pub use list::{AgentFacts, AgentFilter};
pub use notices::{AgentNotice, Told};

use crate::database::Store;
use crate::error::StoreError;
use crate::sql::{Columns, json, words};
use gumshoe_protocol::heartbeat::{HeartbeatReason, ModuleState, QueueState, SpoolState};
use gumshoe_protocol::{AgentId, Facts, Timestamp};
use serde::Serialize;
use sqlx::any::AnyRow;
use std::collections::BTreeMap;

words! {
    /// Whether an agent takes part.
    AgentState {
        /// Nobody has decided yet: it gets no action, its reports are kept out.
        Pending = "pending",
        /// It takes part.
        Approved = "approved",
        /// It was turned away.
        Rejected = "rejected",
        /// It was deleted; its key is kept for as long as there are reports to prove.
        Retired = "retired",
    }
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agent {
    /// Its identifier.
    pub id: AgentId,
    /// Its public report key, in base64.
    pub public_key: String,
    /// Whether it takes part.
    pub state: AgentState,
    /// The host's name, as it calls itself.
    pub hostname: String,
    /// What it said about its host.
    pub facts: Facts,
    /// What operators wrote about it on the server; no part of targets, which agents evaluate for themselves.
    pub labels: BTreeMap<String, String>,
    /// When its first heartbeat came.
    pub first_seen: Timestamp,
    /// When its last heartbeat came.
    pub last_seen: Timestamp,
    /// When it wrote that, by its own clock.
    pub sent: Timestamp,
    /// The number of that.
    pub sequence: u64,
    /// Why it sent that.
    pub reason: HeartbeatReason,
    /// Seconds from one heartbeat to the next.
    pub interval_s: u64,
    /// Its modules.
    pub modules: Vec<ModuleState>,
    /// What it can never look at.
    pub blind_spots: Vec<String>,
    /// Its operations.
    pub queue: QueueState,
    /// Its reports that wait for the relay.
    pub spool: SpoolState,
    /// The identifier it had before it found itself to be a copy.
    pub previous_id: Option<AgentId>,
    /// Why it is thought that two hosts share this identity.
    pub duplicate: Option<DuplicateMark>,
}

/// Why it is thought that two hosts share one identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DuplicateMark {
    /// When this was noticed.
    pub since: Timestamp,
    /// What was noticed.
    pub note: String,
}

/// How an agent was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// There is nothing left of it.
    Removed,
    /// It has answered actions that are still stored: it is [`AgentState::Retired`].
    Retired,
    /// There was no such agent.
    Unknown,
}

impl Store {
    /// One agent.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn agent(&self, id: AgentId) -> Result<Option<Agent>, StoreError> {
        let row = sqlx::query("SELECT * FROM agents WHERE id = $1")
            .bind(id.as_bytes().to_vec())
            .fetch_optional(self.reader())
            .await
            .map_err(StoreError::doing("read an agent"))?;
        row.as_ref().map(agent).transpose()
    }

    /// The public report keys (base64) and states of the agents among `ids` that are known: what is needed to open reports.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn agent_keys(
        &self,
        ids: &[AgentId],
    ) -> Result<BTreeMap<AgentId, (String, AgentState)>, StoreError> {
        let mut keys = BTreeMap::new();
        for ids in ids.chunks(crate::sql::ROWS_PER_STATEMENT) {
            let mut statement =
                crate::sql::Statement::new("SELECT id, public_key, state FROM agents WHERE id IN ");
            statement.list(ids.iter().map(|id| (*id).into()));
            for row in self.fetch(statement, "read agents' keys").await? {
                keys.insert(row.agent("id")?, (row.text("public_key")?, row.word("state")?));
            }
        }
        Ok(keys)
    }

    /// Moves an agent from one of `from` to `to`. False if there is no such agent, or it is in none of these states.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn set_agent_state(
        &self,
        id: AgentId,
        from: &[AgentState],
        to: AgentState,
    ) -> Result<bool, StoreError> {
        let mut statement = crate::sql::Statement::new("UPDATE agents SET state = ");
        statement.bind(to).push(" WHERE id = ").bind(id);
        statement
            .push(" AND state IN ")
            .list(from.iter().map(|state| (*state).into()));
        self.changed(statement, "change an agent's state").await
    }

    /// Replaces what operators wrote about an agent. False if there is no such agent.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn set_agent_labels(
        &self,
        id: AgentId,
        labels: &BTreeMap<String, String>,
    ) -> Result<bool, StoreError> {
        let mut statement = crate::sql::Statement::new("UPDATE agents SET labels = ");
        statement.bind(json(labels)).push(" WHERE id = ").bind(id);
        self.changed(statement, "label an agent").await
    }

    /// Marks an agent as one of two hosts with one identity, or takes the mark away. False if there is no such agent.
    ///
    /// A mark that is there already keeps its time.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn mark_duplicate(
        &self,
        id: AgentId,
        mark: Option<&DuplicateMark>,
    ) -> Result<bool, StoreError> {
        let since = mark.map(|mark| mark.since);
        let note = mark.map(|mark| mark.note.as_str());
        let mut statement = crate::sql::Statement::new("UPDATE agents SET duplicate_since = ");
        match mark {
            Some(_) => statement.push("COALESCE(duplicate_since, ").bind(since).push(")"),
            None => statement.bind(since),
        };
        statement.push(", duplicate_note = ").bind(note);
        statement.push(" WHERE id = ").bind(id);
        self.changed(statement, "mark an agent as a duplicate").await
    }

    /// Deletes an agent, or retires it where there are actions that it is part of.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn delete_agent(&self, id: AgentId) -> Result<Deleted, StoreError> {
        let doing = StoreError::doing("delete an agent");
        let mut transaction = self.begin("delete an agent").await?;
        let key = id.as_bytes().to_vec();
        let retired = sqlx::query("UPDATE agents SET state = 'retired' WHERE id = $1")
            .bind(key.clone())
            .execute(&mut *transaction)
            .await
            .map_err(doing)?;
        let removed = sqlx::query(
            "DELETE FROM agents WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM targets WHERE agent = agents.id)",
        )
        .bind(key)
        .execute(&mut *transaction)
        .await
        .map_err(doing)?;
        transaction.commit().await.map_err(doing)?;
        Ok(match (retired.rows_affected(), removed.rows_affected()) {
            (0, _) => Deleted::Unknown,
            (_, 0) => Deleted::Retired,
            _ => Deleted::Removed,
        })
    }

    /// Runs one statement that changes at most one row; says whether it did.
    pub(crate) async fn changed(
        &self,
        statement: crate::sql::Statement,
        doing: &'static str,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(statement, doing).await? > 0)
    }
}

fn agent(row: &AnyRow) -> Result<Agent, StoreError> {
    let note = row.maybe_text("duplicate_note")?.unwrap_or_default();
    Ok(Agent {
        id: row.agent("id")?,
        public_key: row.text("public_key")?,
        state: row.word("state")?,
        hostname: row.text("hostname")?,
        facts: row.json("facts")?,
        labels: row.json("labels")?,
        first_seen: row.time("first_seen")?,
        last_seen: row.time("last_seen")?,
        sent: row.time("sent")?,
        sequence: row.count("sequence")?,
        reason: row.json("reason")?,
        interval_s: row.count("interval_s")?,
        modules: row.json("modules")?,
        blind_spots: row.json("blind_spots")?,
        queue: QueueState {
            running: row.count("running")?,
            waiting: row.count("waiting")?,
        },
        spool: SpoolState {
            reports: row.count("spool_reports")?,
            bytes: row.count("spool_bytes")?,
            lost: row.count("spool_lost")?,
        },
        previous_id: row.maybe_agent("previous_id")?,
        duplicate: row
            .maybe_time("duplicate_since")?
            .map(|since| DuplicateMark { since, note }),
    })
}
