//! What a walk calls.

use crate::{Dir, Entry, Skip};

/// How the walk goes on after a call to a [`Visitor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on, into the directory too if the call was about one.
    Continue,
    /// Go on, but not into the directory that the call was about.
    Prune,
    /// End the whole walk, in every thread, as soon as possible.
    Stop,
}

/// Receives what the walk finds; one value per thread, so no locking is needed.
///
/// The order of calls is not defined. [`Visitor::entry`] of one directory may come to several visitors.
pub trait Visitor: Send {
    /// A directory was opened and is about to be read. Called once per visited directory, the roots included.
    fn directory(&mut self, dir: &Dir) -> Flow {
        let _ = dir;
        Flow::Continue
    }

    /// One entry of a directory, directories included, before they are opened.
    ///
    /// A root that is a file arrives here as well, with [`Dir::is_file_root`] true.
    fn entry(&mut self, dir: &Dir, entry: &Entry<'_>) -> Flow;

    /// Something below a root was not visited.
    fn skipped(&mut self, skip: &Skip<'_>);
}
