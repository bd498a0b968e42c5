//! Writing so that power may fail at any moment: the old content or the new, never half of one.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Mode of every file here: the owner's alone.
pub const FILE_MODE: u32 = 0o600;

/// Creates or replaces a file: a new one is written beside it, synced, and renamed over it.
///
/// When this returns, the new content is on disk; when it fails, the old one is still there, or the
/// new one is, whole.
///
/// # Errors
///
/// The system call's error.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (folder, mut name) = match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => (folder, name.to_owned()),
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    name.push(".new");
    let new = folder.join(name);
    // One agent at a time holds the folder: what lies there is left over from a crash.
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(&new)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&new, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&new); // what could not be finished is not left behind
    }
    written?;
    sync_folder(folder)
}

/// Has the folder's entries on disk: a new or renamed file is found again after power loss.
///
/// # Errors
///
/// The system call's error.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Whether an append has to be on disk when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// It has to: fdatasync(2).
    Now,
    /// With the next one that has to.
    Later,
}

/// Why something was not appended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// It could not be written; the file is as it was.
    #[error("failed to append to the file")]
    Write(#[source] io::Error),
    /// What is on disk is no longer known: the file is not written to any more until it was read again.
    #[error("what is on disk is not known after an earlier error; start the agent again")]
    Unknown,
}

/// A file that only grows.
#[derive(Debug)]
pub struct Appender {
    file: File,
    /// Its length, as far as appends succeeded.
    length: u64,
    is_known: bool,
}

impl Appender {
    /// Opens a file for appending after its first `length` bytes, cutting off what lies behind;
    /// creates it where it does not exist.
    ///
    /// # Errors
    ///
    /// The system call's error.
    pub fn open(path: &Path, length: u64) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).mode(FILE_MODE);
        let file = match options.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = options.create_new(true).open(path)?;
                file.sync_all()?;
                sync_folder(path.parent().unwrap_or(Path::new("/")))?;
                file
            }
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() != length {
            file.set_len(length)?;
            file.sync_all()?;
        }
        Ok(Self {
            file,
            length,
            is_known: true,
        })
    }

    /// The file's length in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Appends `bytes`, all of them or none.
    ///
    /// After fdatasync(2) failed the kernel may have dropped what was not written and say nothing the
    /// next time (its manual page, ERRORS): nothing is appended any more then.
    ///
    /// # Errors
    ///
    /// [`AppendError`].
    pub fn append(&mut self, bytes: &[u8], sync: Sync) -> Result<(), AppendError> {
        if !self.is_known {
            return Err(AppendError::Unknown);
        }
        if let Err(error) = self.file.write_all(bytes) {
            self.is_known = self.file.set_len(self.length).is_ok();
            return Err(AppendError::Write(error));
        }
        if sync == Sync::Now
            && let Err(error) = self.file.sync_data()
        {
            self.is_known = false;
            return Err(AppendError::Write(error));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_replaced_file_is_new_and_private_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(folder.path().join("x.new"), "left over from a crash, and longer").unwrap();
        for text in ["one", "two"] {
            replace(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, FILE_MODE);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn appending_starts_where_the_known_part_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "good torn").unwrap();
        let mut appender = Appender::open(&path, 4).unwrap();
        appender.append(b" more", Sync::Now).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "good more");
        assert_eq!(appender.length(), 9);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_leaves_the_file_as_it_was() {
        let mut appender = Appender {
            file: OpenOptions::new().append(true).open("/dev/full").unwrap(),
            length: 0,
            is_known: true,
        };
        let full = appender.append(b"x", Sync::Now).unwrap_err();
        assert!(matches!(&full, AppendError::Write(e) if e.kind() == io::ErrorKind::StorageFull));
    }
}
