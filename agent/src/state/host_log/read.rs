//! Reading the log, and checking that the chain holds.

use super::entry::Line;
use super::head::Head;
use super::{FILE, FILES, LINE_BYTES};
use gumshoe_protocol::{ContentDigest, Timestamp};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// A chain that holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// Number of the oldest line that is still there; 0 where there is none.
    pub first: u64,
    /// Number of the last line.
    pub last: u64,
    /// Digest of the last line.
    pub digest: ContentDigest,
    /// When the last line was written.
    pub time: Option<Timestamp>,
    /// The last line was not written to its end: the agent crashed there, or is writing it now.
    pub is_torn: bool,
}

/// Where the chain breaks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// The log cannot be read.
    #[error("failed to read the host log `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// A line is not what was written, or does not follow the one before it.
    #[error("`{path}`, line {line}: {message}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Line in that file, from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
    /// The log ends too early, or its last line was changed.
    #[error(
        "the log ends with line {last}, but line {told} with SHA-256 {digest} was written: the end was cut off or changed"
    )]
    Cut {
        /// The last line that is there.
        last: u64,
        /// The last line that was written.
        told: u64,
        /// Its digest.
        digest: ContentDigest,
    },
}

/// The log's files that exist, oldest first.
#[must_use]
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let numbered = (1..FILES)
        .rev()
        .map(|number| folder.join(format!("{FILE}.{number}")));
    numbered
        .chain([folder.join(FILE)])
        .filter(|path| path.exists())
        .collect()
}

/// Gives every line, as text and read, to `each`, oldest first, and says whether the last one is torn.
/// Checks nothing but that a line is one.
///
/// # Errors
///
/// [`Broken`]; `each` may return what is wrong with a line.
pub fn lines(folder: &Path, mut each: impl FnMut(&str, Line) -> Result<(), String>) -> Result<bool, Broken> {
    let mut is_torn = false;
    for path in files(folder) {
        is_torn = file_lines(&path, &mut each)?;
    }
    Ok(is_torn)
}

fn file_lines(path: &Path, each: &mut impl FnMut(&str, Line) -> Result<(), String>) -> Result<bool, Broken> {
    let read = |source| Broken::Read {
        path: path.to_owned(),
        source,
    };
    let mut reader = BufReader::new(File::open(path).map_err(read)?);
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        (&mut reader)
            .take(LINE_BYTES as u64 + 1)
            .read_until(b'\n', &mut bytes)
            .map_err(read)?;
        let broken = |message: String| Broken::Line {
            path: path.to_owned(),
            line: number,
            message,
        };
        let Some(whole) = bytes.strip_suffix(b"\n") else {
            if bytes.len() > LINE_BYTES {
                return Err(broken("it has no end".to_owned()));
            }
            return Ok(!bytes.is_empty());
        };
        let text = std::str::from_utf8(whole).map_err(|_| broken("it is not text".to_owned()))?;
        let line = serde_json::from_str(text).map_err(|e| broken(format!("it is not understood: {e}")))?;
        each(text, line).map_err(broken)?;
    }
    Ok(false)
}

/// Checks the chain from the oldest line that is there to the last one that was written.
///
/// # Errors
///
/// [`Broken`], naming the first line that does not follow from the one before it.
pub fn verify(folder: &Path) -> Result<Verified, Broken> {
    // The head first: an agent that writes meanwhile makes the log longer than this.
    let told = Head::read(folder).map_err(|source| Broken::Read {
        path: folder.join(super::head::FILE),
        source,
    })?;
    let mut verified = Verified {
        first: 0,
        last: 0,
        digest: Head::default().digest,
        time: None,
        is_torn: false,
    };
    let mut is_head_met = false;
    verified.is_torn = lines(folder, |text, line| {
        follows(&verified, &line)?;
        if verified.first == 0 {
            verified.first = line.number;
        }
        verified.last = line.number;
        verified.digest = ContentDigest::of(text.as_bytes());
        verified.time = Some(line.time);
        is_head_met |= told.is_some_and(|told| told.number == line.number && told.digest == verified.digest);
        Ok(())
    })?;
    match told {
        Some(told) if !is_head_met => Err(Broken::Cut {
            last: verified.last,
            told: told.number,
            digest: told.digest,
        }),
        None if verified.last > 0 => Err(Broken::Read {
            path: folder.join(super::head::FILE),
            source: io::Error::other(
                "it is missing or not understood: whether the end was cut cannot be told",
            ),
        }),
        _ => Ok(verified),
    }
}

