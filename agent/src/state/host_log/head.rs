//! The file beside the log: number and digest of the last line. Written in place, in one go, and small enough
//! not to be torn.

use super::super::durable::FILE_MODE;
use gumshoe_protocol::ContentDigest;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Its name.
pub const FILE: &str = "host.log.head";

/// Number and digest of a line. The default is that of no line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub number: u64,
    pub digest: ContentDigest,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            number: 0,
            digest: ContentDigest::from_bytes([0; 32]),
        }
    }
}

impl Head {
    fn to_text(self) -> String {
        format!("{:020} {}\n", self.number, self.digest)
    }

    fn parse(text: &str) -> Option<Self> {
        let (number, digest) = text.trim_end().split_once(' ')?;
        Some(Self {
            number: number.parse().ok()?,
            digest: digest.parse().ok()?,
        })
    }

    /// Reads the file; `None` where there is none, or it says nothing.
    pub fn read(folder: &Path) -> io::Result<Option<Self>> {
        match std::fs::read_to_string(folder.join(FILE)) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The file, open for writing.
#[derive(Debug)]
pub struct HeadFile(File);

impl HeadFile {
    pub fn open(folder: &Path) -> io::Result<Self> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(folder.join(FILE))
            .map(Self)
    }

    pub fn write(&self, head: Head) -> io::Result<()> {
        self.0.write_all_at(head.to_text().as_bytes(), 0)
    }
}
