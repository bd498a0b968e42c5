//! macOS: metadata, opening files without side effects, extended attributes.

use std::{
    ffi::{CStr, OsStr},
    fs::File,
    io::Read,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use gumshoe_walk::Base;
use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, Stat, flistxattr, fstat, getpath, llistxattr, openat, statat},
    io::{Errno, Result},
};

use crate::{
    condition::Attributes,
    metadata::Metadata,
    params::FileKind,
    parse::age::Nanoseconds,
    unix::{READ, attribute_names, read_up_to},
};

/// Longest list of attribute names that is read.
const ATTRIBUTE_NAMES_BYTES: usize = 64 << 10;

/// Metadata of a name in a directory; a link is not followed.
pub(crate) fn stat(dir: BorrowedFd<'_>, name: &CStr) -> Result<Metadata> {
    metadata(&statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Metadata of an open file.
pub(crate) fn stat_open(file: BorrowedFd<'_>) -> Result<Metadata> {
    metadata(&fstat(file)?)
}

fn metadata(stat: &Stat) -> Result<Metadata> {
    let kind = FileKind::of(FileType::from_raw_mode(stat.st_mode)).ok_or(Errno::OPNOTSUPP)?;
    let time = |seconds: i64, nanoseconds: i64| {
        Nanoseconds::from(seconds) * 1_000_000_000 + Nanoseconds::from(nanoseconds)
    };
    Ok(Metadata {
        kind,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mode: stat.st_mode & 0o7777,
        uid: Some(stat.st_uid),
        gid: Some(stat.st_gid),
        mtime: Some(time(stat.st_mtime, stat.st_mtime_nsec)),
        ctime: Some(time(stat.st_ctime, stat.st_ctime_nsec)),
        btime: Some(time(stat.st_birthtime, stat.st_birthtime_nsec)),
        id: (u64::from(stat.st_dev.cast_unsigned()), stat.st_ino),
        stored_bytes: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
    })
}

/// Opens a name in a directory for reading. What was opened must still be examined: it may not be what it was.
pub(crate) fn open_file(dir: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd> {
    openat(dir, name, READ, Mode::empty())
}

/// What a link leads to.
pub(crate) struct Target(OwnedFd);

impl Target {
    /// Follows the link at a path below the base. Only files are opened; anything else is refused.
    pub fn find(base: &Base, path: &Path) -> Result<Self> {
        let inner = path.strip_prefix("/").unwrap_or(path);
        let stat = statat(base.as_fd(), inner, AtFlags::empty())?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Errno::OPNOTSUPP);
        }
        openat(
            base.as_fd(),
            inner,
            READ.difference(OFlags::NOFOLLOW),
            Mode::empty(),
        )
        .map(Self)
    }

    /// Its metadata.
    pub fn stat(&self) -> Result<Metadata> {
        stat_open(self.0.as_fd())
    }

    /// Where it really lies.
    pub fn real_path(&self) -> Result<PathBuf> {
        Ok(Path::new(OsStr::from_bytes(getpath(&self.0)?.to_bytes())).to_owned())
    }

    /// Its extended attributes.
    pub fn attributes(&self) -> Result<Attributes> {
        attributes_by(|list| flistxattr(&self.0, list))
    }

    /// Opens it for reading.
    pub fn open(&self) -> Result<OwnedFd> {
        rustix::io::fcntl_dupfd_cloexec(&self.0, 0)
    }
}

/// Where a path below the base really lies, as the system shows it.
pub(crate) fn real_path(base: &Base, path: &Path) -> Result<PathBuf> {
    let inner = path.strip_prefix("/").unwrap_or(path);
    let inner = if inner.as_os_str().is_empty() {
        Path::new(".")
    } else {
        inner
    };
    let opened = openat(
        base.as_fd(),
        inner,
        READ.difference(OFlags::NOFOLLOW),
        Mode::empty(),
    )?;
    Ok(Path::new(OsStr::from_bytes(getpath(&opened)?.to_bytes())).to_owned())
}

/// Extended attributes of a name in a directory; a link is not followed. There are no capabilities on macOS.
pub(crate) fn attributes(dir: BorrowedFd<'_>, name: &CStr) -> Result<Attributes> {
    let mut path = PathBuf::from(OsStr::from_bytes(getpath(dir)?.to_bytes()));
    path.push(OsStr::from_bytes(name.to_bytes()));
    attributes_by(|list| llistxattr(&path, list))
}

fn attributes_by(list: impl Fn(&mut [u8]) -> Result<usize>) -> Result<Attributes> {
    let mut text = vec![0; ATTRIBUTE_NAMES_BYTES];
    let length = match list(&mut text) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => 0,
        Err(errno) => return Err(errno),
    };
    Ok(Attributes {
        names: attribute_names(text.get(..length).unwrap_or_default()),
        capabilities: Vec::new(),
    })
}

/// Reads a file below the base, up to a size; a file that is not there is empty.
pub(crate) fn read_below(base: &Base, path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let target = match Target::find(base, path) {
        Err(Errno::NOENT) => return Ok(Vec::new()),
        target => target?,
    };
    read_up_to(target.0.into(), max_bytes)
}

/// A file, read as it is: holes are not passed over on macOS.
pub(crate) struct Holes<'a>(std::io::Take<&'a File>);

impl<'a> Holes<'a> {
    /// Reads a file of the given size from its start.
    pub fn new(file: &'a File, size: u64) -> Self {
        Self(file.take(size))
    }

    /// Bytes that the file lacks of its size, once it was read to its end.
    pub fn missing_bytes(&self) -> u64 {
        self.0.limit()
    }
}

impl Read for Holes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}
