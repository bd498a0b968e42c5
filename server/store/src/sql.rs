//! Between rows and values: what both databases can hold is integers, text and bytes.

use crate::error::StoreError;
use gumshoe_protocol::{ActionId, AgentId, ContentDigest, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AnyConnection, Arguments as _, AssertSqlSafe, Database as _, Postgres, Row as _};
use std::fmt::Write as _;
use std::str::FromStr;

/// How many rows one statement writes or asks for; both databases bound the number of values in a statement
/// (SQLite: 32,766).
pub(crate) const ROWS_PER_STATEMENT: usize = 500;

/// Stands in a statement where a value belongs.
const VALUE: char = '?';

/// A statement that is put together: text of this crate only, and the values that arrived from outside.
///
/// Values are numbered when the statement is run, and only for PostgreSQL: SQLite looks a numbered value up by its name,
/// among all others, once per value.
pub(crate) struct Statement {
    text: String,
    values: AnyArguments,
}

impl Statement {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            values: AnyArguments::default(),
        }
    }

    /// Adds text of this crate's own.
    pub(crate) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a value.
    pub(crate) fn bind(&mut self, value: impl Into<Bound>) -> &mut Self {
        // The encodings of these types cannot fail.
        let _ = match value.into() {
            Bound::Integer(value) => self.values.add(value),
            Bound::Text(value) => self.values.add(value),
            Bound::Bytes(value) => self.values.add(value),
        };
        self.text.push(VALUE);
        self
    }

    /// Adds values in parentheses.
    pub(crate) fn list(&mut self, values: impl IntoIterator<Item = Bound>) -> &mut Self {
        for (index, value) in values.into_iter().enumerate() {
            self.push(if index == 0 { "(" } else { ", " }).bind(value);
        }
        self.push(")")
    }

    /// Adds rows of values in parentheses.
    pub(crate) fn rows(&mut self, rows: impl IntoIterator<Item = Vec<Bound>>) -> &mut Self {
        for (index, row) in rows.into_iter().enumerate() {
            self.push(if index == 0 { "" } else { ", " }).list(row);
        }
        self
    }

    /// Runs it and returns the rows.
    pub(crate) async fn fetch(
        self,
        connection: &mut AnyConnection,
        doing: &'static str,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let query = self.query(connection);
        query
            .fetch_all(connection)
            .await
            .map_err(StoreError::doing(doing))
    }

    /// Runs it and returns how many rows it wrote.
    pub(crate) async fn execute(
        self,
        connection: &mut AnyConnection,
        doing: &'static str,
    ) -> Result<u64, StoreError> {
        let query = self.query(connection);
        let done = query
            .execute(connection)
            .await
            .map_err(StoreError::doing(doing))?;
        Ok(done.rows_affected())
    }

    /// The query. Values are never part of its text.
    fn query(self, connection: &AnyConnection) -> sqlx::query::Query<'static, sqlx::Any, AnyArguments> {
        let text = match connection.backend_name() {
            Postgres::NAME => numbered(&self.text),
            _ => self.text,
        };
        sqlx::query_with(AssertSqlSafe(text), self.values)
    }
}

/// The text with `$1`, `$2`, … for the values.
fn numbered(text: &str) -> String {
    let mut parts = text.split(VALUE);
    let mut numbered = parts.next().unwrap_or_default().to_owned();
    for (number, part) in (1..).zip(parts) {
        // Writing to a `String` cannot fail.
        let _ = write!(numbered, "${number}{part}");
    }
    numbered
}

