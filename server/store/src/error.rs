//! Why the store did not do what it was asked, and whether asking again can help.

use sqlx::error::DatabaseError;
use std::io;
use std::path::PathBuf;

/// Why the store did not do what it was asked. Nothing of what was asked has been stored then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The connection string names no database that is known here. It is not repeated: it may hold a password.
    #[error(
        "the database's address is not acceptable: {0}; write `sqlite:PATH` or `postgres://USER@HOST/NAME`"
    )]
    Address(String),
    /// The database's file could not be made.
    #[error("failed to create the database file `{path}`")]
    File {
        /// Where it should be.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// Asking again later can help: nothing must be acknowledged, nothing is lost.
    #[error("failed to {doing}: {cause}")]
    Transient {
        /// What was asked.
        doing: &'static str,
        /// What stood in the way.
        cause: TransientCause,
        /// What the database says.
        source: sqlx::Error,
    },
    /// Asking again would fail again.
    #[error("failed to {doing}")]
    Permanent {
        /// What was asked.
        doing: &'static str,
        /// What the database says.
        source: sqlx::Error,
    },
    /// A stored value is not what this program writes there.
    #[error("the stored value of `{column}` is damaged: {message}")]
    Value {
        /// Its column.
        column: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// A step of the schema failed.
    #[error("failed to bring the database's tables up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The tables were made by a newer program.
    #[error("the tables are of version {found}, this program knows version {expected}: run a newer program")]
    NewerSchema {
        /// Version of the tables.
        found: i64,
        /// Version that this program knows.
        expected: i64,
    },
    /// A cursor that was not made by this list.
    #[error("the cursor is not one that this list gave out")]
    Cursor,
}

/// What stands in the way for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransientCause {
    /// Somebody else is writing.
    #[error("the database is busy")]
    Busy,
    /// No room on the disk.
    #[error("the database's disk is full")]
    Full,
    /// The database does not answer, or has ended the connection.
    #[error("the database cannot be reached")]
    Unreachable,
    /// Two transactions met, and this one gave way.
    #[error("another transaction came first")]
    Conflict,
    /// Connections or memory have run out.
    #[error("the database is out of resources")]
    Resources,
}

impl StoreError {
    /// Whether asking again later can help. What came from the relay must then not be acknowledged.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }

    /// Turns the database's errors into this type; for `map_err`.
    pub(crate) fn doing(doing: &'static str) -> impl Fn(sqlx::Error) -> Self + Copy {
        move |source| match cause(&source) {
            Some(cause) => Self::Transient { doing, cause, source },
            None => Self::Permanent { doing, source },
        }
    }
}

/// What stands in the way for now; `None` if it will stand there for ever.
fn cause(error: &sqlx::Error) -> Option<TransientCause> {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            Some(TransientCause::Unreachable)
        }
        sqlx::Error::PoolTimedOut => Some(TransientCause::Busy),
        sqlx::Error::Database(error) => code_cause(error.as_ref()),
        _ => None,
    }
}

/// Judges by the code: five characters (SQLSTATE) are PostgreSQL's, a number is SQLite's.
fn code_cause(error: &dyn DatabaseError) -> Option<TransientCause> {
    let code = error.code()?;
    match code.parse::<u32>() {
        Ok(number) if code.len() < 5 => sqlite_cause(number),
        _ => postgres_cause(&code),
    }
}

/// Source: SQLite's result codes; the lowest byte is the primary code.
fn sqlite_cause(code: u32) -> Option<TransientCause> {
    match code & 0xff {
        5 | 6 => Some(TransientCause::Busy),
        7 => Some(TransientCause::Resources),
        // SQLITE_IOERR: where a write-ahead log cannot grow, a full disk is told as this.
        10 | 13 => Some(TransientCause::Full),
        // SQLITE_READONLY after the file was moved, SQLITE_CANTOPEN.
        14 => Some(TransientCause::Unreachable),
        _ => None,
    }
}

/// Source: PostgreSQL's appendix on error codes (SQLSTATE classes).
fn postgres_cause(code: &str) -> Option<TransientCause> {
    match code {
        "53100" => Some(TransientCause::Full),
        "40001" | "40P01" => Some(TransientCause::Conflict),
        "55P03" | "57014" => Some(TransientCause::Busy),
        _ if code.starts_with("53") => Some(TransientCause::Resources),
        // Lost connections, the server's own end, a server that is a standby or read-only for now.
        _ if code.starts_with("08") || code.starts_with("57P") || code == "25006" => {
            Some(TransientCause::Unreachable)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_stays() {
        for (code, cause) in [
            (5, Some(TransientCause::Busy)),
            (13, Some(TransientCause::Full)),
            (778, Some(TransientCause::Full)),
            (19, None),
            (1, None),
            (11, None),
        ] {
            assert_eq!(sqlite_cause(code), cause, "{code}");
        }
        for (code, cause) in [
            ("53100", Some(TransientCause::Full)),
            ("53300", Some(TransientCause::Resources)),
            ("40P01", Some(TransientCause::Conflict)),
            ("57P01", Some(TransientCause::Unreachable)),
            ("23505", None),
            ("42601", None),
        ] {
            assert_eq!(postgres_cause(code), cause, "{code}");
        }
        assert_eq!(cause(&sqlx::Error::PoolTimedOut), Some(TransientCause::Busy));
        assert_eq!(cause(&sqlx::Error::RowNotFound), None);
    }
}
