//! Lists of targets.

use super::{Outcome, TargetState};
use crate::database::Store;
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::sql::{Columns, Statement};
use gumshoe_protocol::{ActionId, AgentId, Timestamp};
use serde::Serialize;
use sqlx::any::AnyRow;

/// The lists' names in cursors.
const LIST: &str = "targets";
const OF_AGENT: &str = "agent-targets";

/// One host of one action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    /// The action.
    pub action: ActionId,
    /// The agent.
    pub agent: AgentId,
    /// Its host's name, as it calls itself now.
    pub hostname: String,
    /// Whether the target selected it; where the action went to every agent, others may have answered.
    pub selected: bool,
    /// How far it is.
    pub state: TargetState,
    /// What its answer is worth.
    pub outcome: Option<Outcome>,
    /// Stable code of a refusal.
    pub code: Option<String>,
    /// How many operations it says there are.
    pub operations: u32,
    /// How many of them it has reported.
    pub reported: u32,
    /// How many findings it has reported.
    pub findings: u64,
    /// When it became a target.
    pub targeted: Timestamp,
    /// When it was sent to: when the relay confirmed that it keeps the action for it.
    pub published: Option<Timestamp>,
    /// When it was first heard of: what it was delivered to.
    pub delivered: Option<Timestamp>,
    /// When it was heard that it runs.
    pub started: Option<Timestamp>,
    /// When its state became final.
    pub ended: Option<Timestamp>,
}

/// Which targets are listed. What is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetFilter {
    /// In one of these states; empty: in any.
    pub states: Vec<TargetState>,
    /// With one of these outcomes; empty: with any or none.
    pub outcomes: Vec<Outcome>,
    /// Published, or not.
    pub published: Option<bool>,
    /// Selected by the target, or not.
    pub selected: Option<bool>,
}

/// What a [`Target`] is read from.
const SELECT: &str =
    "SELECT targets.*, agents.hostname FROM targets JOIN agents ON agents.id = targets.agent WHERE ";

impl Store {
    /// One page of an action's targets that pass, by agent.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::Cursor`].
    pub async fn targets(
        &self,
        action: ActionId,
        filter: &TargetFilter,
        page: &PageRequest,
    ) -> Result<Page<Target>, StoreError> {
        let mut statement = Statement::new(SELECT);
        statement.push("action = ").bind(action);
        filter.push_to(&mut statement);
        if let Some(agent) = page.place::<AgentId>(LIST)? {
            statement.push(" AND agent > ").bind(agent);
        }
        statement.push(" ORDER BY agent LIMIT ").bind(page.rows());
        let targets = self.read_targets(statement).await?;
        Ok(Page::new(targets, page, LIST, |target| target.agent))
    }

    /// One page of the actions that an agent is a target of, by action.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::Cursor`].
    pub async fn targets_of_agent(
        &self,
        agent: AgentId,
        page: &PageRequest,
    ) -> Result<Page<Target>, StoreError> {
        let mut statement = Statement::new(SELECT);
        statement.push("agent = ").bind(agent);
        if let Some(action) = page.place::<ActionId>(OF_AGENT)? {
            statement.push(" AND action > ").bind(action);
        }
        statement.push(" ORDER BY action LIMIT ").bind(page.rows());
        let targets = self.read_targets(statement).await?;
        Ok(Page::new(targets, page, OF_AGENT, |target| target.action))
    }

    async fn read_targets(&self, statement: Statement) -> Result<Vec<Target>, StoreError> {
        let rows = self.fetch(statement, "list targets").await?;
        rows.iter().map(target).collect()
    }
}

impl TargetFilter {
    fn push_to(&self, statement: &mut Statement) {
        if !self.states.is_empty() {
            let states = self.states.iter().map(|state| (*state).into());
            statement.push(" AND targets.state IN ").list(states);
        }
        if !self.outcomes.is_empty() {
            let outcomes = self.outcomes.iter().map(|outcome| (*outcome).into());
            statement.push(" AND outcome IN ").list(outcomes);
        }
        match self.published {
            Some(true) => statement.push(" AND published IS NOT NULL"),
            Some(false) => statement.push(" AND published IS NULL"),
            None => statement,
        };
        if let Some(selected) = self.selected {
            statement.push(" AND selected = ").bind(selected);
        }
    }
}

fn target(row: &AnyRow) -> Result<Target, StoreError> {
    Ok(Target {
        action: row.action("action")?,
        agent: row.agent("agent")?,
        hostname: row.text("hostname")?,
        selected: row.flag("selected")?,
        state: row.word("state")?,
        outcome: row.maybe_word("outcome")?,
        code: row.maybe_text("code")?,
        operations: row.small("operations")?,
        reported: row.small("reported")?,
        findings: row.count("findings")?,
        targeted: row.time("targeted")?,
        published: row.maybe_time("published")?,
        delivered: row.maybe_time("delivered")?,
        started: row.maybe_time("started")?,
        ended: row.maybe_time("ended")?,
    })
}
