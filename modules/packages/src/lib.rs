//! Reads the databases of package managers, without running any of them.
//!
//! [`read`] goes through the databases of one [`Tree`] (the host's files, those of a container, of a mounted image) and
//! hands every package to a [`Sink`], together with whatever could not be looked at as a [`Gap`]. [`parse`] turns
//! bytes into values; `source` knows where the bytes lie; [`purl`] names packages the way advisories do.
//!
//! **Invariant:** bytes and names are hostile: a container's files are somebody else's. Nothing leads out of the tree,
//! nothing but regular files and folders is opened, every read has a limit, and reaching one is a gap.

pub mod fuzz;
mod gap;
mod homes;
mod package;
pub mod parse;
pub mod purl;
mod reader;
mod resolve;
mod source;
mod storage;
mod tree;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as os;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as os;

pub use gap::{Gap, Reason};
pub use gumshoe_versions::PackageType as Kind;
pub use package::{Package, Status};
pub use parse::os_release::Distro;
pub use reader::{Sink, distro, read};
pub use storage::{Storage, StorageError};
pub use tree::Tree;
