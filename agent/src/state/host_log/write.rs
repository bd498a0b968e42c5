//! Appending to the log, and beginning new files.

use super::super::durable::{self, AppendError, Appender, Sync};
use super::entry::{Event, Line};
use super::head::{Head, HeadFile};
use super::{FILE, FILE_BYTES, FILES, LINE_BYTES};
use gumshoe_protocol::{ContentDigest, Timestamp};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Why something could not be logged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The log, or its head, cannot be used.
    #[error("failed to use the host log `{path}`")]
    File {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// The disk.
    #[error("the host log cannot be written")]
    Append(#[from] AppendError),
    /// A line would be longer than [`LINE_BYTES`].
    #[error("a line of the host log would have {have} bytes, at most {LINE_BYTES} are written")]
    Long {
        /// Its length.
        have: usize,
    },
}

/// The log, open for appending.
#[derive(Debug)]
pub struct HostLog {
    folder: PathBuf,
    file: Appender,
    head_file: HeadFile,
    head: Head,
    file_bytes: u64,
}

impl HostLog {
    /// Opens the log of a state folder and goes on where it ended. A last line that was not written to its
    /// end is cut off, and a log that ends before its head says so: both are noted in the log itself.
    ///
    /// # Errors
    ///
    /// [`LogError`].
    pub fn open(folder: &Path, now: Timestamp) -> Result<Self, LogError> {
        Self::open_with(folder, now, FILE_BYTES)
    }

    /// The same, with another size of files.
    pub(super) fn open_with(folder: &Path, now: Timestamp, file_bytes: u64) -> Result<Self, LogError> {
        let path = folder.join(FILE);
        let failed = |source| LogError::File {
            path: path.clone(),
            source,
        };
        let tail = Tail::read(&path).map_err(failed)?;
        let told = Head::read(folder).map_err(failed)?;
        let mut log = Self {
            folder: folder.to_owned(),
            file: Appender::open(&path, tail.length).map_err(failed)?,
            head_file: HeadFile::open(folder).map_err(failed)?,
            head: tail.last.or(told).unwrap_or_default(),
            file_bytes,
        };
        if tail.torn > 0 {
            let message = format!(
                "{} bytes of a line that was not written to its end were cut off",
                tail.torn
            );
            log.append(Event::Note { message }, now, Sync::Later)?;
        }
        if let Some(told) = told.filter(|told| told.number > log.head.number) {
            let message = format!(
                "the log ended with line {}, but line {} with SHA-256 {} had been written",
                log.head.number, told.number, told.digest
            );
            log.append(Event::Note { message }, now, Sync::Now)?;
        }
        Ok(log)
    }

    /// Appends a line; with [`Sync::Now`] it is on disk when this returns.
    ///
    /// # Errors
    ///
    /// [`LogError`]; the log is as it was.
    pub fn append(&mut self, event: Event, now: Timestamp, sync: Sync) -> Result<(), LogError> {
        let line = Line {
            previous: self.head.digest,
            number: self.head.number + 1,
            time: now,
            event,
        };
        let mut text = serde_json::to_string(&line).map_err(|e| self.failed(e.into()))?;
        if text.len() >= LINE_BYTES {
            return Err(LogError::Long { have: text.len() });
        }
        let next = Head {
            number: line.number,
            digest: ContentDigest::of(text.as_bytes()),
        };
        text.push('\n');
        if self.file.length() > 0 && self.file.length() + text.len() as u64 > self.file_bytes {
            self.rotate().map_err(|e| self.failed(e))?;
        }
        self.file.append(text.as_bytes(), sync)?;
        self.head = next;
        // Only now: a crash in between leaves a log that is longer than its head says, which is no sign of a cut.
        self.head_file.write(next).map_err(|e| self.failed(e))
    }

    /// Moves every file to the next number, dropping the oldest, and begins a new one.
    fn rotate(&mut self) -> io::Result<()> {
        let numbered = |number: u32| self.folder.join(format!("{FILE}.{number}"));
        for number in (1..FILES - 1).rev() {
            rename(&numbered(number), &numbered(number + 1))?;
        }
        let path = self.folder.join(FILE);
        rename(&path, &numbered(1))?;
        self.file = Appender::open(&path, 0)?;
        durable::sync_folder(&self.folder)
    }

    fn failed(&self, source: io::Error) -> LogError {
        LogError::File {
            path: self.folder.join(FILE),
            source,
        }
    }
}

/// Renames a file that may be absent.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// How a file ends.
#[derive(Debug, Default)]
struct Tail {
    /// The last whole line, where there is one that can be read.
    last: Option<Head>,
    /// Bytes of whole lines.
    length: u64,
    /// Bytes behind them.
    torn: u64,
}

impl Tail {
    /// Reads the end of a file: the last line, and what was begun after it.
    fn read(path: &Path) -> io::Result<Self> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other?,
        };
        let length = file.metadata()?.len();
        let from = length.saturating_sub(2 * LINE_BYTES as u64);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(2 * LINE_BYTES as u64).read_to_end(&mut bytes)?;
        let Some(end) = bytes.iter().rposition(|b| *b == b'\n') else {
            return Ok(Self {
                torn: length,
                ..Self::default()
            });
        };
        let start = bytes[..end]
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        let line = &bytes[start..end];
        let number = serde_json::from_slice::<Numbered>(line).map(|line| line.number);
        Ok(Self {
            last: number.ok().map(|number| Head {
                number,
                digest: ContentDigest::of(line),
            }),
            length: from + end as u64 + 1,
            torn: length - from - end as u64 - 1,
        })
    }
}

/// The part of a line that is needed to go on counting.
#[derive(serde::Deserialize)]
struct Numbered {
    number: u64,
}
