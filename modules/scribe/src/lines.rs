//! The lines of a file.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use gumshoe_document::{Flow, SourceError};
use gumshoe_plugin_api::Skipped;

use crate::host::Host;

/// Most of one file that is read.
pub(crate) const MAX_FILE_BYTES: u64 = 256 << 20;
/// Longest line; a longer one is cut in pieces.
pub(crate) const MAX_LINE_BYTES: u64 = 1 << 20;
/// Lines between two looks at whether to end.
const LINES_PER_LOOK: u64 = 1024;

/// Hands over the lines of a file; the host takes note of what was not read.
pub(crate) fn read(
    host: &mut Host<'_>,
    path: &Path,
    take: &mut dyn FnMut(&str) -> Flow,
) -> Result<(), SourceError> {
    let file = match host.tree.file(path) {
        Ok(Some(file)) => file,
        // It vanished: what is not there holds nothing.
        Ok(None) => return Err(SourceError("vanished meanwhile".to_owned())),
        Err(reason) => {
            host.skip("file", path, &reason);
            return Err(SourceError(reason.to_string()));
        }
    };
    host.statistics.files += 1;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let mut read = Reading {
        host,
        path,
        bytes: 0,
        cut: false,
    };
    let result = read.lines(file, take);
    read.note(size, &result);
    result.map(|_| ()).map_err(|error| SourceError(error.to_string()))
}

/// Why the reading of a file ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    AtEnd,
    AtLimit,
    Early,
}

struct Reading<'h, 'c> {
    host: &'h mut Host<'c>,
    path: &'h Path,
    bytes: u64,
    cut: bool,
}

impl Reading<'_, '_> {
    fn lines(&mut self, file: File, take: &mut dyn FnMut(&str) -> Flow) -> io::Result<Ended> {
        let mut reader = BufReader::with_capacity(64 << 10, file);
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let got = (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
            let got = u64::try_from(got).unwrap_or(u64::MAX);
            self.bytes = self.bytes.saturating_add(got);
            if got == 0 {
                return Ok(Ended::AtEnd);
            }
            self.cut |= got == MAX_LINE_BYTES && line.last() != Some(&b'\n');
            if take(&String::from_utf8_lossy(without_end(&line))) == Flow::Stop {
                return Ok(Ended::Early);
            }
            if self.bytes >= MAX_FILE_BYTES {
                return Ok(Ended::AtLimit);
            }
            if number % LINES_PER_LOOK == 0 && self.host.context.stopped().is_some() {
                return Ok(Ended::Early);
            }
        }
        Ok(Ended::AtEnd)
    }

    /// Reports what was not looked at as it should be.
    fn note(&mut self, size: u64, result: &io::Result<Ended>) {
        self.host.statistics.bytes += self.bytes;
        let shown = self.path.display().to_string();
        let entry = |why: String| Skipped::one("file", why).example(&*shown);
        if self.cut {
            let why = format!("limit reached: line of more than {MAX_LINE_BYTES} bytes, taken as several");
            self.host.context.skipped(entry(why));
        }
        match result {
            Ok(Ended::AtLimit) if size > self.bytes => {
                let why = format!("limit reached: {MAX_FILE_BYTES} bytes of one file");
                self.host.context.skipped(entry(why).bytes(size - self.bytes));
            }
            Ok(_) => {}
            Err(error) => self.host.context.skipped(entry(error.to_string())),
        }
    }
}

/// The line without its end, which is a newline with or without carriage return.
fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
