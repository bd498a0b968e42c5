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
    /// What is stored, or the disk that it is stored on, cannot be relied on: asking again does not help, and may harm.
    #[error("failed to {doing}: {damage}")]
    Damaged {
        /// What was asked.
        doing: &'static str,
        /// What is damaged.
        damage: Damage,
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

/// What cannot be relied on any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// What is stored is not what was written.
    #[error("the database is damaged")]
    Content,
    /// The operating system could not read or write, for another reason than that there is no room.
    #[error("the disk or file system of the database fails")]
    Disk,
}

/// What an error of the database means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Passes(TransientCause),
    Damage(Damage),
}

impl StoreError {
    /// What is damaged, if something is: then nothing more should be asked before somebody has looked.
    #[must_use]
    pub fn damage(&self) -> Option<Damage> {
        match self {
            Self::Damaged { damage, .. } => Some(*damage),
            _ => None,
        }
    }

    /// Whether asking again later can help. What came from the relay must then not be acknowledged.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }

    /// Turns the database's errors into this type; for `map_err`.
    pub(crate) fn doing(doing: &'static str) -> impl Fn(sqlx::Error) -> Self + Copy {
        move |source| match meaning(&source) {
            Some(Meaning::Passes(cause)) => Self::Transient { doing, cause, source },
            Some(Meaning::Damage(damage)) => Self::Damaged {
                doing,
                damage,
                source,
            },
            None => Self::Permanent { doing, source },
        }
    }
}

/// What an error means; `None` where asking again would fail again.
fn meaning(error: &sqlx::Error) -> Option<Meaning> {
    use Meaning::Passes;
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            Some(Passes(TransientCause::Unreachable))
        }
        sqlx::Error::PoolTimedOut => Some(Passes(TransientCause::Busy)),
        sqlx::Error::Database(error) => code_meaning(error.as_ref()),
        _ => None,
    }
}

/// Judges by the code: five characters (SQLSTATE) are PostgreSQL's, a number is SQLite's.
fn code_meaning(error: &dyn DatabaseError) -> Option<Meaning> {
    let code = error.code()?;
    match code.parse::<u32>() {
        Ok(number) if code.len() < 5 => sqlite_meaning(number),
        _ => postgres_meaning(&code),
    }
}

/// Source: SQLite's result codes (<https://www.sqlite.org/rescode.html>); the lowest byte is the primary code.
fn sqlite_meaning(code: u32) -> Option<Meaning> {
    use Meaning::Passes;
    /// `SQLITE_IOERR_SHMSIZE`: the index of the write-ahead log could not grow. Where a disk is full, it is told as this.
    const SHM_SIZE: u32 = 10 | 19 << 8;
    /// `SQLITE_IOERR_NOMEM`.
    const NO_MEMORY: u32 = 10 | 12 << 8;
    /// `SQLITE_IOERR_BLOCKED`, `SQLITE_IOERR_LOCK`, `SQLITE_IOERR_SHMLOCK`.
    const LOCKS: [u32; 3] = [10 | 11 << 8, 10 | 15 << 8, 10 | 20 << 8];
    match (code & 0xff, code) {
        (5 | 6, _) => Some(Passes(TransientCause::Busy)),
        (7, _) | (_, NO_MEMORY) => Some(Passes(TransientCause::Resources)),
        (13, _) | (_, SHM_SIZE) => Some(Passes(TransientCause::Full)),
        (10, _) if LOCKS.contains(&code) => Some(Passes(TransientCause::Busy)),
        // SQLITE_CANTOPEN.
        (14, _) => Some(Passes(TransientCause::Unreachable)),
        // SQLITE_IOERR; SQLITE_READONLY: a file system that was mounted anew after errors, a file that was moved.
        (10 | 8, _) => Some(Meaning::Damage(Damage::Disk)),
        // SQLITE_CORRUPT, SQLITE_NOTADB.
        (11 | 26, _) => Some(Meaning::Damage(Damage::Content)),
        _ => None,
    }
}

/// Source: PostgreSQL's appendix on error codes (SQLSTATE classes).
fn postgres_meaning(code: &str) -> Option<Meaning> {
    use Meaning::Passes;
    match code {
        "53100" => Some(Passes(TransientCause::Full)),
        "40001" | "40P01" => Some(Passes(TransientCause::Conflict)),
        "55P03" | "57014" => Some(Passes(TransientCause::Busy)),
        // io_error, undefined_file; data_corrupted, index_corrupted.
        "58030" | "58P01" => Some(Meaning::Damage(Damage::Disk)),
        "XX001" | "XX002" => Some(Meaning::Damage(Damage::Content)),
        _ if code.starts_with("53") => Some(Passes(TransientCause::Resources)),
        // Lost connections, the server's own end, a server that is a standby or read-only for now.
        _ if code.starts_with("08") || code.starts_with("57P") || code == "25006" => {
            Some(Passes(TransientCause::Unreachable))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_stays_and_from_damage() {
        let passes = |cause| Some(Meaning::Passes(cause));
        let damage = |damage| Some(Meaning::Damage(damage));
        for (code, expected) in [
            (5, passes(TransientCause::Busy)),
            (13, passes(TransientCause::Full)),
            (4874, passes(TransientCause::Full)),
            (3082, passes(TransientCause::Resources)),
            (5130, passes(TransientCause::Busy)),
            (778, damage(Damage::Disk)),
            (266, damage(Damage::Disk)),
            (1032, damage(Damage::Disk)),
            (11, damage(Damage::Content)),
            (779, damage(Damage::Content)),
            (26, damage(Damage::Content)),
            (19, None),
            (1, None),
        ] {
            assert_eq!(sqlite_meaning(code), expected, "{code}");
        }
        for (code, expected) in [
            ("53100", passes(TransientCause::Full)),
            ("53300", passes(TransientCause::Resources)),
            ("40P01", passes(TransientCause::Conflict)),
            ("57P01", passes(TransientCause::Unreachable)),
            ("58030", damage(Damage::Disk)),
            ("XX001", damage(Damage::Content)),
            ("23505", None),
            ("42601", None),
        ] {
            assert_eq!(postgres_meaning(code), expected, "{code}");
        }
        assert_eq!(meaning(&sqlx::Error::PoolTimedOut), passes(TransientCause::Busy));
        assert_eq!(meaning(&sqlx::Error::RowNotFound), None);
    }
}
