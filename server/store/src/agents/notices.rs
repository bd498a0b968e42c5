//! What workers tell of agents, each once: what was told is stored together with the event that tells it.

use super::known_agents;
use crate::database::Store;
use crate::error::StoreError;
use crate::events::{self, NewEvent};
use crate::sql::{Columns, ROWS_PER_STATEMENT, Statement};
use gumshoe_protocol::{AgentId, Timestamp};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Something about an agent that people should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentNotice {
    /// The agent.
    pub agent: AgentId,
    /// Its host's name.
    pub hostname: String,
    /// Which kind of event it is: `agent-silent`, …
    pub kind: &'static str,
    /// What exactly. The same note of the same kind is not told again.
    pub note: String,
}

/// What was told, by agent and kind.
pub type Told = BTreeMap<(AgentId, String), String>;

impl Store {
    /// What was told of agents and is not over.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn told_notices(&self) -> Result<Told, StoreError> {
        let statement = Statement::new("SELECT agent, kind, note FROM agent_notices");
        let rows = self.fetch(statement, "read what was told of agents").await?;
        rows.iter()
            .map(|row| Ok(((row.agent("agent")?, row.text("kind")?), row.text("note")?)))
            .collect()
    }

    /// Tells notices as events, those that were not told before; all in one transaction with the memory of it. Agents that
    /// are gone are left out. Returns how many were told.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn tell_notices(&self, notices: &[AgentNotice], now: Timestamp) -> Result<u64, StoreError> {
        let doing = "store what is told of agents";
        let mut transaction = self.begin(doing).await?;
        let known = known_agents(&mut transaction, notices.iter().map(|notice| &notice.agent)).await?;
        let notices: Vec<_> = notices
            .iter()
            .filter(|notice| known.contains(&notice.agent))
            .collect();
        let mut events = Vec::new();
        for chunk in notices.chunks(ROWS_PER_STATEMENT) {
            let rows = insertion(chunk).fetch(&mut transaction, doing).await?;
            let keys = rows
                .iter()
                .map(|row| Ok((row.agent("agent")?, row.text("kind")?)));
            let new: BTreeSet<_> = keys.collect::<Result<_, StoreError>>()?;
            let is_new = |notice: &&&AgentNotice| new.contains(&(notice.agent, notice.kind.to_owned()));
            events.extend(chunk.iter().filter(is_new).map(|notice| event(notice, now)));
        }
        events::add(&mut transaction, &events).await?;
        transaction.commit().await.map_err(StoreError::doing(doing))?;
        Ok(events.len() as u64)
    }

    /// Forgets what is over: it is told again when it begins again.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn forget_notices(
        &self,
        over: impl IntoIterator<Item = &(AgentId, String)>,
    ) -> Result<(), StoreError> {
        for (agent, kind) in over {
            let mut statement = Statement::new("DELETE FROM agent_notices WHERE agent = ");
            statement.bind(*agent).push(" AND kind = ").bind(kind);
            self.changed(statement, "forget what was told of an agent")
                .await?;
        }
        Ok(())
    }
}

/// Returns the rows that were not there, or with another note.
fn insertion(notices: &[&AgentNotice]) -> Statement {
    let mut statement = Statement::new("INSERT INTO agent_notices (agent, kind, note) VALUES ");
    statement.rows(
        notices
            .iter()
            .map(|notice| vec![notice.agent.into(), notice.kind.into(), (&notice.note).into()]),
    );
    statement.push(
        " ON CONFLICT (agent, kind) DO UPDATE SET note = excluded.note WHERE agent_notices.note <> excluded.note
         RETURNING agent, kind",
    );
    statement
}

fn event(notice: &AgentNotice, now: Timestamp) -> NewEvent {
    NewEvent {
        time: now,
        kind: notice.kind.to_owned(),
        body: json!({"agent": notice.agent, "hostname": notice.hostname, "note": notice.note}),
    }
}
