//! The folder itself: private, judged, and held by one agent at a time.

use gumshoe_plugin_api::host::trust::{self, TrustError};
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Mode of the folder: its owner's alone.
const FOLDER_MODE: u32 = 0o700;
/// Name of the file that is locked.
const LOCK: &str = "lock";

/// Why the state folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It cannot be made, opened or locked.
    #[error("failed to use the state folder `{path}`")]
    Folder {
        /// Folder or file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// Others may look into it.
    #[error("the state folder `{path}` has mode {found:04o}: `chmod 0700` it")]
    Mode {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        found: u32,
    },
    /// It belongs to somebody else.
    #[error("the state folder `{path}` belongs to user {found}, but the agent runs as user {own}")]
    Owner {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        found: u32,
        /// The agent's user.
        own: u32,
    },
    /// The folder, or one above it, could be exchanged by others.
    #[error("the state folder is not safe from others")]
    Trust(#[source] TrustError),
    /// Another agent uses it.
    #[error("the state folder `{path}` is in use by {}", holder(pid))]
    Busy {
        /// The folder.
        path: PathBuf,
        /// The other agent's process, where it could be read.
        pid: Option<u32>,
    },
}

fn holder(pid: &Option<u32>) -> String {
    pid.map_or_else(
        || "another agent".to_owned(),
        |pid| format!("the agent with process id {pid}"),
    )
}

/// A state folder that this process holds until the value is dropped.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    _lock: File,
}

impl StateFolder {
    /// Opens the folder, making it where it does not exist, and locks it.
    ///
    /// # Errors
    ///
    /// [`StateError`].
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |path: &Path, source| StateError::Folder {
            path: path.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(path)
            .map_err(|e| failed(path, e))?;
        judge(path)?;
        let lock_path = path.join(LOCK);
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(|e| failed(&lock_path, e))?;
        trust::open(&lock_path).map_err(StateError::Trust)?;
        match exclusive(&lock) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(StateError::Busy {
                    path: path.to_owned(),
                    pid: read_pid(&mut lock),
                });
            }
            Err(error) => return Err(failed(&lock_path, error.into())),
        }
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(|e| failed(&lock_path, e))?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Whether an agent holds the folder. Takes nothing, makes nothing.
    ///
    /// # Errors
    ///
    /// [`StateError::Folder`].
    pub fn is_held(path: &Path) -> Result<bool, StateError> {
        let lock_path = path.join(LOCK);
        let failed = |source| StateError::Folder {
            path: lock_path.clone(),
            source,
        };
        let lock = match File::open(&lock_path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other.map_err(failed)?,
        };
        match flock(&lock, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// The folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Locks the file, if nobody holds it for longer than [`StateFolder::is_held`] does.
fn exclusive(lock: &File) -> rustix::io::Result<()> {
    let once = || flock(lock, FlockOperation::NonBlockingLockExclusive);
    once().or_else(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        once()
    })
}

/// The folder is a folder, the agent's own, and closed to others.
fn judge(path: &Path) -> Result<(), StateError> {
    let metadata = path.metadata().map_err(|source| StateError::Folder {
        path: path.to_owned(),
        source,
    })?;
    let own = rustix::process::geteuid().as_raw();
    if metadata.uid() != own {
        return Err(StateError::Owner {
            path: path.to_owned(),
            found: metadata.uid(),
            own,
        });
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(StateError::Mode {
            path: path.to_owned(),
            found: metadata.mode() & 0o7777,
        });
    }
    Ok(())
}

fn read_pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_second_agent_is_told_who_the_first_is() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/state");
        let first = StateFolder::open(&path).unwrap();
        assert!(StateFolder::is_held(&path).unwrap());
        let error = StateFolder::open(&path).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with(&format!("process id {}", std::process::id())),
            "{error}"
        );
        drop(first);
        assert!(!StateFolder::is_held(&path).unwrap());
        StateFolder::open(&path).unwrap();
    }

    #[test]
    fn a_folder_that_others_may_look_into_is_refused() {
        let root = tempfile::tempdir().unwrap();
        std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o750)).unwrap();
        let error = StateFolder::open(root.path()).unwrap_err();
        assert!(error.to_string().contains("0750"), "{error}");
    }
}
