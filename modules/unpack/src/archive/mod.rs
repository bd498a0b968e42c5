//! Walking archives.

mod input;
mod member;
mod sparse;
mod tar;
mod tar_member;
mod walker;
mod zip;
mod zip_layout;

use std::io::{Read, Seek};

pub use member::{Anomaly, Flow, Gap, MAX_LISTED, Member, MemberKind, Summary, WalkError, WalkOptions};

use self::{
    input::{Input, Slice},
    walker::Walker,
};
use crate::{Container, DETECT_BYTES, Format, budget::Budget, detect, reason::Reason, source::read_full};

/// Shows each member of an archive, and of the archives inside it, to `visit`.
///
/// Shape: members come in the archive's order (zip: of its central directory), an archive inside before its
/// own members. `visit` gets the metadata and a reader of the content; what it does not read costs
/// nothing in a seekable archive, and is decoded or skipped otherwise. A compressed file that is no archive has
/// one member with an empty path.
///
/// Content: a member's reader yields the member as stored in the archive (zip's compression undone). A member
/// that is itself compressed is shown as such first and decoded then ([`Member::is_decoded`]), or walked when
/// an archive comes out; that archive as a whole (`x.tar` of `x.tar.gz`) is not shown.
///
/// Limits: those of `budget`. A nested archive in a stream is kept in memory for as far as `visit` reads it
/// ([`crate::Limits::buffer_bytes`]); past that the reader fails, and the walk inside goes on. What was not
/// looked at is in the summary with its reason, whether `visit` cares about its reader's errors or not.
///
/// # Errors
///
/// [`WalkError::NotAnArchive`] when the file is neither an archive nor compressed, [`WalkError::Read`] when its
/// beginning or end cannot be read. Everything later is a gap in the summary.
pub fn walk_archive<R: Read + Seek>(
    mut file: R,
    budget: &Budget<'_>,
    options: WalkOptions,
    visit: &mut dyn FnMut(&Member<'_>, &mut dyn Read) -> Flow,
) -> Result<Summary, WalkError> {
    let unreadable = |source| WalkError::Read { source };
    let mut slice = Slice::whole(&mut file).map_err(|error| unreadable(Reason::of(&error)))?;
    let format = recognise(&mut slice).map_err(unreadable)?;
    let format = format.ok_or(WalkError::NotAnArchive)?;
    let output_before = budget.output();
    let mut walker = Walker::new(format, budget, options, visit);
    // Whether the walk was broken off is in the summary.
    let _ = walker.enter(format, Input::Seekable(slice), &mut Vec::new());
    let mut summary = walker.summary;
    summary.output_bytes = budget.output() - output_before;
    Ok(summary)
}

/// By the first bytes, or as a zip behind something else (a self-extracting one) by the last.
fn recognise(slice: &mut Slice<'_>) -> Result<Option<Format>, Reason> {
    let mut head = vec![0; DETECT_BYTES];
    let length = read_full(slice, &mut head)?;
    slice.rewind();
    if let Some(format) = detect(&head[..length]) {
        return Ok(Some(format));
    }
    let layout = zip_layout::find_layout(slice);
    slice.rewind();
    match layout {
        Ok(layout) if layout.entries > 0 => Ok(Some(Format::Archive(Container::Zip))),
        Err(Reason::Source { kind, message }) => Err(Reason::Source { kind, message }),
        _ => Ok(None),
    }
}
