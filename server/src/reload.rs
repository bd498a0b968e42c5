//! What is read from files at start and again while the server runs: the policy, the enrolment tokens.
//!
//! Files are looked at every few seconds, and read on SIGHUP in any case. What is not acceptable leaves the one before in
//! force, and the log says so.

use std::cell::RefCell;
use std::error::Error;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often files are looked at.
const INTERVAL: Duration = Duration::from_secs(3);

/// Why something could not be read.
pub type LoadError = Box<dyn Error + Send + Sync>;

/// What a file was like: another one, or one that was written to, has another stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds of the last change, of the content or of anything else.
    changed: (i64, i64),
}

/// The files that something is read from, as they were before they were read.
#[derive(Debug, Default)]
pub struct Files(RefCell<Vec<(PathBuf, Option<Stamp>)>>);

impl Files {
    /// Says that a file is going to be read.
    pub fn note(&self, path: &Path) {
        self.0.borrow_mut().push((path.to_owned(), stamp(path)));
    }

    fn have_changed(&self) -> bool {
        let noted = self.0.borrow();
        noted.iter().any(|(path, before)| stamp(path) != *before)
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = fs::metadata(path).ok()?;
    Some(Stamp {
        device: found.dev(),
        inode: found.ino(),
        size: found.size(),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}

/// How something is read.
type Load<T> = dyn Fn(&Files) -> Result<T, LoadError> + Send + Sync;

/// What is in force, read from files. Clones see the same.
pub struct Current<T> {
    value: Arc<RwLock<Arc<T>>>,
    what: &'static str,
    load: Arc<Load<T>>,
}

impl<T> Clone for Current<T> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            what: self.what,
            load: Arc::clone(&self.load),
        }
    }
}

impl<T> Current<T> {
    /// Reads for the first time. `what` names it in the log; `load` notes every file before it reads it.
    ///
    /// # Errors
    ///
    /// What `load` says.
    pub fn load(
        what: &'static str,
        load: impl Fn(&Files) -> Result<T, LoadError> + Send + Sync + 'static,
    ) -> Result<Self, LoadError> {
        let value = load(&Files::default())?;
        Ok(Self {
            value: Arc::new(RwLock::new(Arc::new(value))),
            what,
            load: Arc::new(load),
        })
    }

    /// What is in force now.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.value.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads again whenever a file has changed, and whenever `wanted` says so, until `stop`.
    pub async fn follow(self, mut wanted: watch::Receiver<u64>, stop: CancellationToken) {
        // Once more: the files may have changed since the server began.
        let mut files = self.read("");
        loop {
            let asked = tokio::select! {
                () = tokio::time::sleep(INTERVAL) => false,
                Ok(()) = wanted.changed() => true,
                () = stop.cancelled() => return,
            };
            if asked || files.have_changed() {
                files = self.read("read again and in force");
            }
        }
    }

    /// Reads, and puts in force what is acceptable; `told` is for the log. Returns which files were read.
    fn read(&self, told: &'static str) -> Files {
        let files = Files::default();
        match (self.load)(&files) {
            Ok(value) => {
                *self.value.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
                if !told.is_empty() {
                    tracing::info!(what = self.what, told);
                }
            }
            Err(error) => tracing::error!(
                what = self.what,
                error = crate::chain(error.as_ref()),
                "not acceptable; the one before stays in force"
            ),
        }
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(path: PathBuf) -> impl Fn(&Files) -> Result<u32, LoadError> {
        move |files| {
            files.note(&path);
            Ok(fs::read_to_string(&path)?.trim().parse()?)
        }
    }

    #[test]
    fn a_file_that_is_broken_or_gone_leaves_the_one_before_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        fs::write(&path, "1").unwrap();
        let current = Current::load("number", number(path.clone())).unwrap();
        let files = current.read("");
        assert!(!files.have_changed());
        for (text, expected) in [("2", 2), ("two", 2), ("3", 3)] {
            fs::write(folder.path().join("new"), text).unwrap();
            fs::rename(folder.path().join("new"), &path).unwrap();
            assert!(files.have_changed());
            current.read("");
            assert_eq!(*current.get(), expected);
        }
        let files = current.read("");
        fs::remove_file(&path).unwrap();
        assert!(files.have_changed());
        // A file that is missing is looked for, too.
        let files = current.read("");
        assert!(!files.have_changed());
        fs::write(&path, "4").unwrap();
        assert!(files.have_changed());
        assert_eq!(*current.get(), 3);
        assert!(Current::load("number", number(folder.path().join("none"))).is_err());
    }
}
