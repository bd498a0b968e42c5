//! Events on their way to workers: written in the transaction of what they tell of, removed when the relay has them.

use crate::database::Store;
use crate::error::StoreError;
use crate::sql::{Columns, ROWS_PER_STATEMENT, Statement};
use gumshoe_protocol::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sqlx::{Any, Transaction};

/// An event to tell workers.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// When it happened.
    pub time: Timestamp,
    /// What kind it is of: `agent-new`, `action-state`, …
    pub kind: String,
    /// What happened.
    pub body: Value,
}

/// An event that waits to be published.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Its number; workers recognise by it what they have seen before.
    pub number: i64,
    /// When it happened.
    pub time: Timestamp,
    /// What kind it is of.
    pub kind: String,
    /// What happened.
    pub body: Value,
}

impl Store {
    /// The oldest events that wait, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn waiting_events(&self, limit: u32) -> Result<Vec<Event>, StoreError> {
        let rows = sqlx::query("SELECT * FROM events ORDER BY number LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(self.reader())
            .await
            .map_err(StoreError::doing("read events"))?;
        let event = |row: &sqlx::any::AnyRow| {
            Ok(Event {
                number: row.int("number")?,
                time: row.time("time")?,
                kind: row.text("kind")?,
                body: row.json("body")?,
            })
        };
        rows.iter().map(event).collect()
    }

    /// Removes events that the relay has taken.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn remove_events(&self, numbers: &[i64]) -> Result<(), StoreError> {
        for chunk in numbers.chunks(ROWS_PER_STATEMENT) {
            let mut statement = Statement::new("DELETE FROM events WHERE number IN ");
            statement.list(chunk.iter().map(|number| (*number).into()));
            self.changed(statement, "remove events").await?;
        }
        Ok(())
    }
}

/// Adds events to a transaction.
pub(crate) async fn add(
    transaction: &mut Transaction<'_, Any>,
    events: &[NewEvent],
) -> Result<(), StoreError> {
    for chunk in events.chunks(ROWS_PER_STATEMENT) {
        let mut statement = Statement::new("INSERT INTO events (time, kind, body) VALUES ");
        statement.rows(chunk.iter().map(|event| {
            vec![
                event.time.into(),
                (&event.kind).into(),
                event.body.to_string().into(),
            ]
        }));
        statement.execute(transaction, "store events").await?;
    }
    Ok(())
}
