//! The files of a host, container or image, none of which can lead out of it.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::Read,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use gumshoe_walk::{Base, BaseError, FsKind, classify_fs};
use rustix::{
    fs::{AtFlags, Dir, FileType, Stat, fstat, statat},
    io::Errno,
};

use crate::{Reason, os, storage::FileStorage};

/// Names that are listed of one folder.
pub(crate) const MAX_NAMES: usize = 100_000;

/// A folder that is taken for `/`: paths, and the links in them, never lead out of it.
///
/// Limits: remote file systems are left alone, as far as the mount table tells of them.
#[derive(Debug)]
pub struct Tree {
    base: Base,
    has_remote: bool,
}

impl Tree {
    /// A tree of this process's own view of the files: `/`, or where an image is unpacked or mounted.
    ///
    /// # Errors
    ///
    /// [`BaseError::Open`] when the folder cannot be opened.
    pub fn host(root: &Path) -> Result<Self, BaseError> {
        Base::host(root).map(Self::new)
    }

    /// A tree that is open already, such as another process's root.
    #[must_use]
    pub fn new(base: Base) -> Self {
        let has_remote = base.mounts().mounts().iter().any(|mount| is_remote(&mount.fs));
        Self { base, has_remote }
    }

    /// Opens a file; none when there is no such file.
    pub(crate) fn open(&self, path: &Path) -> Result<Option<OpenFile>, Reason> {
        self.refuse_remote(path)?;
        let Some(file) = absent_is_none(os::open_file(self.base.as_fd(), path))? else {
            return Ok(None);
        };
        let stat = fstat(&file)?;
        Ok(Some(OpenFile { file, stat }))
    }

    /// Reads a whole file; none when there is no such file.
    pub(crate) fn read(&self, path: &Path, max_bytes: u64) -> Result<Option<Vec<u8>>, Reason> {
        self.open(path)?.map(|file| file.read(max_bytes)).transpose()
    }

    /// Opens a folder; none when there is no such folder.
    pub(crate) fn folder(&self, path: &Path) -> Result<Option<Folder>, Reason> {
        self.refuse_remote(path)?;
        let opened = os::open_folder(self.base.as_fd(), path);
        Ok(absent_is_none(opened)?.map(Folder))
    }

    fn refuse_remote(&self, path: &Path) -> Result<(), Reason> {
        let lies_remote = || {
            let mount = self.base.mounts().covering(path);
            mount.is_some_and(|mount| is_remote(&mount.fs))
        };
        if self.has_remote && lies_remote() {
            return Err(Reason::Remote);
        }
        Ok(())
    }
}

fn is_remote(fs: &str) -> bool {
    classify_fs(fs) == FsKind::Remote || fs == "autofs"
}

fn absent_is_none<T>(result: Result<T, Errno>) -> Result<Option<T>, Reason> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(Errno::OPNOTSUPP) => Err(Reason::NotAFile),
        Err(errno) => Err(errno.into()),
    }
}

/// A regular file that is open for reading.
#[derive(Debug)]
pub(crate) struct OpenFile {
    file: OwnedFd,
    stat: Stat,
}

/// What tells one file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

/// What changes when a file is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    size: i64,
    seconds: i64,
    nanoseconds: i64,
}

impl FileId {
    #[allow(
        clippy::unnecessary_cast,
        clippy::cast_sign_loss,
        trivial_numeric_casts,
        reason = "the width of device numbers differs between systems"
    )]
    fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino,
        }
    }
}

impl OpenFile {
    /// Reads it as a whole.
    pub fn read(self, max_bytes: u64) -> Result<Vec<u8>, Reason> {
        let expected = self.size();
        if expected > max_bytes {
            return Err(Reason::TooLarge { limit: max_bytes });
        }
        // One byte more, so that the end of the file is seen by the first reading.
        let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0).saturating_add(1));
        let read = File::from(self.file)
            .take(max_bytes.saturating_add(1))
            .read_to_end(&mut bytes);
        read.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        if bytes.len() as u64 > max_bytes {
            return Err(Reason::TooLarge { limit: max_bytes });
        }
        Ok(bytes)
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or(0)
    }

    /// When its content changed, in seconds since 1970.
    pub fn modified(&self) -> i64 {
        modified(&self.stat)
    }

    /// Which file it is.
    pub fn id(&self) -> FileId {
        FileId::of(&self.stat)
    }

    /// What changes when somebody writes to it.
    pub fn stamp(&self) -> Result<Stamp, Reason> {
        let stat = fstat(&self.file)?;
        Ok(Stamp {
            size: stat.st_size,
            seconds: modified(&stat),
            nanoseconds: nanoseconds(&stat),
        })
    }

    /// Its bytes by their offsets, as many as there are now.
    pub fn storage(&self) -> Result<FileStorage, Reason> {
        let size = u64::try_from(fstat(&self.file)?.st_size).unwrap_or(0);
        let file = rustix::io::fcntl_dupfd_cloexec(&self.file, 0)?;
        Ok(FileStorage::new(file, size))
    }
}

#[allow(
    clippy::unnecessary_cast,
    trivial_numeric_casts,
    reason = "the width of times differs between systems"
)]
fn modified(stat: &Stat) -> i64 {
    stat.st_mtime as i64
}

#[allow(
    clippy::unnecessary_cast,
    clippy::cast_possible_wrap,
    trivial_numeric_casts,
    reason = "the width of times differs between systems"
)]
fn nanoseconds(stat: &Stat) -> i64 {
    stat.st_mtime_nsec as i64
}

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

impl Folder {
    /// Which folder it is.
    pub fn id(&self) -> Result<FileId, Reason> {
        Ok(FileId::of(&fstat(&self.0)?))
    }

    /// The names in it, sorted; and whether there are more than [`MAX_NAMES`].
    pub fn names(&self) -> Result<(Vec<OsString>, bool), Reason> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if names.len() == MAX_NAMES {
                return Ok((names, true));
            }
            names.push(OsStr::from_bytes(name).to_owned());
        }
        names.sort_unstable();
        Ok((names, false))
    }

    /// When a file in it changed, in seconds since 1970; none where there is no such file.
    pub fn modified(&self, name: &OsStr) -> Option<i64> {
        let stat = statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        (FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile).then(|| modified(&stat))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn tree() -> (tempfile::TempDir, Tree) {
        let top = tempfile::tempdir().unwrap();
        let tree = Tree::host(top.path()).unwrap();
        (top, tree)
    }

    #[test]
    fn only_regular_files_are_read() {
        let (top, tree) = tree();
        rustix::fs::mkfifoat(rustix::fs::CWD, top.path().join("pipe"), 0o600.into()).unwrap();
        symlink("/dev/zero", top.path().join("device")).unwrap();
        symlink("/plain", top.path().join("link")).unwrap();
        std::fs::write(top.path().join("plain"), "text").unwrap();
        let read = |name: &str| tree.read(Path::new(name), 4);
        assert_eq!(read("/link"), Ok(Some(b"text".to_vec())));
        assert_eq!(read("/pipe"), Err(Reason::NotAFile));
        assert_eq!(read("/"), Err(Reason::NotAFile));
        assert_eq!(read("/device"), Ok(None), "there is no /dev in the tree");
        assert_eq!(read("/absent"), Ok(None));
        assert_eq!(
            tree.read(Path::new("/plain"), 3),
            Err(Reason::TooLarge { limit: 3 })
        );
    }
}
