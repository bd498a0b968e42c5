//! Links and folders below `/proc`.

use rustix::fs::{CWD, Mode, OFlags, RawDir, openat, readlinkat_raw};
use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

/// Bytes of the text of a link to a namespace or a socket; a longer text is of another kind.
const LINK_BYTES: usize = 64;
/// Bytes of a folder's entries that are read at once.
const ENTRIES_BYTES: usize = 32 << 10;

/// Opens the file of a namespace, by a link in `/proc` or by a mount. Nothing else is opened: a container decides what
/// lies behind a path in it, and may put a pipe or a device there.
pub(super) fn open_namespace(at: &impl AsFd, path: &Path) -> io::Result<OwnedFd> {
    let found = openat(at, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    if rustix::fs::fstatfs(&found)?.f_type != NSFS_MAGIC {
        return Err(io::ErrorKind::NotFound.into());
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(openat(
        CWD,
        format!("/proc/thread-self/fd/{}", found.as_raw_fd()),
        flags,
        Mode::empty(),
    )?)
}

/// The file system of namespaces (`NSFS_MAGIC`, Linux `uapi/linux/magic.h`).
const NSFS_MAGIC: rustix::fs::FsWord = 0x6e73_6673;

/// A short text of a link.
pub(super) struct LinkText {
    buffer: [u8; LINK_BYTES],
    length: usize,
}

impl LinkText {
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }
}

/// What a link says, if it is short enough to be of interest.
pub(super) fn link(at: &impl AsFd, path: impl rustix::path::Arg) -> io::Result<Option<LinkText>> {
    let mut buffer = [0; LINK_BYTES];
    let length = readlinkat_raw(at, path, &mut buffer)?;
    Ok((length < LINK_BYTES).then_some(LinkText { buffer, length }))
}

/// Calls `each` with the name of each entry of a folder, except `.` and `..`. The list ends where it cannot be read on.
pub(super) fn each_entry(folder: &impl AsFd, each: &mut dyn FnMut(&CStr)) {
    let mut buffer = [MaybeUninit::uninit(); ENTRIES_BYTES];
    let mut entries = RawDir::new(folder, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        let name = entry.file_name();
        if name != c"." && name != c".." {
            each(name);
        }
    }
}

/// An error without what differs from one example to the next.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotFound => "vanished".to_owned(),
        _ => error.to_string(),
    }
}
