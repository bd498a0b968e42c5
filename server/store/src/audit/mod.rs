//! The audit log: who did what, append-only, each entry chained to the one before it.
//!
//! Whoever changes, removes or inserts an entry breaks the chain, and [`Store::verify_audit`] says where. Who can write to
//! the database can also write a whole new chain: keep the hash that [`Store::audit_head`] returns somewhere else from time
//! to time, and have it looked for.

mod chain;
mod list;

pub use chain::AuditVerdict;
pub use list::AuditFilter;

use crate::database::Store;
use crate::error::StoreError;
use crate::sql::{Columns, Statement};
use gumshoe_protocol::{ContentDigest, Timestamp};
use serde::Serialize;
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, Row as _, Transaction};

/// What is to be noted.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAuditEntry {
    /// Now.
    pub time: Timestamp,
    /// Who did it: a token's subject, a scheduler, an agent.
    pub actor: String,
    /// What was done; a stable word such as `action-submitted`.
    pub what: String,
    /// To what, with what.
    pub details: Value,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditEntry {
    /// Its number; there are no gaps.
    pub sequence: u64,
    /// When it was written.
    pub time: Timestamp,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub what: String,
    /// To what, with what: JSON, as it was hashed.
    pub details: String,
    /// The hash of the entry before it.
    pub previous: ContentDigest,
    /// Its hash.
    pub hash: ContentDigest,
}

/// The last entry of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AuditHead {
    /// Its number; 0 while the log is empty.
    pub sequence: u64,
    /// Its hash; zeroes while the log is empty.
    pub hash: ContentDigest,
}

/// What stands before the first entry.
const NOTHING: AuditHead = AuditHead {
    sequence: 0,
    hash: ContentDigest::from_bytes([0; ContentDigest::BYTES]),
};

impl Store {
    /// Adds entries to the log, in their order. All are added, or none.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn add_audit(&self, entries: &[NewAuditEntry]) -> Result<AuditHead, StoreError> {
        let mut transaction = self.begin("write the audit log").await?;
        let head = append(&mut transaction, self.for_update(), entries).await?;
        let doing = StoreError::doing("write the audit log");
        transaction.commit().await.map_err(doing)?;
        Ok(head)
    }

    /// The last entry of the log: what vouches for all before it.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn audit_head(&self) -> Result<AuditHead, StoreError> {
        let doing = StoreError::doing("read the audit log's head");
        read_end(&mut *self.reader().acquire().await.map_err(doing)?, "last").await
    }
}

/// An end of the log: its last entry, or what stands before the first that is kept.
async fn read_end(connection: &mut AnyConnection, which: &'static str) -> Result<AuditHead, StoreError> {
    let mut statement = Statement::new("SELECT sequence, hash FROM audit_ends WHERE which = ");
    statement.bind(which);
    let rows = statement
        .fetch(connection, "read the ends of the audit log")
        .await?;
    rows.first().map_or(Ok(NOTHING), end)
}

fn end(row: &AnyRow) -> Result<AuditHead, StoreError> {
    Ok(AuditHead {
        sequence: row.count("sequence")?,
        hash: row.digest("hash")?,
    })
}

/// Adds entries within a transaction; who adds locks the head until the transaction ends.
pub(crate) async fn append(
    transaction: &mut Transaction<'_, Any>,
    for_update: &'static str,
    entries: &[NewAuditEntry],
) -> Result<AuditHead, StoreError> {
    let doing = "write the audit log";
    let mut first = Statement::new("INSERT INTO audit_ends (which, sequence, hash) VALUES ");
    first.list(["last".into(), NOTHING.sequence.into(), NOTHING.hash.into()]);
    first.push(" ON CONFLICT DO NOTHING");
    first.execute(transaction, doing).await?;
    let mut lock = Statement::new("SELECT sequence, hash FROM audit_ends WHERE which = 'last'");
    lock.push(for_update);
    let rows = lock.fetch(transaction, doing).await?;
    let mut head = rows.first().map_or(Ok(NOTHING), end)?;
    for new in entries {
        let entry = chain::link(new, head);
        insertion(&entry).execute(transaction, doing).await?;
        head = entry.end();
    }
    set_end(transaction, "last", head).await?;
    Ok(head)
}

/// Moves an end of the log.
async fn set_end(
    transaction: &mut Transaction<'_, Any>,
    which: &'static str,
    place: AuditHead,
) -> Result<(), StoreError> {
    let mut statement = Statement::new("INSERT INTO audit_ends (which, sequence, hash) VALUES ");
    statement.list([which.into(), place.sequence.into(), place.hash.into()]);
    statement.push(" ON CONFLICT (which) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash");
    statement
        .execute(transaction, "move an end of the audit log")
        .await
        .map(drop)
}

fn insertion(entry: &AuditEntry) -> Statement {
    let mut statement =
        Statement::new("INSERT INTO audit (sequence, time, actor, what, details, previous, hash) VALUES ");
    statement.list([
        entry.sequence.into(),
        entry.time.into(),
        (&entry.actor).into(),
        (&entry.what).into(),
        (&entry.details).into(),
        entry.previous.into(),
        entry.hash.into(),
    ]);
    statement
}

fn entry(row: &AnyRow) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        sequence: row.count("sequence")?,
        time: row.time("time")?,
        actor: row.text("actor")?,
        what: row.text("what")?,
        details: row.text("details")?,
        previous: row.digest("previous")?,
        hash: row.digest("hash")?,
    })
}

/// Removes the oldest entries that were written before `before`, at most `limit`; the chain begins behind them then.
/// Returns how many were removed.
pub(crate) async fn remove_before(store: &Store, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let doing = StoreError::doing("shorten the audit log");
    let mut transaction = store.begin("shorten the audit log").await?;
    // Entries are removed from the beginning only, up to the first that stays, and the last one stays.
    let mut statement = Statement::new(
        "SELECT sequence, hash FROM audit WHERE sequence < (SELECT COALESCE(MIN(sequence),
         (SELECT MAX(sequence) FROM audit)) FROM audit WHERE time >= ",
    );
    statement
        .bind(before)
        .push(") ORDER BY sequence LIMIT ")
        .bind(limit);
    let rows = statement.fetch(&mut transaction, "shorten the audit log").await?;
    let Some(last) = rows.last() else { return Ok(0) };
    set_end(&mut transaction, "first", end(last)?).await?;
    sqlx::query("DELETE FROM audit WHERE sequence <= $1")
        .bind(last.try_get::<i64, _>("sequence").map_err(doing)?)
        .execute(&mut *transaction)
        .await
        .map_err(doing)?;
    transaction.commit().await.map_err(doing)?;
    Ok(rows.len() as u64)
}
