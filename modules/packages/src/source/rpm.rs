//! rpm: a database in one of three formats.

use std::{
    collections::HashSet,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use super::DATABASE;
use crate::{
    Package, Reason,
    parse::{
        bdb::{self, BdbError},
        ndb::{self, NdbError},
        rpm_header::Header,
        sqlite::{Database, SqliteError},
    },
    reader::Reader,
    storage::FileStorage,
    tree::{FileId, OpenFile},
};

/// Where databases lie: usually, and where `/usr` holds all of the system (Fedora since 36, SUSE).
const FOLDERS: [&str; 2] = ["/var/lib/rpm", "/usr/lib/sysimage/rpm"];
/// Packages of one database that are kept until it is read.
const MAX_PACKAGES: usize = 500_000;
/// Times that a database is read anew because it changed meanwhile.
const ATTEMPTS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Sqlite,
    Ndb,
    BerkeleyDb,
}

impl Format {
    const ALL: [Self; 3] = [Self::Sqlite, Self::Ndb, Self::BerkeleyDb];

    const fn file(self) -> &'static str {
        match self {
            Self::Sqlite => "rpmdb.sqlite",
            Self::Ndb => "Packages.db",
            Self::BerkeleyDb => "Packages",
        }
    }
}

/// Reads every database that is there. Converting one to another format may leave the old one behind, and running rpm
/// with the wrong format makes an empty one: what several of them hold is reported once.
pub(crate) fn read(reader: &mut Reader<'_>) -> ControlFlow<()> {
    let databases = find(reader);
    let several = databases.len() > 1;
    let mut seen = HashSet::new();
    for (format, path, file) in databases {
        let Some(content) = attempt(reader, format, &path, &file) else {
            continue;
        };
        let lost = Reason::Malformed("record");
        reader.gaps(super::RECORD, &path, lost, content.lost);
        if content.packages.len() == MAX_PACKAGES {
            let (limit, of) = (MAX_PACKAGES, "packages");
            reader.gap(DATABASE, &path, Reason::TooMany { limit, of });
        }
        for package in content.packages {
            if several && !seen.insert(package.clone()) {
                continue;
            }
            reader.take(package)?;
        }
    }
    ControlFlow::Continue(())
}

/// The databases, each once: one folder may be a link to the other.
fn find(reader: &mut Reader<'_>) -> Vec<(Format, PathBuf, OpenFile)> {
    let mut found: Vec<(Format, PathBuf, OpenFile)> = Vec::new();
    for folder in FOLDERS {
        for format in Format::ALL {
            let path = Path::new(folder).join(format.file());
            let file = reader.tree.open(&path);
            let Some(file) = reader.or_gap(DATABASE, &path, file) else {
                continue;
            };
            let id: FileId = file.id();
            if file.size() > 0 && !found.iter().any(|(_, _, other)| other.id() == id) {
                found.push((format, path, file));
            }
        }
    }
    found
}

/// What a database holds, as far as it is wanted.
#[derive(Default)]
struct Content {
    packages: Vec<Package>,
    lost: u64,
}

/// Reads a database until it does not change meanwhile.
fn attempt(reader: &mut Reader<'_>, format: Format, path: &Path, file: &OpenFile) -> Option<Content> {
    let mut last = Err(Reason::Changed);
    for _ in 0..ATTEMPTS {
        let before = stamps(reader, format, path, file);
        last = content(reader, format, path, file);
        if stamps(reader, format, path, file) == before {
            break;
        }
        last = last.and(Err(Reason::Changed));
    }
    reader.or_gap(DATABASE, path, last.map(Some))
}

/// What changes when a database is written to: its file, and the log that comes before it.
fn stamps(
    reader: &Reader<'_>,
    format: Format,
    path: &Path,
    file: &OpenFile,
) -> [Option<crate::tree::Stamp>; 2] {
    let log = match format {
        Format::Sqlite => reader.tree.open(&beside(path, "-wal")).ok().flatten(),
        Format::Ndb | Format::BerkeleyDb => None,
    };
    [file.stamp().ok(), log.and_then(|log| log.stamp().ok())]
}

fn content(reader: &Reader<'_>, format: Format, path: &Path, file: &OpenFile) -> Result<Content, Reason> {
    let storage = file.storage()?;
    let mut content = Content::default();
    let mut damaged = 0;
    let visit = |blob: &[u8]| {
        let header = Header::parse(blob);
        match header.and_then(|header| Some((header.name()?, header))) {
            // Most packages are not wanted: no more of them is copied than it takes to tell.
            Some((name, header)) => {
                if reader.wants(&name, header.arch().as_deref(), &header.version()) {
                    content.packages.extend(header.to_package());
                }
            }
            None => damaged += 1,
        }
        if content.packages.len() == MAX_PACKAGES {
            return ControlFlow::Break(());
        }
        reader.go_on()
    };
    let lost = match format {
        Format::Sqlite => sqlite(reader, path, &storage, visit)?,
        Format::Ndb => ndb::blobs(&storage, visit)?,
        Format::BerkeleyDb => bdb::values(&storage, visit)?,
    };
    content.lost = lost + damaged;
    Ok(content)
}

/// Visits the headers of a SQLite database, of which the write-ahead log is a part.
fn sqlite(
    reader: &Reader<'_>,
    path: &Path,
    storage: &FileStorage,
    mut visit: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<u64, Reason> {
    use crate::parse::sqlite::Value;
    let log = reader.tree.open(&beside(path, "-wal"))?;
    let log = log.map(|log| log.storage()).transpose()?;
    let database = Database::open(storage, log.as_ref())?;
    let Some(table) = database.table("Packages")? else {
        return Ok(0);
    };
    // hnum INTEGER PRIMARY KEY, blob BLOB (rpm's `lib/backend/sqlite.c`)
    let mut other = 0;
    let rows = database.rows(table, |row| match row.column(1) {
        Some(Value::Bytes(blob)) => visit(blob),
        _ => {
            other += 1;
            ControlFlow::Continue(())
        }
    })?;
    Ok(rows.lost + other)
}

/// The file with this ending in its name beside another.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

impl From<SqliteError> for Reason {
    fn from(error: SqliteError) -> Self {
        match error {
            SqliteError::Storage(error) => error.into(),
            SqliteError::NotADatabase => Self::Malformed("no SQLite database"),
            SqliteError::TooLarge { limit } => Self::TooLarge { limit },
            SqliteError::Encoding => Self::Malformed("SQLite database that is not in UTF-8"),
            SqliteError::Malformed => Self::Malformed("page of a SQLite database"),
        }
    }
}

impl From<NdbError> for Reason {
    fn from(error: NdbError) -> Self {
        match error {
            NdbError::Storage(error) => error.into(),
            NdbError::NotADatabase => Self::Malformed("no ndb database"),
        }
    }
}

impl From<BdbError> for Reason {
    fn from(error: BdbError) -> Self {
        match error {
            BdbError::Storage(error) => error.into(),
            BdbError::NotADatabase => Self::Malformed("no Berkeley DB hash database"),
            BdbError::TooLarge { limit } => Self::TooLarge { limit },
            BdbError::Encrypted => Self::Malformed("encrypted database"),
        }
    }
}
