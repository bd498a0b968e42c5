//! Reading the audit log.

use super::{AuditEntry, entry};
use crate::database::Store;
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::sql::Statement;
use gumshoe_protocol::Timestamp;

/// The list's name in cursors.
const LIST: &str = "audit";

/// Which entries are listed. What is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this actor.
    pub actor: Option<String>,
    /// Of this kind.
    pub what: Option<String>,
    /// Written at this time or later.
    pub since: Option<Timestamp>,
    /// Written before.
    pub before: Option<Timestamp>,
}

impl Store {
    /// One page of the entries that pass, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::Cursor`].
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let mut statement = Statement::new("SELECT * FROM audit WHERE sequence > 0");
        if let Some(actor) = &filter.actor {
            statement.push(" AND actor = ").bind(actor);
        }
        if let Some(what) = &filter.what {
            statement.push(" AND what = ").bind(what);
        }
        if let Some(time) = filter.since {
            statement.push(" AND time >= ").bind(time);
        }
        if let Some(time) = filter.before {
            statement.push(" AND time < ").bind(time);
        }
        if let Some(sequence) = page.place::<u64>(LIST)? {
            statement.push(" AND sequence < ").bind(sequence);
        }
        statement.push(" ORDER BY sequence DESC LIMIT ").bind(page.rows());
        let rows = self.fetch(statement, "list the audit log").await?;
        let entries = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::new(entries, page, LIST, |entry| entry.sequence))
    }
}
