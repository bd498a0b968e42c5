//! A file in a folder, or what a link in it leads to: opened and examined without side effects.

use std::{ffi::CStr, fs::File, os::fd::AsFd, path::PathBuf};

use gumshoe_walk::Dir;
use rustix::io::{Errno, Result};

use crate::{condition::Attributes, metadata::Metadata, os, params::FileKind, unix};

/// What is tested.
pub struct Subject<'s> {
    /// The folder.
    pub dir: &'s Dir,
    /// The name in it; `.` for the folder itself.
    pub name: &'s CStr,
    /// What the name leads to, when it is a link that is followed.
    pub target: Option<os::Target>,
    /// What kind of file it is; with a target, that one's.
    pub kind: FileKind,
}

impl Subject<'_> {
    /// The path as shown. The name `.` stands for the folder itself.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        if self.name == c"." {
            self.dir.path()
        } else {
            self.dir.path_of(self.name)
        }
    }

    /// The text of the link that is followed.
    #[must_use]
    pub fn link_text(&self) -> Option<Vec<u8>> {
        self.target.as_ref()?;
        unix::link_text(self.dir.as_fd(), self.name).ok()
    }

    /// Metadata.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn stat(&self) -> Result<Metadata> {
        match &self.target {
            Some(target) => target.stat(),
            None => os::stat(self.dir.as_fd(), self.name),
        }
    }

    /// Extended attributes.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn attributes(&self) -> Result<Attributes> {
        match &self.target {
            Some(target) => target.attributes(),
            None => os::attributes(self.dir.as_fd(), self.name),
        }
    }

    /// Opens it for reading. Anything but a file is refused with `ESTALE`: it was one when the folder was read.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn open(&self) -> Result<(File, Metadata)> {
        let file = match &self.target {
            Some(target) => target.open()?,
            None => os::open_file(self.dir.as_fd(), self.name)?,
        };
        let metadata = os::stat_open(file.as_fd())?;
        if metadata.kind == FileKind::File {
            Ok((file.into(), metadata))
        } else {
            Err(Errno::STALE)
        }
    }
}
