//! The connection to one of the two databases.

use crate::error::StoreError;
use crate::sql::Statement;
use sqlx::any::{AnyPoolOptions, AnyRow, install_default_drivers};
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Transaction};
use std::fmt::Write as _;
use std::future::ready;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

/// How long a connection is waited for before the database counts as busy.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(15);

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// A file of one machine: one writer, many readers.
    Sqlite,
    /// A server, for fleets and for several schedulers.
    Postgres,
}

/// How the store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// Connections to read with; for PostgreSQL to write with, too.
    pub connections: u32,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { connections: 8 }
    }
}

/// The server's memory. Clones share their connections. Has no `Debug`: it knows the database's password.
#[derive(Clone)]
pub struct Store {
    database: Database,
    reader: AnyPool,
    writer: AnyPool,
}

impl Store {
    /// Opens `sqlite:PATH` (the file is made if need be, for its owner only) or `postgres://USER@HOST/NAME`.
    ///
    /// Looks at no table: call [`Store::migrate`], or [`Store::schema`] and tell the user.
    ///
    /// # Errors
    ///
    /// [`StoreError::Address`], [`StoreError::File`], or that the database cannot be reached.
    pub async fn open(address: &str, options: StoreOptions) -> Result<Self, StoreError> {
        install_default_drivers();
        if let Some(path) = address.strip_prefix("sqlite:") {
            return Self::open_sqlite(Path::new(path.strip_prefix("//").unwrap_or(path)), options).await;
        }
        if address.starts_with("postgres://") || address.starts_with("postgresql://") {
            return Self::open_postgres(address, options).await;
        }
        Err(StoreError::Address("it begins with neither".to_owned()))
    }

    async fn open_sqlite(path: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let address = sqlite_address(&created(path)?)?;
        let pool = |connections, settings: &'static str| {
            AnyPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_LIMIT)
                .after_connect(move |connection, _| Box::pin(set_up(connection, settings)))
                .before_acquire(|connection, _| Box::pin(ready(Ok(is_usable(connection)))))
        };
        let doing = StoreError::doing("open the database");
        // The writer first: it makes the file a database with a write-ahead log.
        let writer = pool(1, WRITER_SETTINGS).connect(&address).await.map_err(doing)?;
        let reader = pool(options.connections, READER_SETTINGS)
            .connect_lazy(&address)
            .map_err(doing)?;
        Ok(Self {
            database: Database::Sqlite,
            reader,
            writer,
        })
    }

    async fn open_postgres(address: &str, options: StoreOptions) -> Result<Self, StoreError> {
        let pool = AnyPoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(ACQUIRE_LIMIT)
            .connect(address)
            .await
            .map_err(|error| match error {
                sqlx::Error::Configuration(why) => StoreError::Address(why.to_string()),
                other => StoreError::doing("connect to the database")(other),
            })?;
        Ok(Self {
            database: Database::Postgres,
            reader: pool.clone(),
            writer: pool,
        })
    }

    /// Which database it is.
    #[must_use]
    pub fn database(&self) -> Database {
        self.database
    }

    /// Asks the database whether it answers; for readiness.
    ///
    /// # Errors
    ///
    /// [`StoreError`], if it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1")
            .fetch_one(&self.reader)
            .await
            .map(drop)
            .map_err(StoreError::doing("ask the database whether it answers"))
    }

    /// Ends all connections once what runs on them has ended.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    pub(crate) fn reader(&self) -> &AnyPool {
        &self.reader
    }

    pub(crate) fn writer(&self) -> &AnyPool {
        &self.writer
    }

    /// Begins to write. What is not committed is undone when the value is dropped.
    pub(crate) async fn begin(&self, doing: &'static str) -> Result<Transaction<'static, Any>, StoreError> {
        // A transaction of SQLite's that reads before it writes could find that it may not write any more.
        let begin = match self.database {
            Database::Sqlite => "BEGIN IMMEDIATE",
            Database::Postgres => "BEGIN",
        };
        self.writer
            .begin_with(begin)
            .await
            .map_err(StoreError::doing(doing))
    }

    /// Begins to read: whatever is read in this transaction is as it was at one moment.
    pub(crate) async fn begin_reading(
        &self,
        doing: &'static str,
    ) -> Result<Transaction<'static, Any>, StoreError> {
        let begin = match self.database {
            Database::Sqlite => "BEGIN",
            Database::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        self.reader
            .begin_with(begin)
            .await
            .map_err(StoreError::doing(doing))
    }

    /// Runs a statement that reads and returns its rows.
    pub(crate) async fn fetch(
        &self,
        statement: Statement,
        doing: &'static str,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let mut connection = self.reader.acquire().await.map_err(StoreError::doing(doing))?;
        statement.fetch(&mut connection, doing).await
    }

    /// Runs a statement that writes, in a transaction of its own; returns how many rows it wrote.
    pub(crate) async fn execute(&self, statement: Statement, doing: &'static str) -> Result<u64, StoreError> {
        let mut connection = self.writer.acquire().await.map_err(StoreError::doing(doing))?;
        statement.execute(&mut connection, doing).await
    }

    /// What a query ends in to keep its rows from others until the transaction ends; SQLite has one writer anyhow.
    pub(crate) fn for_update(&self) -> &'static str {
        match self.database {
            Database::Sqlite => "",
            Database::Postgres => " FOR UPDATE",
        }
    }
}

/// Settings of every connection to SQLite. What was committed survives a loss of power (`FULL`), because it has been
/// acknowledged to those who sent it; the log file does not stay large after a burst.
const WRITER_SETTINGS: &str = "PRAGMA auto_vacuum = INCREMENTAL;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA busy_timeout = 10000;
    PRAGMA foreign_keys = ON;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -65536;";
const READER_SETTINGS: &str = "PRAGMA busy_timeout = 10000;
    PRAGMA query_only = ON;
    PRAGMA cache_size = -16384;";

/// Whether a connection that was given back has no transaction open. SQLite itself undoes a transaction that hits a full
/// disk; the driver's `ROLLBACK` fails then, and it goes on to believe that the transaction is there.
fn is_usable(connection: &AnyConnection) -> bool {
    !connection.is_in_transaction()
}

async fn set_up(connection: &mut AnyConnection, settings: &'static str) -> sqlx::Result<()> {
    sqlx::raw_sql(settings).execute(connection).await.map(drop)
}

/// Makes the file, readable by its owner only, if it is not there; returns its whole path.
fn created(path: &Path) -> Result<PathBuf, StoreError> {
    let made = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let failed = |source: io::Error| StoreError::File {
        path: path.to_owned(),
        source,
    };
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => path.canonicalize().map_err(failed),
    }
}

/// The path as a URL, in which `?`, `%` and spaces would mean something.
fn sqlite_address(path: &Path) -> Result<String, StoreError> {
    let text = path
        .to_str()
        .ok_or_else(|| StoreError::Address("its path is not UTF-8".to_owned()))?;
    let mut address = "sqlite://".to_owned();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte) {
            address.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(address, "%{byte:02X}");
        }
    }
    Ok(address + "?mode=rw")
}
