//! macOS: opening and reading directories, file system types.

use std::{
    ffi::CStr,
    os::fd::{BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{CWD, Dir as Stream, DirEntry, Mode, OFlags, Stat, fstatfs, openat},
    io::Result,
};

use crate::{Entry, MountTable};

/// Names that count as fetched together: the stream does not tell how many it holds.
const NAMES_PER_PIECE: usize = 1024;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens the directory that a walk takes for `/`.
pub(crate) fn open_base(path: &Path) -> Result<OwnedFd> {
    openat(CWD, path, DIRECTORY, Mode::empty())
}

/// The mount table of this process, which is not read on macOS.
pub(crate) fn own_mounts() -> MountTable {
    MountTable::default()
}

/// Opens a directory in a directory, for reading; a symbolic link is refused with `ELOOP` or `ENOTDIR`.
pub(crate) fn open_dir(at: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd> {
    openat(at, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
}

/// Opens a directory by its path below the base. Absolute symbolic links in the path lead out of a base other than `/`.
pub(crate) fn open_below(base: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd> {
    let inner = path.strip_prefix("/").unwrap_or(path);
    let inner = if inner.as_os_str().is_empty() {
        Path::new(".")
    } else {
        inner
    };
    openat(base, inner, DIRECTORY, Mode::empty())
}

/// Name of the file system of an open directory.
///
/// Source: `f_fstypename` of `statfs(2)`.
pub(crate) fn fs_name(dir: BorrowedFd<'_>, _device: u64, _mounts: &MountTable) -> String {
    let Ok(stat) = fstatfs(dir) else {
        return "unknown".to_owned();
    };
    let name = stat.f_fstypename.iter().take_while(|&&letter| letter != 0);
    name.map(|&letter| char::from(letter.to_ne_bytes()[0])).collect()
}

/// The device number of a file.
pub(crate) fn device_number(stat: &Stat) -> u64 {
    u64::from(stat.st_dev.cast_unsigned())
}

/// One name as the system returned it.
pub(crate) struct RawEntry(DirEntry);

impl RawEntry {
    /// The name and what the directory says of it.
    pub fn as_entry(&self) -> Entry<'_> {
        Entry {
            name: self.0.file_name(),
            file_type: self.0.file_type(),
            inode: self.0.ino(),
        }
    }
}

/// Where to go on reading a directory.
#[derive(Debug, Default)]
pub(crate) struct Position(Option<Stream>);

/// The stream holds its own buffer.
pub(crate) type Buffer = ();

/// A buffer of the right size.
pub(crate) fn new_buffer() -> Buffer {}

/// Reads the names of an open directory.
pub(crate) struct Names<'a> {
    stream: Stream,
    taken: usize,
    _buffer: &'a mut Buffer,
}

impl<'a> Names<'a> {
    /// Begins at the given position.
    pub fn new(dir: BorrowedFd<'a>, position: Position, buffer: &'a mut Buffer) -> Result<Self> {
        let stream = position.0.map_or_else(|| Stream::read_from(dir), Ok)?;
        Ok(Self {
            stream,
            taken: 0,
            _buffer: buffer,
        })
    }

    /// The next name, `.` and `..` included.
    pub fn next(&mut self) -> Option<Result<RawEntry>> {
        self.taken = self.taken.wrapping_add(1);
        Some(self.stream.next()?.map(RawEntry))
    }

    /// Whether the next name counts as fetched together with the last one.
    pub fn is_buffered(&self) -> bool {
        self.taken % NAMES_PER_PIECE != 0
    }

    /// Where to go on after the last name.
    pub fn position(self) -> Position {
        Position(Some(self.stream))
    }
}