/// Whether a line follows what was read until now. The oldest line may follow one that was rotated away.
fn follows(before: &Verified, line: &Line) -> Result<(), String> {
    if before.first == 0 && line.number > 1 {
        return Ok(());
    }
    if line.number != before.last + 1 {
        return Err(format!(
            "it has number {} and follows number {}",
            line.number, before.last
        ));
    }
    if line.previous != before.digest {
        return Err(format!(
            "it says that the line before has SHA-256 {}, but that has {}: one of them was changed",
            line.previous, before.digest
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::write::HostLog;
    use super::super::{Event, head};
    use super::*;
    use crate::state::durable::Sync;

    fn note(number: u32) -> Event {
        Event::Note {
            message: format!("note {number}"),
        }
    }

    fn open(folder: &Path, file_bytes: u64) -> HostLog {
        HostLog::open_with(folder, Timestamp::UNIX_EPOCH, file_bytes).unwrap()
    }

    fn write(folder: &Path, count: u32, file_bytes: u64) {
        let mut log = open(folder, file_bytes);
        for number in 0..count {
            log.append(note(number), Timestamp::UNIX_EPOCH, Sync::Later)
                .unwrap();
        }
    }

    #[test]
    fn the_chain_goes_on_over_restarts_and_rotation() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(verify(folder.path()).unwrap().last, 0, "no log, nothing broken");
        for _ in 0..3 {
            write(folder.path(), 10, 1000);
        }
        let verified = verify(folder.path()).unwrap();
        assert_eq!((verified.first, verified.last), (1, 30));
        assert!(files(folder.path()).len() > 3);
        write(folder.path(), 100, 1000);
        let verified = verify(folder.path()).unwrap();
        assert_eq!(verified.last, 130);
        assert!(
            verified.first > 1 && files(folder.path()).len() == FILES as usize,
            "{verified:?}"
        );
        let mut count = 0;
        lines(folder.path(), |_, _| {
            count += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(count, verified.last - verified.first + 1);
    }

    #[test]
    fn every_changed_byte_missing_line_and_cut_tail_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 4, 10_000);
        let path = folder.path().join(FILE);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bad = whole.clone();
            bad[at] ^= 1;
            std::fs::write(&path, bad).unwrap();
            assert!(verify(folder.path()).is_err(), "byte {at}");
        }
        for end in 0..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            assert!(
                matches!(verify(folder.path()), Err(Broken::Cut { told: 4, .. })),
                "cut at {end}"
            );
        }
        let text = String::from_utf8(whole.clone()).unwrap();
        for gone in 0..4 {
            let kept: Vec<&str> = text
                .split_inclusive('\n')
                .enumerate()
                .filter(|(i, _)| *i != gone)
                .map(|(_, l)| l)
                .collect();
            std::fs::write(&path, kept.concat()).unwrap();
            let is_noticed = verify(folder.path()).is_err();
            // The oldest line may have been rotated away.
            assert_eq!(is_noticed, gone != 0, "line {gone}");
        }
        std::fs::write(&path, whole).unwrap();
        std::fs::remove_file(folder.path().join(head::FILE)).unwrap();
        assert!(
            verify(folder.path())
                .unwrap_err()
                .to_string()
                .contains("host.log.head")
        );
    }

    #[test]
    fn a_torn_line_is_cut_and_noted_and_a_cut_tail_is_noted_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 3, 10_000);
        let path = folder.path().join(FILE);
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{{\"previous\"")).unwrap();
        assert!(verify(folder.path()).unwrap().is_torn);
        drop(open(folder.path(), 10_000));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.ends_with("11 bytes of a line that was not written to its end were cut off\"}\n"),
            "{text}"
        );
        assert_eq!(verify(folder.path()).unwrap().last, 4);
        // Somebody cuts the log while no agent runs; the next start goes on, and says so.
        let kept: Vec<&str> = whole.split_inclusive('\n').take(2).collect();
        std::fs::write(&path, kept.concat()).unwrap();
        drop(open(folder.path(), 10_000));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("the log ended with line 2, but line 4 with SHA-256"),
            "{text}"
        );
    }
}
