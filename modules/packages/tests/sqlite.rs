//! Databases that SQLite itself made, with small and large pages, trees of several levels, long chains, gaps, and logs.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where something it needs is missing"
)]

use std::{fs, ops::ControlFlow, path::Path, process::Command};

use gumshoe_packages::parse::sqlite::{Database, Value};

/// Makes a database: rows of many sizes, every third deleted again, some made longer. With `wal`, half of it stays in
/// the log. Prints what a query finds.
const MAKE: &str = "
import os, sqlite3, sys
path, page_size, journal = sys.argv[1:]
db = sqlite3.connect(path, isolation_level=None)
db.execute('PRAGMA page_size = ' + page_size)
db.execute('PRAGMA journal_mode = ' + journal)
db.execute('PRAGMA wal_autocheckpoint = 0')
db.execute('PRAGMA synchronous = OFF')
db.execute('CREATE TABLE other (a TEXT)')
db.execute('CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)')
def blob(number, size): return bytes((number * 7 + i) % 251 for i in range(size))
def fill(numbers):
    db.execute('BEGIN')
    for n in numbers: db.execute('INSERT INTO Packages VALUES (?, ?)', (n, blob(n, n * n % 3001 if n % 50 else 70000)))
    db.execute('DELETE FROM Packages WHERE hnum % 3 = 0')
    db.execute('UPDATE Packages SET blob = CAST(blob || blob AS BLOB) WHERE hnum % 7 = 0')
    db.execute('COMMIT')
fill(range(1, 400))
if journal == 'wal': db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
fill(range(1000, 1400))
for (size,) in db.execute('SELECT length(blob) FROM Packages ORDER BY hnum'): print(size)
sys.stdout.flush()
if journal == 'wal': os._exit(0)
";

/// Lengths of the blobs in a database, in order, and how often each byte occurs in all of them.
fn read(path: &Path) -> (Vec<String>, Vec<usize>) {
    let bytes = fs::read(path).unwrap();
    let log = fs::read(path.with_extension("db-wal")).ok();
    let database = Database::open(bytes.as_slice(), log.as_deref()).unwrap();
    let table = database.table("Packages").unwrap().unwrap();
    let (mut lengths, mut counts) = (Vec::new(), vec![0; 256]);
    let rows = database.rows(table, |row| {
        let Some(Value::Bytes(blob)) = row.column(1) else {
            panic!("no blob")
        };
        lengths.push(blob.len().to_string());
        for &byte in blob {
            counts[usize::from(byte)] += 1;
        }
        ControlFlow::Continue(())
    });
    assert_eq!(rows.unwrap().lost, 0);
    assert_eq!(database.table("packages"), Ok(None));
    (lengths, counts)
}

#[test]
fn every_row_is_read_whatever_the_pages_are_like() {
    let mut contents = Vec::new();
    for page_size in ["512", "4096", "65536"] {
        for journal in ["delete", "wal"] {
            let top = tempfile::tempdir().unwrap();
            let path = top.path().join("made.db");
            let mut python = Command::new("python3");
            python.args(["-c", MAKE]).arg(&path).args([page_size, journal]);
            let made = python
                .output()
                .unwrap_or_else(|error| panic!("python3: {error}; install the Debian package `python3`"));
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            let expected: Vec<String> = String::from_utf8(made.stdout)
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect();
            let (lengths, content) = read(&path);
            assert_eq!(lengths, expected, "{page_size} {journal}");
            assert_eq!(path.with_extension("db-wal").exists(), journal == "wal");
            contents.push(content);
        }
    }
    assert!(contents.windows(2).all(|pair| pair[0] == pair[1]));
}
