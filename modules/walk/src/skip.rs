//! What was not visited, and why.

use std::{ffi::CStr, path::PathBuf};

use rustix::io::Errno;

use crate::{
    cover::{Cover, RootDepth},
    dir::{Place, join, to_path},
};

/// Why something below a root was not visited.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// The system refused to open or read it (`EACCES`, `EPERM`).
    PermissionDenied,
    /// It was there when its parent was read, and is gone or something else now.
    Vanished,
    /// The root does not exist.
    NotFound,
    /// It lies on a remote file system, which the root does not ask for.
    Remote {
        /// Name of the file system, such as `nfs4` or `fuse.sshfs`.
        fs: String,
    },
    /// It lies on a file system that shows kernel state (`proc`, `sysfs`, automount points).
    Pseudo {
        /// Name of the file system.
        fs: String,
    },
    /// It lies on another device than the root, which asked for [`Devices::Same`](crate::Devices::Same).
    OtherDevice,
    /// It lies deeper than the root's [`max_depth`](crate::Root::max_depth).
    DepthLimit,
    /// The process has no descriptor left for it, even after the walk gave up all it could.
    TooManyOpenFiles,
    /// It was visited already, on another path. Nothing is missing.
    AlreadyVisited,
    /// Reading failed in another way; what was read until then was delivered.
    Io(Errno),
}

impl SkipReason {
    /// The reason that belongs to a failed system call below a root.
    pub fn from_errno(errno: Errno) -> Self {
        match errno {
            Errno::ACCESS | Errno::PERM => Self::PermissionDenied,
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Self::Vanished,
            Errno::MFILE | Errno::NFILE => Self::TooManyOpenFiles,
            other => Self::Io(other),
        }
    }

    /// The reason that belongs to a root that could not be opened.
    pub(crate) fn from_root_errno(errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::NOTDIR => Self::NotFound,
            Errno::LOOP => Self::Io(Errno::LOOP),
            other => Self::from_errno(other),
        }
    }

    /// Whether something that was asked for went unseen.
    pub fn is_gap(&self) -> bool {
        !matches!(self, Self::AlreadyVisited)
    }
}

/// One directory, entry or root that was not visited.
#[derive(Debug)]
pub struct Skip<'a> {
    reason: SkipReason,
    at: SkipPlace<'a>,
    cover: &'a Cover,
    depth: u32,
}

/// What is needed to name a skipped thing, should somebody ask for its path.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SkipPlace<'a> {
    /// A root, by the path it was given with.
    Root(&'a [u8]),
    /// A directory that was opened.
    Dir(&'a Place),
    /// An entry of a directory.
    Entry(&'a Place, &'a CStr),
}

impl<'a> Skip<'a> {
    /// A skip for all roots of `cover`; `depth` is that of the directory that holds the skipped thing.
    pub(crate) fn new(reason: SkipReason, at: SkipPlace<'a>, cover: &'a Cover, depth: u32) -> Self {
        Self {
            reason,
            at,
            cover,
            depth,
        }
    }

    /// Why it was not visited.
    pub fn reason(&self) -> &SkipReason {
        &self.reason
    }

    /// The roots for which it was not visited. Depths are those of the directory that holds it.
    pub fn roots(&self) -> impl Iterator<Item = RootDepth> + '_ {
        self.cover.roots_at(self.depth)
    }

    /// The path of what was not visited, as its root was given. Built on each call.
    pub fn path(&self) -> PathBuf {
        match self.at {
            SkipPlace::Root(path) => to_path(path.to_vec()),
            SkipPlace::Dir(place) => to_path(place.path()),
            SkipPlace::Entry(place, name) => to_path(join(place.path(), name.to_bytes())),
        }
    }
}
