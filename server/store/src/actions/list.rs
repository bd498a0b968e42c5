//! Lists of actions.

use super::{ActionState, StoredAction, stored_action};
use crate::database::Store;
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::sql::Statement;
use gumshoe_protocol::{ActionId, Timestamp};

/// The list's name in cursors.
const LIST: &str = "actions";

/// Which actions are listed. What is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActionFilter {
    /// In one of these states; empty: in any.
    pub states: Vec<ActionState>,
    /// Brought by.
    pub submitted_by: Option<String>,
    /// Signed with the key of this fingerprint.
    pub signer: Option<String>,
}

impl Store {
    /// One page of the actions that pass, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::Cursor`].
    pub async fn actions(
        &self,
        filter: &ActionFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredAction>, StoreError> {
        let mut statement = Statement::new("SELECT * FROM actions WHERE created >= 0");
        filter.push_to(&mut statement);
        if let Some((created, id)) = page.place::<(i64, ActionId)>(LIST)? {
            statement.push(" AND (created, id) < (").bind(created);
            statement.push(", ").bind(id).push(")");
        }
        statement
            .push(" ORDER BY created DESC, id DESC LIMIT ")
            .bind(page.rows());
        let actions = self.read_actions(statement).await?;
        let place = |action: &StoredAction| (action.created.timestamp_micros(), action.id);
        Ok(Page::new(actions, page, LIST, place))
    }

    /// The actions that a scheduler has to look after: all that have not ended, oldest first; at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn unfinished_actions(&self, limit: u32) -> Result<Vec<StoredAction>, StoreError> {
        let mut statement = Statement::new(
            "SELECT * FROM actions WHERE state IN ('queued', 'canary', 'running') ORDER BY created, id LIMIT ",
        );
        statement.bind(limit);
        self.read_actions(statement).await
    }

    /// The actions whose window has ended and that still have hosts which are waited for, oldest first; at most `limit`.
    ///
    /// Among them are actions that were stopped or cancelled.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn overdue_actions(&self, now: Timestamp, limit: u32) -> Result<Vec<StoredAction>, StoreError> {
        let mut statement = Statement::new("SELECT * FROM actions WHERE state <> 'draft' AND expires <= ");
        statement.bind(now);
        statement.push(
            " AND (state IN ('queued', 'canary', 'running') OR EXISTS (SELECT 1 FROM targets
             WHERE action = actions.id AND targets.state IN ('targeted', 'running')))
             ORDER BY expires, id LIMIT ",
        );
        statement.bind(limit);
        self.read_actions(statement).await
    }

    async fn read_actions(&self, statement: Statement) -> Result<Vec<StoredAction>, StoreError> {
        let rows = self.fetch(statement, "list actions").await?;
        rows.iter().map(stored_action).collect()
    }
}

impl ActionFilter {
    fn push_to(&self, statement: &mut Statement) {
        if !self.states.is_empty() {
            let states = self.states.iter().map(|state| (*state).into());
            statement.push(" AND state IN ").list(states);
        }
        if let Some(who) = &self.submitted_by {
            statement.push(" AND submitted_by = ").bind(who);
        }
        if let Some(fingerprint) = &self.signer {
            statement.push(" AND id IN (SELECT action FROM action_signers WHERE fingerprint = ");
            statement.bind(fingerprint).push(")");
        }
    }
}
