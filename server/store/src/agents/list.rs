//! Lists of agents: for people in pages, for targets as a stream.

use super::{Agent, AgentState, agent};
use crate::database::Store;
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::sql::{Columns, ROWS_PER_STATEMENT, Statement};
use futures_util::stream::{self, Stream, TryStreamExt as _};
use gumshoe_protocol::{AgentId, Facts, Timestamp};
use sqlx::{Any, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// How many rows a stream asks for at once.
const STREAM_ROWS: u32 = 1000;
/// The list's name in cursors.
const LIST: &str = "agents";

/// Which agents are listed. What is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentFilter {
    /// In one of these states; empty: in all but retired.
    pub states: Vec<AgentState>,
    /// With this text in the name of the host (letters of either case), or with an identifier that begins with it.
    pub text: Option<String>,
    /// Last seen before.
    pub seen_before: Option<Timestamp>,
    /// Last seen at this time or later.
    pub seen_since: Option<Timestamp>,
    /// Marked as duplicates, or not.
    pub duplicate: Option<bool>,
    /// With another version than this.
    pub version_is_not: Option<String>,
}

/// What targets are evaluated over.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentFacts {
    /// The agent.
    pub id: AgentId,
    /// What it said about its host.
    pub facts: Facts,
    /// When its last heartbeat came.
    pub last_seen: Timestamp,
    /// Seconds from one heartbeat to the next.
    pub interval_s: u64,
}

impl Store {
    /// One page of the agents that pass, by name of the host.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::Cursor`].
    pub async fn agents(&self, filter: &AgentFilter, page: &PageRequest) -> Result<Page<Agent>, StoreError> {
        let mut statement = Statement::new("SELECT * FROM agents WHERE ");
        filter.push_to(&mut statement);
        if let Some((hostname, id)) = page.place::<(String, AgentId)>(LIST)? {
            statement.push(" AND (hostname, id) > (").bind(hostname);
            statement.push(", ").bind(id).push(")");
        }
        statement.push(" ORDER BY hostname, id LIMIT ").bind(page.rows());
        let rows = self.fetch(statement, "list agents").await?;
        let agents = rows.iter().map(agent).collect::<Result<Vec<_>, _>>()?;
        let place = |agent: &Agent| (agent.hostname.clone(), agent.id);
        Ok(Page::new(agents, page, LIST, place))
    }

    /// How many agents there are in each state.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn agent_counts(&self) -> Result<BTreeMap<AgentState, u64>, StoreError> {
        let rows = sqlx::query("SELECT state, COUNT(*) AS agents FROM agents GROUP BY state")
            .fetch_all(self.reader())
            .await
            .map_err(StoreError::doing("count agents"))?;
        rows.iter()
            .map(|row| Ok((row.word("state")?, row.count("agents")?)))
            .collect()
    }

    /// The facts of all approved agents, by identifier.
    ///
    /// Read in portions: an agent that is approved meanwhile may or may not be among them; nothing is locked.
    pub fn approved_facts(&self) -> impl Stream<Item = Result<AgentFacts, StoreError>> + Send + '_ {
        let portions = stream::try_unfold(Some(None), move |after| async move {
            let Some(after) = after else { return Ok(None) };
            let portion = self.facts_behind(after).await?;
            let goes_on = portion.len() == STREAM_ROWS as usize;
            let next = portion.last().filter(|_| goes_on).map(|last| Some(last.id));
            Ok::<_, StoreError>(Some((stream::iter(portion.into_iter().map(Ok)), next)))
        });
        portions.try_flatten()
    }

    async fn facts_behind(&self, after: Option<AgentId>) -> Result<Vec<AgentFacts>, StoreError> {
        let mut statement =
            Statement::new("SELECT id, facts, last_seen, interval_s FROM agents WHERE state = 'approved'");
        if let Some(id) = after {
            statement.push(" AND id > ").bind(id);
        }
        statement.push(" ORDER BY id LIMIT ").bind(STREAM_ROWS);
        let rows = self.fetch(statement, "read agents' facts").await?;
        let facts = rows.iter().map(|row| {
            Ok(AgentFacts {
                id: row.agent("id")?,
                facts: row.json("facts")?,
                last_seen: row.time("last_seen")?,
                interval_s: row.count("interval_s")?,
            })
        });
        facts.collect()
    }
}

/// Those of the agents that are known.
pub(crate) async fn known_agents(
    transaction: &mut Transaction<'_, Any>,
    agents: impl IntoIterator<Item = &AgentId>,
) -> Result<BTreeSet<AgentId>, StoreError> {
    let ids: BTreeSet<AgentId> = agents.into_iter().copied().collect();
    let mut known = BTreeSet::new();
    for chunk in ids.into_iter().collect::<Vec<_>>().chunks(ROWS_PER_STATEMENT) {
        let mut statement = Statement::new("SELECT id FROM agents WHERE id IN ");
        statement.list(chunk.iter().map(|id| (*id).into()));
        for row in statement.fetch(transaction, "read agents").await? {
            known.insert(row.agent("id")?);
        }
    }
    Ok(known)
}

impl AgentFilter {
    fn push_to(&self, statement: &mut Statement) {
        if self.states.is_empty() {
            statement.push("state <> 'retired'");
        } else {
            let states = self.states.iter().map(|state| (*state).into());
            statement.push("state IN ").list(states);
        }
        if let Some(text) = &self.text {
            push_text(text, statement);
        }
        if let Some(time) = self.seen_before {
            statement.push(" AND last_seen < ").bind(time);
        }
        if let Some(time) = self.seen_since {
            statement.push(" AND last_seen >= ").bind(time);
        }
        match self.duplicate {
            Some(true) => statement.push(" AND duplicate_since IS NOT NULL"),
            Some(false) => statement.push(" AND duplicate_since IS NULL"),
            None => statement,
        };
        if let Some(version) = &self.version_is_not {
            statement.push(" AND agent_version <> ").bind(version);
        }
    }
}

fn push_text(text: &str, statement: &mut Statement) {
    statement.push(" AND (LOWER(hostname) LIKE ");
    statement.bind(format!("%{}%", literal(&text.to_lowercase())));
    statement.push(" ESCAPE '\\'");
    if let Some((from, to)) = id_range(text) {
        statement
            .push(" OR id BETWEEN ")
            .bind(from)
            .push(" AND ")
            .bind(to);
    }
    statement.push(")");
}

/// Text in which `LIKE` sees no patterns.
fn literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// The identifiers that begin with these digits.
fn id_range(digits: &str) -> Option<(AgentId, AgentId)> {
    let filled = |filler: &str| {
        format!(
            "{digits}{}",
            filler.repeat((2 * AgentId::BYTES).saturating_sub(digits.len()))
        )
    };
    let range = (filled("0").parse().ok()?, filled("f").parse().ok()?);
    (!digits.is_empty()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_identifier_is_a_range_of_them() {
        let (from, to) = id_range("0a").unwrap();
        assert_eq!(from.to_string(), format!("0a{}", "0".repeat(30)));
        assert_eq!(to.to_string(), format!("0a{}", "f".repeat(30)));
        for text in ["", "web", "0A", &"0".repeat(33)] {
            assert_eq!(id_range(text), None, "{text}");
        }
    }

    #[test]
    fn patterns_in_text_are_text() {
        assert_eq!(literal(r"50%_\"), r"50\%\_\\");
    }
}
