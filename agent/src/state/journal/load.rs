//! Reading the journal at start.

use super::record::{MAX_LINE_BYTES, Record, VERSION, parse};
use super::{Known, MAX_ENTRIES};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Why the agent does not start with this journal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It cannot be read or written.
    #[error("failed to use the journal `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// A record is damaged: what it said would be forgotten.
    #[error(
        "the journal `{path}` is damaged in line {line}: {message}. Restore it; or replace it by an empty file if actions whose windows are still open may run a second time"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// This agent has accepted actions before, and what it remembered is gone.
    #[error(
        "the journal `{path}` is missing. Restore it; or create an empty file in its place if actions whose windows are still open may run a second time"
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
}

/// What was read.
#[derive(Debug)]
pub struct Loaded {
    pub known: Known,
    /// Bytes of the whole records.
    pub length: u64,
    /// Bytes behind them, of a record that was not written to its end.
    pub torn: u64,
    /// There was nothing to read: a file has to be made.
    pub is_new: bool,
}

/// Reads a journal; touches nothing.
pub fn load(path: &Path, may_be_absent: bool) -> Result<Loaded, LoadError> {
    let failed = |source| LoadError::Read {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound && may_be_absent => return Ok(new()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(LoadError::Missing {
                path: path.to_owned(),
            });
        }
        Err(error) => return Err(failed(error)),
    };
    let mut reader = BufReader::new(file);
    let (mut known, mut length, mut number) = (Known::default(), 0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = MAX_LINE_BYTES as u64 + 1;
        (&mut reader)
            .take(limit)
            .read_until(b'\n', &mut line)
            .map_err(failed)?;
        number += 1;
        let damaged = |message: String| LoadError::Damaged {
            path: path.to_owned(),
            line: number,
            message,
        };
        let Some(whole) = line.strip_suffix(b"\n") else {
            // A record that was not written to its end is short, and nothing follows it.
            if line.len() > MAX_LINE_BYTES {
                return Err(damaged("it has no end".to_owned()));
            }
            let torn = line.len() as u64;
            return match (length, torn) {
                (0, 0) => Ok(new()),
                // The first record comes with the file: it cannot have been cut by a crash.
                (0, _) => Err(damaged("the journal's first record is cut".to_owned())),
                _ => Ok(Loaded {
                    known,
                    length,
                    torn,
                    is_new: false,
                }),
            };
        };
        let record = parse(whole).map_err(damaged)?;
        check(&record, number).map_err(damaged)?;
        known.apply(record);
        if known.entries.len().max(known.cancelled.len()) > MAX_ENTRIES {
            return Err(damaged(format!("more than {MAX_ENTRIES} actions")));
        }
        length += line.len() as u64;
    }
}

fn new() -> Loaded {
    Loaded {
        known: Known::default(),
        length: 0,
        torn: 0,
        is_new: true,
    }
}

/// The first line, and no other, says what this is.
fn check(record: &Record, number: u64) -> Result<(), String> {
    match (record, number) {
        (Record::Journal { version, .. }, 1) if *version != VERSION => Err(format!(
            "it has version {version}, this agent reads version {VERSION}"
        )),
        (Record::Journal { .. }, 1) => Ok(()),
        (_, 1) => Err("the journal's first record is missing".to_owned()),
        (Record::Journal { .. }, _) => Err("a second beginning".to_owned()),
        (Record::Accepted(entry), _) if entry.operations > 64 => Err(format!(
            "{} operations, at most 64 are possible",
            entry.operations
        )),
        _ => Ok(()),
    }
}
