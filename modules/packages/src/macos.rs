//! macOS: opening files and folders of a tree.

use std::{
    os::fd::{BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, openat, statat},
    io::{Errno, Result},
};

use crate::resolve;

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Opens a regular file below `base`; `EOPNOTSUPP` for anything else.
pub(crate) fn open_file(base: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd> {
    let found = resolve::find(base, path)?;
    let stat = statat(&found.folder, &found.name, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => openat(found.folder, found.name, READ, Mode::empty()),
        FileType::Symlink => Err(Errno::LOOP),
        _ => Err(Errno::OPNOTSUPP),
    }
}

/// Opens a folder below `base`, for listing it and for its files.
pub(crate) fn open_folder(base: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd> {
    let found = resolve::find(base, path)?;
    openat(found.folder, found.name, FOLDER, Mode::empty())
}
