//! Reports that wait for the relay: one file each, in the order in which they were numbered.
//!
//! What is put here is on disk, and stays until the relay has confirmed it. The spool is bounded; beyond its bounds, or
//! where the disk is full, the oldest reports are dropped, counted, and told in every heartbeat.

use super::durable;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// How much waits in memory where the disk takes nothing.
const MEMORY_BYTES: u64 = 16 << 20;
/// Digits of a number in a file's name, so that names sort as numbers do.
const DIGITS: usize = 20;

/// How much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of all reports together.
    pub bytes: u64,
    /// How many reports.
    pub reports: usize,
}

/// One report.
#[derive(Debug)]
enum Kept {
    /// In a file of so many bytes.
    File(u64),
    /// In memory, because the disk did not take it.
    Memory(Vec<u8>),
}

impl Kept {
    fn bytes(&self) -> u64 {
        match self {
            Self::File(bytes) => *bytes,
            Self::Memory(content) => content.len() as u64,
        }
    }
}

/// The spool, open.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    bounds: Bounds,
    kept: BTreeMap<u64, Kept>,
    bytes: u64,
    lost: u64,
}

impl Spool {
    /// Opens the spool of a state folder, or makes it.
    ///
    /// # Errors
    ///
    /// The folder cannot be read or made.
    pub fn open(state: &Path, bounds: Bounds) -> io::Result<Self> {
        let folder = state.join("spool");
        std::fs::create_dir_all(&folder)?;
        let mut spool = Self {
            lost: read_lost(&folder)?,
            folder,
            bounds,
            kept: BTreeMap::new(),
            bytes: 0,
        };
        for entry in std::fs::read_dir(&spool.folder)? {
            let entry = entry?;
            match entry.file_name().to_str().and_then(number) {
                Some(number) => spool.note(number, Kept::File(entry.metadata()?.len())),
                // Left over from a crash while it was written: it was never put here.
                None if entry.file_name().to_string_lossy().ends_with(".new") => {
                    std::fs::remove_file(entry.path())?;
                }
                None => {}
            }
        }
        spool.shrink();
        Ok(spool)
    }

    /// Puts a report here. It is on disk when this returns true; where the disk does not take it, it waits in memory, as
    /// long as there is room.
    pub fn put(&mut self, number: u64, content: &[u8]) -> bool {
        let written = durable::replace(&self.path(number), content).is_ok();
        let kept = if written {
            Kept::File(content.len() as u64)
        } else {
            Kept::Memory(content.to_vec())
        };
        self.note(number, kept);
        self.shrink();
        written
    }

    /// A report's content; `None` where it is gone.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<Vec<u8>> {
        match self.kept.get(&number)? {
            Kept::File(_) => std::fs::read(self.path(number)).ok(),
            Kept::Memory(content) => Some(content.clone()),
        }
    }

    /// Removes a report: the relay has it, or it is of no use.
    pub fn remove(&mut self, number: u64) {
        if let Some(kept) = self.kept.remove(&number) {
            self.bytes -= kept.bytes();
            if let Kept::File(_) = kept {
                // If this fails the report is sent twice, which readers expect.
                let _ = std::fs::remove_file(self.path(number));
            }
        }
    }

    /// Removes a report that cannot be sent, and counts it.
    pub fn lose(&mut self, number: u64) {
        self.remove(number);
        self.lost += 1;
        // Told again after a restart where this fails: a count that is too low by then.
        let _ = durable::replace(&self.folder.join("lost"), format!("{}\n", self.lost).as_bytes());
    }

    /// Drops everything: what a copy of another host must not send.
    pub fn clear(&mut self) {
        let numbers: Vec<u64> = self.kept.keys().copied().collect();
        numbers.into_iter().for_each(|number| self.remove(number));
    }

    /// Numbers of the reports above `after`, in order.
    pub fn numbers(&self, after: u64) -> impl Iterator<Item = u64> + '_ {
        self.kept
            .range(after.saturating_add(1)..)
            .map(|(number, _)| *number)
    }

    /// How many reports wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Their bytes together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many reports were dropped since the agent was installed.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Changes the bounds.
    pub fn limit(&mut self, bounds: Bounds) {
        self.bounds = bounds;
        self.shrink();
    }

    fn note(&mut self, number: u64, kept: Kept) {
        self.bytes += kept.bytes();
        if let Some(old) = self.kept.insert(number, kept) {
            self.bytes -= old.bytes();
        }
    }

    /// Drops the oldest until the rest is within the bounds.
    fn shrink(&mut self) {
        while self.kept.len() > self.bounds.reports || self.bytes > self.bounds.bytes {
            let Some((&oldest, _)) = self.kept.first_key_value() else {
                return;
            };
            self.lose(oldest);
        }
        let in_memory = |kept: &&Kept| matches!(kept, Kept::Memory(_));
        while self.kept.values().filter(in_memory).map(Kept::bytes).sum::<u64>() > MEMORY_BYTES {
            let oldest = self
                .kept
                .iter()
                .find(|(_, kept)| in_memory(kept))
                .map(|(number, _)| *number);
            oldest.into_iter().for_each(|number| self.lose(number));
        }
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:0DIGITS$}.json"))
    }
}

fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".json")?;
    (digits.len() == DIGITS).then(|| digits.parse().ok()).flatten()
}

fn read_lost(folder: &Path) -> io::Result<u64> {
    match std::fs::read_to_string(folder.join("lost")) {
        Ok(text) => Ok(text.trim().parse().unwrap_or(0)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        bytes: 100,
        reports: 5,
    };

    #[test]
    fn what_was_put_is_there_after_a_restart_in_order_until_it_is_removed() {
        let state = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(state.path(), BOUNDS).unwrap();
        for number in [9, 10, 2] {
            assert!(spool.put(number, format!("report {number}").as_bytes()));
        }
        spool.remove(9);
        std::fs::write(state.path().join("spool/00000000000000000007.json.new"), "half").unwrap();
        let spool = Spool::open(state.path(), BOUNDS).unwrap();
        assert_eq!(spool.numbers(0).collect::<Vec<_>>(), [2, 10]);
        assert_eq!(spool.get(10).unwrap(), b"report 10");
        assert_eq!((spool.len(), spool.bytes(), spool.lost()), (2, 17, 0));
    }

    #[test]
    fn beyond_its_bounds_the_oldest_is_dropped_and_counted_for_good() {
        let state = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(state.path(), BOUNDS).unwrap();
        for number in 1..=7 {
            spool.put(number, b"0123456789");
        }
        assert_eq!((spool.numbers(0).next(), spool.lost()), (Some(3), 2));
        spool.put(8, &[b'x'; 85]);
        assert_eq!(
            (spool.numbers(0).collect::<Vec<_>>(), spool.bytes()),
            (vec![7, 8], 95)
        );
        spool.put(9, &[b'x'; 200]);
        assert!(
            spool.is_empty(),
            "one that is larger than the spool is lost as well"
        );
        assert_eq!(Spool::open(state.path(), BOUNDS).unwrap().lost(), 9);
    }

    #[test]
    fn what_the_disk_does_not_take_waits_in_memory() {
        let state = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(state.path(), BOUNDS).unwrap();
        std::fs::remove_dir(&spool.folder).unwrap();
        assert!(!spool.put(1, b"x"));
        assert_eq!((spool.get(1).unwrap(), spool.len()), (b"x".to_vec(), 1));
        spool.remove(1);
        assert_eq!(spool.bytes(), 0);
    }
}
