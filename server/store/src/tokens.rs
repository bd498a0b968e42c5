//! Tokens of the API, and challenges for logging in. Secrets are never stored: only their SHA-256.

use crate::database::Store;
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::sql::{Columns, Statement};
use gumshoe_protocol::{ContentDigest, Timestamp};
use serde::Serialize;
use sqlx::any::AnyRow;
use std::fmt;

/// The list's name in cursors.
const LIST: &str = "tokens";
/// Bytes of a token's identifier: the beginning of its hash.
const ID_BYTES: usize = 8;

/// What a token is called by: it is no secret. The first 64 bits of the SHA-256 of the token, in 16 digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TokenId(String);

/// A token to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// SHA-256 of the token.
    pub hash: ContentDigest,
    /// What people call it.
    pub name: String,
    /// What it allows; the API's own word.
    pub role: String,
    /// Whose it is.
    pub subject: String,
    /// Now.
    pub created: Timestamp,
    /// When it ends to be valid.
    pub expires: Timestamp,
}

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Token {
    /// What it is called by.
    pub id: TokenId,
    /// What people call it.
    pub name: String,
    /// What it allows.
    pub role: String,
    /// Whose it is.
    pub subject: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends to be valid.
    pub expires: Timestamp,
    /// When it was last used, to the minute.
    pub last_used: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

impl TokenId {
    /// The identifier of the token with this hash.
    #[must_use]
    pub fn of(hash: &ContentDigest) -> Self {
        let mut digits = hash.to_string();
        digits.truncate(2 * ID_BYTES);
        Self(digits)
    }

    /// An identifier as a user writes it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Store {
    /// Stores a token.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; permanent if the token is there already.
    pub async fn add_token(&self, new: &NewToken) -> Result<TokenId, StoreError> {
        let id = TokenId::of(&new.hash);
        let mut statement =
            Statement::new("INSERT INTO tokens (id, hash, name, role, subject, created, expires) VALUES ");
        statement.list([
            id.0.as_str().into(),
            new.hash.into(),
            (&new.name).into(),
            (&new.role).into(),
            (&new.subject).into(),
            new.created.into(),
            new.expires.into(),
        ]);
        self.changed(statement, "store a token").await?;
        Ok(id)
    }

    /// The token with this hash, if it is valid now: neither expired nor revoked.
    ///
    /// Notes that it was used, at most once a minute, so that reading does not always write.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; not if only the note could not be written.
    pub async fn use_token(&self, hash: &ContentDigest, now: Timestamp) -> Result<Option<Token>, StoreError> {
        let row = sqlx::query("SELECT * FROM tokens WHERE hash = $1 AND expires > $2 AND revoked IS NULL")
            .bind(hash.as_bytes().to_vec())
            .bind(now.timestamp_micros())
            .fetch_optional(self.reader())
            .await
            .map_err(StoreError::doing("read a token"))?;
        let Some(token) = row.as_ref().map(token).transpose()? else {
            return Ok(None);
        };
        let minute = |time: Timestamp| time.timestamp().div_euclid(60);
        if token.last_used.is_none_or(|last| minute(last) < minute(now)) {
            let mut statement = Statement::new("UPDATE tokens SET last_used = ");
            statement.bind(now).push(" WHERE hash = ").bind(*hash);
            // A full disk must not keep readers out.
            let _ = self.changed(statement, "note the use of a token").await;
        }
        Ok(Some(token))
    }

    /// Ends a token's validity; says whether there was such a token, valid until now.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn revoke_token(&self, id: &TokenId, now: Timestamp) -> Result<bool, StoreError> {
        let mut statement = Statement::new("UPDATE tokens SET revoked = ");
        statement.bind(now).push(" WHERE id = ").bind(id.0.as_str());
        statement.push(" AND revoked IS NULL");
        self.changed(statement, "revoke a token").await
    }

    /// One page of the tokens, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::Cursor`].
    pub async fn tokens(&self, page: &PageRequest) -> Result<Page<Token>, StoreError> {
        let mut statement = Statement::new("SELECT * FROM tokens WHERE created >= 0");
        if let Some((created, id)) = page.place::<(i64, String)>(LIST)? {
            statement.push(" AND (created, id) < (").bind(created);
            statement.push(", ").bind(id).push(")");
        }
        statement
            .push(" ORDER BY created DESC, id DESC LIMIT ")
            .bind(page.rows());
        let rows = self.fetch(statement, "list tokens").await?;
        let tokens = rows.iter().map(token).collect::<Result<Vec<_>, _>>()?;
        let place = |token: &Token| (token.created.timestamp_micros(), token.id.0.clone());
        Ok(Page::new(tokens, page, LIST, place))
    }

    /// Stores a challenge that may be answered once, by `subject`, until it expires. False if the nonce was used before.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn add_challenge(
        &self,
        nonce: &[u8],
        subject: &str,
        expires: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut statement = Statement::new("INSERT INTO challenges (nonce, subject, expires) VALUES ");
        statement.list([nonce.into(), subject.into(), expires.into()]);
        statement.push(" ON CONFLICT DO NOTHING");
        self.changed(statement, "store a challenge").await
    }

    /// Takes a challenge away and returns for whom it was made; `None` if there is none, or it has expired.
    ///
    /// Of several that try at the same time one gets it.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn take_challenge(&self, nonce: &[u8], now: Timestamp) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("DELETE FROM challenges WHERE nonce = $1 RETURNING subject, expires")
            .bind(nonce.to_vec())
            .fetch_optional(self.writer())
            .await
            .map_err(StoreError::doing("take a challenge"))?;
        match row {
            Some(row) if row.time("expires")? > now => row.text("subject").map(Some),
            _ => Ok(None),
        }
    }
}

fn token(row: &AnyRow) -> Result<Token, StoreError> {
    Ok(Token {
        id: TokenId(row.text("id")?),
        name: row.text("name")?,
        role: row.text("role")?,
        subject: row.text("subject")?,
        created: row.time("created")?,
        expires: row.time("expires")?,
        last_used: row.maybe_time("last_used")?,
        revoked: row.maybe_time("revoked")?,
    })
}
