//! Numbers for this agent's reports and heartbeats, so that a reader sees when one is missing.

use super::durable;
use std::io;
use std::path::{Path, PathBuf};

/// How many numbers are set aside at once. After a crash as many may be missing, never one given twice.
const BLOCK: u64 = 64;

/// Gives each number once, also across restarts.
#[derive(Debug)]
pub struct Sequence {
    path: PathBuf,
    next: u64,
    /// The first number that has not been set aside on disk.
    reserved: u64,
}

impl Sequence {
    /// Opens the file, which need not exist.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not a number.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join("sequence");
        let next = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => 1,
            Err(error) => return Err(error),
            Ok(text) => text.trim().parse().map_err(|_| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("`{}` is not a number", path.display()),
                )
            })?,
        };
        Ok(Self {
            path,
            next,
            reserved: next,
        })
    }

    /// The next number.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn draw(&mut self) -> io::Result<u64> {
        if self.next >= self.reserved {
            let reserved = self.next + BLOCK;
            durable::replace(&self.path, format!("{reserved}\n").as_bytes())?;
            self.reserved = reserved;
        }
        self.next += 1;
        Ok(self.next - 1)
    }

    /// Gives back the numbers that were set aside and not used: the next start goes on without a gap.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn close(&mut self) -> io::Result<()> {
        if self.next < self.reserved {
            durable::replace(&self.path, format!("{}\n", self.next).as_bytes())?;
            self.reserved = self.next;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_given_twice_and_a_tidy_end_leaves_no_gap() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = Sequence::open(folder.path()).unwrap();
        assert_eq!([first.draw().unwrap(), first.draw().unwrap()], [1, 2]);
        first.close().unwrap();
        let mut second = Sequence::open(folder.path()).unwrap();
        assert_eq!(second.draw().unwrap(), 3);
        drop(second); // as in a crash
        let mut third = Sequence::open(folder.path()).unwrap();
        assert_eq!(third.draw().unwrap(), 3 + BLOCK);
        std::fs::write(folder.path().join("sequence"), "x").unwrap();
        assert!(Sequence::open(folder.path()).is_err());
    }
}
