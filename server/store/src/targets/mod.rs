//! Targets: the hosts that an action concerns, one row each, and how far each is.

mod counters;
mod list;
mod progress;
mod sending;
mod sweep;

pub use counters::Counters;
pub use list::{Target, TargetFilter};
pub(crate) use progress::{Mark, Progress};
pub use sweep::Swept;

use crate::actions::take_ordinals;
use crate::agents::known_agents;
use crate::database::Store;
use crate::error::StoreError;
use crate::sql::{ROWS_PER_STATEMENT, Statement, words};
use gumshoe_protocol::{ActionId, AgentId, Timestamp};

words! {
    /// How far one host is with one action.
    TargetState {
        /// It is to answer, and has not been heard of.
        Targeted = "targeted",
        /// It runs the action.
        Running = "running",
        /// It has reported every operation.
        Answered = "answered",
        /// It did not obey; the code says why.
        Refused = "refused",
        /// It found that it is not meant.
        NotTarget = "not-target",
        /// Its agent ended while the action ran.
        Interrupted = "interrupted",
        /// It began, and had not answered when the window ended.
        TimedOut = "timed-out",
        /// It was there, did not begin, and the window ended.
        Expired = "expired",
        /// It was not there in the whole window.
        NeverReached = "never-reached",
    }
}

words! {
    /// What a host's answer is worth.
    Outcome {
        /// Something was found.
        Found = "found",
        /// Everything was looked at, and nothing found.
        Nothing = "nothing",
        /// Nothing was found where it was looked, and not everything was looked at.
        Incomplete = "incomplete",
        /// Nothing was found, and at least one operation failed.
        Failed = "failed",
    }
}

impl TargetState {
    /// Whether the host may still answer within the window.
    #[must_use]
    pub fn is_waited_for(self) -> bool {
        matches!(self, Self::Targeted | Self::Running)
    }
}

impl Store {
    /// Makes agents targets of an action; those that are already stay as they are. False if there is no such action.
    ///
    /// Agents that are not known are left out. One transaction for all.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn add_targets(
        &self,
        action: ActionId,
        agents: &[AgentId],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = StoreError::doing("store an action's targets");
        let mut transaction = self.begin("store an action's targets").await?;
        if take_ordinals(&mut transaction, action, 0).await?.is_none() {
            return Ok(false);
        }
        let known = known_agents(&mut transaction, agents).await?;
        let known: Vec<AgentId> = known.into_iter().collect();
        for chunk in known.chunks(ROWS_PER_STATEMENT) {
            let statement = insertion(action, chunk, now);
            statement
                .execute(&mut transaction, "store an action's targets")
                .await?;
        }
        transaction.commit().await.map_err(doing)?;
        Ok(true)
    }
}

/// Rows for agents that are known.
fn insertion(action: ActionId, agents: &[AgentId], now: Timestamp) -> Statement {
    let mut statement = Statement::new(
        "INSERT INTO targets (action, agent, selected, state, marks, operations, reported, findings, targeted, place) VALUES ",
    );
    let none = 0_i64;
    statement.rows(agents.iter().map(|agent| {
        vec![
            action.into(),
            (*agent).into(),
            true.into(),
            TargetState::Targeted.into(),
            none.into(),
            none.into(),
            none.into(),
            none.into(),
            now.into(),
            sending::place(action, *agent).into(),
        ]
    }));
    statement.push(" ON CONFLICT (action, agent) DO UPDATE SET selected = 1, place = excluded.place");
    statement
}
