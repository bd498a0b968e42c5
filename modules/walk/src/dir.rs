//! Directories and entries as a visitor sees them.

use std::{
    ffi::{CStr, OsString},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::fs::FileType;

use crate::cover::{Cover, RootDepth};

/// Where a directory stands: enough to name it and to open it again, without a descriptor.
#[derive(Debug)]
pub(crate) struct Place {
    /// The directory that holds it; `None` for a start.
    pub parent: Option<Arc<Place>>,
    /// Base name, without NUL; for a start the whole path as shown.
    pub name: Box<[u8]>,
    /// Depth below the start.
    pub depth: u32,
    /// Device.
    pub device: u64,
    /// Inode.
    pub inode: u64,
    /// The roots that want it.
    pub cover: Arc<Cover>,
    /// It lies on a file system that shows kernel state.
    pub pseudo: bool,
}

impl Place {
    /// The bytes of a path, as the name of a start.
    pub fn name_of(path: &Path) -> Box<[u8]> {
        path.as_os_str().as_bytes().into()
    }

    /// Path as shown.
    pub fn path(&self) -> Vec<u8> {
        let mut names = vec![&*self.name];
        let mut at = self;
        while let Some(parent) = &at.parent {
            names.push(&parent.name);
            at = parent;
        }
        names.into_iter().rev().fold(Vec::new(), join)
    }
}

impl Drop for Place {
    /// Frees the parents one after the other: a chain may be far longer than a stack can recurse.
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(mut place) = next.and_then(Arc::into_inner) {
            next = place.parent.take();
        }
    }
}

/// Appends a name to a path.
pub(crate) fn join(mut path: Vec<u8>, name: &[u8]) -> Vec<u8> {
    if !path.is_empty() && !path.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// Turns bytes into a path, losing nothing.
pub(crate) fn to_path(bytes: Vec<u8>) -> PathBuf {
    OsString::from_vec(bytes).into()
}

/// Counts a directory as open for as long as it lives.
#[derive(Debug)]
pub(crate) struct OpenCount(Arc<AtomicUsize>);

impl OpenCount {
    /// Counts one more.
    pub fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for OpenCount {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a directory is to the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DirRole {
    /// A root itself.
    Root,
    /// A directory below a root.
    Below,
    /// The parent of a root that is a file; only that entry is delivered.
    FileRootParent,
}

/// An open directory.
#[derive(Debug)]
pub struct Dir {
    pub(crate) place: Arc<Place>,
    pub(crate) fd: OwnedFd,
    pub(crate) role: DirRole,
    /// Some names in it are guarded.
    pub(crate) guarded: bool,
    pub(crate) _open: OpenCount,
}

impl Dir {
    /// The path of the directory, as its root was given. Built on each call.
    pub fn path(&self) -> PathBuf {
        to_path(self.place.path())
    }

    /// The path of one of its entries. Built on each call.
    pub fn path_of(&self, name: &CStr) -> PathBuf {
        to_path(join(self.place.path(), name.to_bytes()))
    }

    /// The roots that cover the directory, by index, each once, with the directory's depth below it.
    pub fn roots(&self) -> impl Iterator<Item = RootDepth> + '_ {
        self.place.cover.roots_at(self.place.depth)
    }

    /// Device number (`st_dev`).
    pub fn device(&self) -> u64 {
        self.place.device
    }

    /// Inode number (`st_ino`).
    pub fn inode(&self) -> u64 {
        self.place.inode
    }

    /// Whether it lies on a file system that shows kernel state, where sizes mean nothing and reading may have effects.
    pub fn is_pseudo(&self) -> bool {
        self.place.pseudo
    }

    /// Whether this is the directory of a root (then its base name was never delivered as an entry).
    pub fn is_root(&self) -> bool {
        self.role == DirRole::Root
    }

    /// Whether this is the parent of a root that is a file. Its one entry is the root.
    pub fn is_file_root(&self) -> bool {
        self.role == DirRole::FileRootParent
    }
}

impl AsFd for Dir {
    /// The descriptor to open or examine entries with (`openat`, `statat`). It is not to be read.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// One name in a directory.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Base name; any bytes except `/` and NUL.
    pub name: &'a CStr,
    /// Type of the name itself; a symbolic link is not followed.
    pub file_type: FileType,
    /// Inode as the directory lists it (at a mount point: of the directory below the mount).
    pub inode: u64,
}
