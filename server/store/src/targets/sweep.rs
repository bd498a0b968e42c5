//! What becomes of targets that have not answered when the window ends.

use crate::actions::take_ordinals;
use crate::database::Store;
use crate::error::StoreError;
use crate::sql::Statement;
use gumshoe_protocol::{ActionId, Timestamp};

/// How many targets of an action were given up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Hosts that had begun.
    pub timed_out: u64,
    /// Hosts that were there and did not begin.
    pub expired: u64,
    /// Hosts that were not there in the whole window.
    pub never_reached: u64,
}

/// Whether the target's agent was heard of at a time or later.
const SEEN_SINCE: &str = " AND EXISTS (SELECT 1 FROM agents WHERE id = targets.agent AND last_seen >= ";

impl Store {
    /// Gives up the targets of an action that have not answered; for when its window has ended. Idempotent.
    ///
    /// A host that had begun has timed out; another one has expired if it was heard of at `since` (when the action
    /// began to be sent) or later, and was never reached if not. An answer that comes all the same is stored and counted
    /// as an answer.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn give_up_targets(
        &self,
        action: ActionId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Swept, StoreError> {
        let mut transaction = self.begin("give up targets").await?;
        take_ordinals(&mut transaction, action, 0).await?;
        let mut give_up = async |state: &str, condition: &'static str, since: Option<Timestamp>| {
            let mut statement = Statement::new("UPDATE targets SET state = ");
            statement.bind(state).push(", ended = ").bind(now);
            statement.push(" WHERE action = ").bind(action);
            statement.push(" AND state IN ").push(condition);
            if let Some(since) = since {
                statement.push(SEEN_SINCE).bind(since).push(")");
            }
            statement.execute(&mut transaction, "give up targets").await
        };
        let swept = Swept {
            timed_out: give_up("timed-out", "('running')", None).await?,
            expired: give_up("expired", "('targeted')", Some(since)).await?,
            never_reached: give_up("never-reached", "('targeted')", None).await?,
        };
        let doing = StoreError::doing("give up targets");
        transaction.commit().await.map_err(doing)?;
        Ok(swept)
    }
}
