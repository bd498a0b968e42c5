//! A parallel directory walker that is safe on hostile trees.
//!
//! [`walk`] visits every directory below a set of [`Root`]s once, however many roots cover it, with
//! one [`Visitor`] per thread. It is built for an agent that runs as root on hosts it must not trust:
//!
//! * every directory is opened relative to its parent and never through a symbolic link, so a tree
//!   that is rearranged during the walk cannot lead it elsewhere, and no path is too long;
//! * a directory that can be reached twice (bind mount, overlapping roots) is visited once per root;
//! * remote and pseudo file systems are recognised from the mount table **before** they are touched;
//! * descriptors and memory are bounded: directories wait on a stack, depth first, and a directory with
//!   a million entries is read in pieces which idle threads take over;
//! * whatever was not visited is reported with a [`SkipReason`].
//!
//! **Invariant:** the walker opens directories only. It follows no symbolic link below a root, opens no
//! file, and decides nothing about what is found.
//!
//! # Limits
//!
//! A file system that is mounted below a pseudo file system (such as a `tmpfs` on `/sys/fs/cgroup`) is
//! seen only by a root that lies on the pseudo file system or on that mount itself. On macOS the
//! mount table is not read: remote file systems are recognised when they are opened.

mod base;
mod cover;
mod dir;
mod fs_kind;
mod mounts;
mod plan;
mod pool;
mod root;
mod skip;
mod visited;
mod visitor;
mod walker;
mod worker;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as os;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as os;

pub use base::{Base, BaseError};
pub use cover::RootDepth;
pub use dir::{Dir, Entry};
pub use fs_kind::{FsKind, classify_fs};
pub use mounts::{Mount, MountTable};
pub use root::{Devices, RemoteFs, Root};
pub use rustix::fs::FileType;
pub use skip::{Skip, SkipReason};
pub use visitor::{Flow, Visitor};
pub use walker::{EntryWork, Options, walk};