/// A value that a statement carries.
pub(crate) enum Bound {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// Makes `From` for a type and for its option.
macro_rules! bound {
    ($($type:ty => $kind:ident, $value:ident => $converted:expr;)*) => { $(
        impl From<$type> for Bound {
            fn from($value: $type) -> Self {
                Self::$kind(Some($converted))
            }
        }

        impl From<Option<$type>> for Bound {
            fn from(value: Option<$type>) -> Self {
                Self::$kind(value.map(|$value| $converted))
            }
        }
    )* };
}

bound! {
    i64 => Integer, value => value;
    u32 => Integer, value => i64::from(value);
    u64 => Integer, value => signed(value);
    usize => Integer, value => i64::try_from(value).unwrap_or(i64::MAX);
    bool => Integer, value => i64::from(value);
    Timestamp => Integer, value => value.timestamp_micros();
    &str => Text, value => value.to_owned();
    &String => Text, value => value.clone();
    String => Text, value => value;
    ActionId => Bytes, value => value.as_bytes().to_vec();
    AgentId => Bytes, value => value.as_bytes().to_vec();
    ContentDigest => Bytes, value => value.as_bytes().to_vec();
    &[u8] => Bytes, value => value.to_vec();
    Vec<u8> => Bytes, value => value;
}

/// A count as the databases hold it; counts of more than 63 bits arrive from hostile agents only.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A value as JSON. What is stored this way has text for keys and finite numbers, so that it can be written.
pub(crate) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Reads columns of a row as the values they stand for.
pub(crate) trait Columns {
    fn int(&self, column: &'static str) -> Result<i64, StoreError>;
    fn maybe_int(&self, column: &'static str) -> Result<Option<i64>, StoreError>;
    fn text(&self, column: &'static str) -> Result<String, StoreError>;
    fn maybe_text(&self, column: &'static str) -> Result<Option<String>, StoreError>;
    fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError>;
    fn maybe_bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError>;

    fn count(&self, column: &'static str) -> Result<u64, StoreError> {
        u64::try_from(self.int(column)?).map_err(|error| damaged(column, error))
    }

    fn small(&self, column: &'static str) -> Result<u32, StoreError> {
        u32::try_from(self.int(column)?).map_err(|error| damaged(column, error))
    }

    fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        time(column, self.int(column)?)
    }

    fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        self.maybe_int(column)?
            .map(|value| time(column, value))
            .transpose()
    }

    fn action(&self, column: &'static str) -> Result<ActionId, StoreError> {
        fixed(column, self.bytes(column)?).map(ActionId::from_bytes)
    }

    fn agent(&self, column: &'static str) -> Result<AgentId, StoreError> {
        fixed(column, self.bytes(column)?).map(AgentId::from_bytes)
    }

    fn maybe_agent(&self, column: &'static str) -> Result<Option<AgentId>, StoreError> {
        let id = |bytes| fixed(column, bytes).map(AgentId::from_bytes);
        self.maybe_bytes(column)?.map(id).transpose()
    }

    fn digest(&self, column: &'static str) -> Result<ContentDigest, StoreError> {
        fixed(column, self.bytes(column)?).map(ContentDigest::from_bytes)
    }

    fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|error| damaged(column, error))
    }

    fn maybe_json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        let parse = |text: String| serde_json::from_str(&text).map_err(|error| damaged(column, error));
        self.maybe_text(column)?.map(parse).transpose()
    }

    fn word<T: FromStr<Err = UnknownWord>>(&self, column: &'static str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|error| damaged(column, error))
    }

    fn maybe_word<T: FromStr<Err = UnknownWord>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        self.maybe_text(column)?
            .map(|text| text.parse().map_err(|error| damaged(column, error)))
            .transpose()
    }
}

/// Makes a reader of one column.
macro_rules! column {
    ($($name:ident -> $type:ty;)*) => { $(
        fn $name(&self, column: &'static str) -> Result<$type, StoreError> {
            self.try_get(column).map_err(|error| damaged(column, error))
        }
    )* };
}

impl Columns for AnyRow {
    column! {
        int -> i64;
        maybe_int -> Option<i64>;
        text -> String;
        maybe_text -> Option<String>;
        bytes -> Vec<u8>;
        maybe_bytes -> Option<Vec<u8>>;
    }
}

fn damaged(column: &'static str, error: impl std::fmt::Display) -> StoreError {
    StoreError::Value {
        column,
        message: error.to_string(),
    }
}

fn time(column: &'static str, micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_timestamp_micros(micros)
        .ok_or_else(|| damaged(column, format!("{micros} µs is no point in time")))
}

fn fixed<const N: usize>(column: &'static str, bytes: Vec<u8>) -> Result<[u8; N], StoreError> {
    let have = bytes.len();
    bytes
        .try_into()
        .map_err(|_| damaged(column, format!("it has {have} bytes, {N} are expected")))
}

/// Text that is none of the words of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not one of {expected}")]
pub struct UnknownWord {
    /// The text.
    pub(crate) found: String,
    /// The words.
    pub(crate) expected: String,
}

/// Makes an enumeration that is written as words, in the database as in JSON.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::sql::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.iter().find(|word| word.as_str() == text);
                found.copied().ok_or_else(|| $crate::sql::UnknownWord {
                    found: text.chars().take(64).collect(),
                    expected: [$($word),*].join(", "),
                })
            }
        }

        impl From<$name> for $crate::sql::Bound {
            fn from(value: $name) -> Self {
                Self::from(value.as_str())
            }
        }

        impl From<Option<$name>> for $crate::sql::Bound {
            fn from(value: Option<$name>) -> Self {
                Self::from(value.map($name::as_str))
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_in_their_order() {
        let mut statement = Statement::new("UPDATE t SET a = ");
        statement.bind(1_i64).push(" WHERE b IN ");
        statement.list(["x".into(), "y ? z".into()]);
        assert_eq!(statement.text, "UPDATE t SET a = ? WHERE b IN (?, ?)");
        assert_eq!(
            numbered(&statement.text),
            "UPDATE t SET a = $1 WHERE b IN ($2, $3)"
        );
        assert_eq!(numbered("SELECT 1"), "SELECT 1");
    }
}
