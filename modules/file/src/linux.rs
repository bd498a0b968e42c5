//! Linux: metadata, opening files without side effects, extended attributes.

use std::{
    ffi::CStr,
    fs::File,
    io::Read,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use gumshoe_walk::Base;
use rustix::{
    fs::{
        AtFlags, CWD, Mode, OFlags, ResolveFlags, Statx, StatxFlags, StatxTimestamp, getxattr, lgetxattr,
        listxattr, llistxattr, openat, openat2, readlinkat, statx,
    },
    io::{Errno, Result},
};

use crate::{
    condition::Attributes,
    metadata::Metadata,
    params::FileKind,
    parse::{age::Nanoseconds, capability},
    unix::{READ, attribute_names, read_up_to},
};

/// Longest list of attribute names that the kernel returns (`XATTR_LIST_MAX`, `xattr(7)`).
const ATTRIBUTE_NAMES_BYTES: usize = 64 << 10;
/// The attribute that holds a file's capabilities.
const CAPABILITY: &CStr = c"security.capability";

/// Metadata of a name in a directory; a link is not followed, an automount point not triggered.
pub(crate) fn stat(dir: BorrowedFd<'_>, name: &CStr) -> Result<Metadata> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    metadata(&statx(
        dir,
        name,
        flags,
        StatxFlags::BASIC_STATS | StatxFlags::BTIME,
    )?)
}

/// Metadata of an open file.
pub(crate) fn stat_open(file: BorrowedFd<'_>) -> Result<Metadata> {
    metadata(&statx(
        file,
        c"",
        AtFlags::EMPTY_PATH,
        StatxFlags::BASIC_STATS | StatxFlags::BTIME,
    )?)
}

fn metadata(stat: &Statx) -> Result<Metadata> {
    let kind = FileKind::of(rustix::fs::FileType::from_raw_mode(u32::from(stat.stx_mode)))
        .ok_or(Errno::OPNOTSUPP)?;
    let has = |flag: StatxFlags| stat.stx_mask & flag.bits() != 0;
    let time = |stamp: &StatxTimestamp| {
        Nanoseconds::from(stamp.tv_sec) * 1_000_000_000 + Nanoseconds::from(stamp.tv_nsec)
    };
    Ok(Metadata {
        kind,
        size: stat.stx_size,
        mode: stat.stx_mode & 0o7777,
        uid: Some(stat.stx_uid),
        gid: Some(stat.stx_gid),
        mtime: has(StatxFlags::MTIME).then(|| time(&stat.stx_mtime)),
        ctime: has(StatxFlags::CTIME).then(|| time(&stat.stx_ctime)),
        btime: has(StatxFlags::BTIME).then(|| time(&stat.stx_btime)),
        id: (
            u64::from(stat.stx_dev_major) << 32 | u64::from(stat.stx_dev_minor),
            stat.stx_ino,
        ),
        stored_bytes: stat.stx_blocks.saturating_mul(512),
    })
}

/// Opens a name in a directory for reading. What was opened must still be examined: it may not be what it was.
pub(crate) fn open_file(dir: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd> {
    without_atime(|flags| openat(dir, name, READ | flags, Mode::empty()))
}

/// Leaves the access time alone where that is permitted (owner of the file or `CAP_FOWNER`).
fn without_atime(open: impl Fn(OFlags) -> Result<OwnedFd>) -> Result<OwnedFd> {
    match open(OFlags::NOATIME) {
        Err(Errno::PERM) => open(OFlags::empty()),
        other => other,
    }
}

/// What a link leads to, not yet opened.
pub(crate) struct Target(OwnedFd);

impl Target {
    /// Follows the link at a path below the base; nothing leads out of the base.
    pub fn find(base: &Base, path: &Path) -> Result<Self> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        openat2(
            base.as_fd(),
            path,
            OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
            resolve,
        )
        .map(Self)
    }

    /// Its metadata.
    pub fn stat(&self) -> Result<Metadata> {
        stat_open(self.0.as_fd())
    }

    /// Where it really lies.
    pub fn real_path(&self) -> Result<PathBuf> {
        let link = readlinkat(CWD, proc_path(self.0.as_fd(), None), Vec::new())?;
        Ok(Path::new(std::ffi::OsStr::from_bytes(link.as_bytes())).to_owned())
    }

    /// Its extended attributes.
    pub fn attributes(&self) -> Result<Attributes> {
        let path = proc_path(self.0.as_fd(), None);
        attributes_by(
            |list| listxattr(&path, list),
            |value| getxattr(&path, CAPABILITY, value),
        )
    }

    /// Opens it for reading.
    pub fn open(&self) -> Result<OwnedFd> {
        let path = proc_path(self.0.as_fd(), None);
        without_atime(|flags| {
            openat(
                CWD,
                &path,
                READ.difference(OFlags::NOFOLLOW) | flags,
                Mode::empty(),
            )
        })
    }
}

