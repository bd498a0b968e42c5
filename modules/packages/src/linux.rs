//! Linux: opening files and folders of a tree.

use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2},
    io::{Errno, Result},
};

use crate::resolve;

/// Opening for a look only: nothing happens to a device or pipe.
const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Opens a regular file below `base`; `EOPNOTSUPP` for anything else.
pub(crate) fn open_file(base: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd> {
    let found = below(base, path, LOOK)?;
    reopen(&found)
}

/// Opens a folder below `base`, for listing it and for its files.
pub(crate) fn open_folder(base: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd> {
    below(base, path, FOLDER)
}

/// Follows links that stay below the base.
fn below(base: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    match openat2(base, path, flags, Mode::empty(), resolve) {
        // Kernels before 5.6, and sandboxes that do not know the call.
        Err(Errno::NOSYS | Errno::PERM) => {
            let found = resolve::find(base, path)?;
            openat(found.folder, found.name, flags | OFlags::NOFOLLOW, Mode::empty())
        }
        other => other,
    }
}

/// Opens for reading what was found to be a regular file, and leaves its access time alone where that is permitted.
fn reopen(found: &OwnedFd) -> Result<OwnedFd> {
    let stat = fstat(found)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        FileType::Symlink => return Err(Errno::LOOP),
        _ => return Err(Errno::OPNOTSUPP),
    }
    let path = format!("/proc/self/fd/{}", found.as_fd().as_raw_fd());
    match openat(CWD, &path, READ | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => openat(CWD, &path, READ, Mode::empty()),
        other => other,
    }
}
