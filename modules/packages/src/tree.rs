//! The files of a host, container or image, none of which can lead out of it.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::Read,
    ops::ControlFlow,
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

/// Bytes of text that are read at once: they stay in the processor's cache.
const BLOCK_BYTES: usize = 64 << 10;

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

    /// The folder that is taken for `/`.
    #[must_use]
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// Opens a regular file for reading; none when there is no such file.
    ///
    /// # Errors
    ///
    /// [`Reason`] says why what is there was not opened.
    pub fn file(&self, path: &Path) -> Result<Option<File>, Reason> {
        Ok(self.open(path)?.map(|open| open.file.into()))
    }

    /// The names in a folder, sorted, and whether these are all; none when there is no such folder.
    ///
    /// Limits: 100,000 names.
    ///
    /// # Errors
    ///
    /// [`Reason`] says why the folder was not read.
    pub fn names(&self, path: &Path) -> Result<Option<(Vec<OsString>, bool)>, Reason> {
        self.folder(path)?
            .map(|folder| folder.names(MAX_NAMES))
            .transpose()
    }

    /// The tree below one of its folders, which is found without leaving this one.
    ///
    /// # Errors
    ///
    /// Why it could not be opened.
    pub fn below(&self, path: &Path) -> Result<Self, Reason> {
        self.refuse_remote(path)?;
        let folder = os::open_folder(self.base.as_fd(), path)?;
        Ok(Self::new(Base::new(folder, self.base.mounts().below(path))))
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

    /// Hands over its text in blocks of whole paragraphs, which an empty line ends; only the last may be without one.
    /// `Break` ends the reading.
    ///
    /// A paragraph of more than `max_paragraph` bytes is an error, as is a file of more than `max_bytes`.
    pub fn blocks(
        &self,
        max_bytes: u64,
        max_paragraph: usize,
        mut take: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Reason> {
        if self.size() > max_bytes {
            return Err(Reason::TooLarge { limit: max_bytes });
        }
        let (mut buffer, mut filled, mut total) = (vec![0; BLOCK_BYTES], 0, 0);
        loop {
            let count = read_some(&self.file, &mut buffer[filled..])?;
            (filled, total) = (filled + count, total + count as u64);
            if count == 0 {
                return Ok(take(&buffer[..filled]));
            }
            if total > max_bytes {
                return Err(Reason::TooLarge { limit: max_bytes });
            }
            let whole = memchr::memmem::rfind(&buffer[..filled], b"\n\n").map_or(0, |end| end + 2);
            if whole > 0 && take(&buffer[..whole]).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            buffer.copy_within(whole..filled, 0);
            filled -= whole;
            if filled == buffer.len() {
                if filled >= max_paragraph {
                    return Err(Reason::Malformed("paragraph that does not end"));
                }
                buffer.resize(filled * 2, 0);
            }
        }
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

fn read_some(file: &OwnedFd, buffer: &mut [u8]) -> Result<usize, Reason> {
    loop {
        match rustix::io::read(file, &mut *buffer) {
            Err(Errno::INTR) => {}
            other => return Ok(other?),
        }
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

    /// The names in it, sorted, as many as the limit permits; and whether these are all.
    pub fn names(&self, limit: usize) -> Result<(Vec<OsString>, bool), Reason> {
        let mut names = Vec::new();
        let mut is_all = true;
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if names.len() == limit {
                is_all = false;
                break;
            }
            names.push(OsStr::from_bytes(name).to_owned());
        }
        names.sort_unstable();
        Ok((names, is_all))
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
    use proptest::prelude::*;
    use std::os::unix::fs::symlink;

    fn tree() -> (tempfile::TempDir, Tree) {
        let top = tempfile::tempdir().unwrap();
        let tree = Tree::host(top.path()).unwrap();
        (top, tree)
    }

    proptest! {
        #[test]
        fn blocks_are_whole_paragraphs_and_nothing_is_lost(
            lengths in prop::collection::vec(0_usize..9000, 0..60), long in 0_usize..200_000
        ) {
            let mut text = Vec::new();
            for length in lengths.iter().chain([&long]).chain(&lengths) {
                text.extend(std::iter::repeat_n(b'x', *length));
                text.extend(b"\n\n");
            }
            let (top, tree) = tree();
            std::fs::write(top.path().join("text"), &text).unwrap();
            let file = tree.open(Path::new("text")).unwrap().unwrap();
            let mut read = Vec::new();
            let ended = file.blocks(1 << 20, 1 << 20, |block| {
                assert!(block.is_empty() || block.ends_with(b"\n\n"));
                read.extend_from_slice(block);
                ControlFlow::Continue(())
            });
            prop_assert!(ended.is_ok());
            prop_assert_eq!(read, text);
        }
    }

    #[test]
    fn a_text_without_paragraphs_ends_at_a_limit() {
        let (top, tree) = tree();
        std::fs::write(top.path().join("text"), vec![b'x'; 300_000]).unwrap();
        let blocks = |max_bytes, max_paragraph| {
            let file = tree.open(Path::new("text")).unwrap().unwrap();
            file.blocks(max_bytes, max_paragraph, |_| ControlFlow::Continue(()))
        };
        assert_eq!(blocks(1 << 20, 1 << 20), Ok(ControlFlow::Continue(())));
        assert_eq!(
            blocks(1 << 20, 1 << 17),
            Err(Reason::Malformed("paragraph that does not end"))
        );
        assert_eq!(blocks(299_999, 1 << 20), Err(Reason::TooLarge { limit: 299_999 }));
    }

    #[test]
    fn only_regular_files_are_read() {
        let (top, tree) = tree();
        let mkfifo = std::process::Command::new("mkfifo")
            .arg(top.path().join("pipe"))
            .status();
        assert!(mkfifo.unwrap().success());
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