/// Where a path below the base really lies, as the system shows it.
pub(crate) fn real_path(base: &Base, path: &Path) -> Result<PathBuf> {
    Target::find(base, path)?.real_path()
}

/// A path by which a descriptor, or a name in the directory that it stands for, can be reached.
fn proc_path(fd: BorrowedFd<'_>, name: Option<&CStr>) -> PathBuf {
    let mut path = PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    if let Some(name) = name {
        path.push(std::ffi::OsStr::from_bytes(name.to_bytes()));
    }
    path
}

/// Extended attributes of a name in a directory; a link is not followed. A file system without them has none.
pub(crate) fn attributes(dir: BorrowedFd<'_>, name: &CStr) -> Result<Attributes> {
    let path = proc_path(dir, Some(name));
    attributes_by(
        |list| llistxattr(&path, list),
        |value| lgetxattr(&path, CAPABILITY, value),
    )
}

fn attributes_by(
    list: impl Fn(&mut [u8]) -> Result<usize>,
    capability: impl Fn(&mut [u8]) -> Result<usize>,
) -> Result<Attributes> {
    let mut text = vec![0; ATTRIBUTE_NAMES_BYTES];
    let length = match list(&mut text) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP) => 0,
        Err(errno) => return Err(errno),
    };
    let names = attribute_names(text.get(..length).unwrap_or_default());
    let mut capabilities = Vec::new();
    if names.iter().any(|name| name == CAPABILITY.to_bytes()) {
        let mut value = [0; capability::MAX_BYTES];
        let length = capability(&mut value)?;
        let parsed = value
            .get(..length)
            .and_then(capability::parse)
            .unwrap_or_default();
        capabilities = parsed.into_iter().map(String::into_bytes).collect();
    }
    Ok(Attributes { names, capabilities })
}

/// Reads a file below the base, up to a size; a file that is not there is empty.
pub(crate) fn read_below(base: &Base, path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let target = match Target::find(base, path) {
        Err(Errno::NOENT) => return Ok(Vec::new()),
        target => target?,
    };
    if target.stat()?.kind != FileKind::File {
        return Err(Errno::OPNOTSUPP);
    }
    read_up_to(target.open()?.into(), max_bytes)
}

/// A file whose holes are passed over instead of being read: each is delivered as at most `HOLE_BYTES` zeros.
///
/// Source: `SEEK_DATA` and `SEEK_HOLE` of `lseek(2)`.
pub(crate) struct Holes<'a> {
    file: &'a File,
    size: u64,
    /// Where to read next.
    position: u64,
    /// End of the data at the position; equal to it when not known.
    data_end: u64,
    /// Zeros that are still to be delivered for the hole before the position.
    zeros: u64,
    missing_bytes: u64,
}

/// What is left of a hole. Longer than the longest line and the longest match that are found for sure in a long
/// line, so that the rest changes no result.
const HOLE_BYTES: u64 = 2 << 20;

impl<'a> Holes<'a> {
    /// Reads a file of the given size from its start.
    pub fn new(file: &'a File, size: u64) -> Self {
        Self {
            file,
            size,
            position: 0,
            data_end: 0,
            zeros: 0,
            missing_bytes: 0,
        }
    }

    /// Bytes that the file lacks of its size, once it was read to its end.
    pub fn missing_bytes(&self) -> u64 {
        self.missing_bytes
    }

    /// Finds the next data, and the hole in front of it.
    fn locate(&mut self) -> Result<()> {
        let seek = |from| rustix::fs::seek(self.file, from);
        let data = match seek(rustix::fs::SeekFrom::Data(self.position)) {
            Ok(data) => data.min(self.size),
            Err(Errno::NXIO) => self.size,
            Err(errno) => return Err(errno),
        };
        self.zeros = data.saturating_sub(self.position).min(HOLE_BYTES);
        self.position = data;
        self.data_end = if data < self.size {
            seek(rustix::fs::SeekFrom::Hole(data))?.min(self.size)
        } else {
            data
        };
        Ok(())
    }
}

impl Read for Holes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.zeros == 0 && self.position == self.data_end && self.position < self.size {
            self.locate()?;
        }
        let fits = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX).min(buffer.len());
        if self.zeros > 0 {
            let count = fits(self.zeros);
            buffer[..count].fill(0);
            self.zeros -= count as u64;
            return Ok(count);
        }
        let count = fits(self.data_end - self.position);
        let count = rustix::io::pread(self.file, &mut buffer[..count], self.position)?;
        if count == 0 && !buffer.is_empty() {
            self.missing_bytes = self.size - self.position;
        }
        self.position += count as u64;
        Ok(count)
    }
}
