//! Who does what, where several could; and numbers that outlive a process.

use crate::database::Store;
use crate::error::StoreError;
use crate::sql::{Columns, Statement};
use gumshoe_protocol::Timestamp;
use std::collections::BTreeMap;

impl Store {
    /// Takes or prolongs the lease `name` for `holder` until `until`. False while another one holds it.
    ///
    /// Times are the callers' clocks: a lease is for not doing work twice for nothing, never for correctness.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut statement = Statement::new("INSERT INTO leases (name, holder, expires) VALUES ");
        statement.list([name.into(), holder.into(), until.into()]);
        statement.push(
            " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires = excluded.expires
             WHERE leases.holder = excluded.holder OR leases.expires <= ",
        );
        statement.bind(now);
        self.changed(statement, "take a lease").await
    }

    /// Gives a lease back before it expires.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn release_lease(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let mut statement = Statement::new("DELETE FROM leases WHERE name = ");
        statement.bind(name).push(" AND holder = ").bind(holder);
        self.changed(statement, "give a lease back").await.map(drop)
    }

    /// Adds to counters, which begin at 0: things that are counted and not kept, such as reports of unknown agents.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn count(&self, counts: &BTreeMap<String, u64>) -> Result<(), StoreError> {
        if counts.is_empty() {
            return Ok(());
        }
        let mut statement = Statement::new("INSERT INTO counters (name, value) VALUES ");
        statement.rows(
            counts
                .iter()
                .map(|(name, value)| vec![name.into(), (*value).into()]),
        );
        statement.push(" ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value");
        self.changed(statement, "count").await.map(drop)
    }

    /// All counters.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn counted(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let rows = sqlx::query("SELECT name, value FROM counters")
            .fetch_all(self.reader())
            .await
            .map_err(StoreError::doing("read counters"))?;
        rows.iter()
            .map(|row| Ok((row.text("name")?, row.count("value")?)))
            .collect()
    }
}
