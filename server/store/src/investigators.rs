//! Investigators, copied from the policy for display. Who may sign is decided by the policy, never by this table.

use crate::database::Store;
use crate::error::StoreError;
use crate::sql::{Columns, ROWS_PER_STATEMENT, Statement};
use serde::Serialize;
use serde_json::Value;

/// One key of an investigator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Investigator {
    /// Fingerprint of the key, in uppercase hexadecimal digits.
    pub fingerprint: String,
    /// Name, from the policy.
    pub name: String,
    /// Whatever else is to be shown.
    pub details: Value,
}

impl Store {
    /// Replaces all investigators.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; permanent if a fingerprint comes twice.
    pub async fn replace_investigators(&self, all: &[Investigator]) -> Result<(), StoreError> {
        let doing = StoreError::doing("store investigators");
        let mut transaction = self.begin("store investigators").await?;
        sqlx::query("DELETE FROM investigators")
            .execute(&mut *transaction)
            .await
            .map_err(doing)?;
        for chunk in all.chunks(ROWS_PER_STATEMENT) {
            let mut statement =
                Statement::new("INSERT INTO investigators (fingerprint, name, details) VALUES ");
            statement.rows(chunk.iter().map(|one| {
                vec![
                    (&one.fingerprint).into(),
                    (&one.name).into(),
                    one.details.to_string().into(),
                ]
            }));
            statement.execute(&mut transaction, "store investigators").await?;
        }
        transaction.commit().await.map_err(doing)
    }

    /// All investigators, by name. Limits: a policy has at most [`gumshoe_protocol::bounds::INVESTIGATORS`].
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn investigators(&self) -> Result<Vec<Investigator>, StoreError> {
        let rows = sqlx::query("SELECT * FROM investigators ORDER BY name, fingerprint")
            .fetch_all(self.reader())
            .await
            .map_err(StoreError::doing("list investigators"))?;
        let investigator = |row: &sqlx::any::AnyRow| {
            Ok(Investigator {
                fingerprint: row.text("fingerprint")?,
                name: row.text("name")?,
                details: row.json("details")?,
            })
        };
        rows.iter().map(investigator).collect()
    }
}
