//! Root folders of processes, which are those of containers.

use crate::Container;
use std::os::fd::OwnedFd;

/// A root folder other than the host's.
#[derive(Debug)]
pub struct Root {
    /// The folder, held open (`O_PATH`).
    pub dir: OwnedFd,
    /// The container of its first process; one without a name where that is not known.
    pub container: Container,
    /// The text of that process's `mountinfo`; empty where it cannot be read.
    pub mountinfo: Vec<u8>,
}

/// The root folders of a host's processes other than the host's own.
#[derive(Debug, Default)]
pub struct Roots {
    /// Each once, by the lowest process number.
    pub found: Vec<Root>,
    /// What could not be looked at.
    pub unseen: Vec<Unseen>,
}

/// Processes of which it is not known what root they have.
#[derive(Debug)]
pub struct Unseen {
    /// Why, in the words of a coverage entry.
    pub why: &'static str,
    /// Which process, or what the system said.
    pub example: String,
}
