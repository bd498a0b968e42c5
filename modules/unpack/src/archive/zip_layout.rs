//! Finding a zip's central directory from the archive's end.

use super::input::Slice;
use crate::{
    parse::zip::{
        CENTRAL_MAGIC, END_BYTES, END64_BYTES, End, LOCATOR_BYTES, MAX_COMMENT_BYTES, find_end, parse_end,
        parse_end64, parse_locator,
    },
    reason::Reason,
};

/// Where a zip's parts are in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// What is to be added to stated offsets: the length of what was put in front of the archive.
    pub(super) base: u64,
    pub(super) directory: u64,
    pub(super) directory_bytes: u64,
    /// Members, as stated.
    pub(super) entries: u64,
    /// Bytes behind the end record and its comment.
    pub(super) appended: u64,
}

/// Finds the central directory; an error says that this is no complete zip.
pub(super) fn find_layout(slice: &mut Slice<'_>) -> Result<Layout, Reason> {
    let length = slice.length();
    let none = || Reason::Truncated {
        format: "zip",
        offset: length,
    };
    let window = (END_BYTES + MAX_COMMENT_BYTES + LOCATOR_BYTES) as u64;
    let start = length.saturating_sub(window);
    let mut tail = vec![0; usize::try_from(length - start).unwrap_or(0)];
    if !slice.read_at(start, &mut tail)? {
        return Err(none());
    }
    let at = find_end(&tail).ok_or_else(none)?;
    let (before, record) = tail.split_at(at);
    let end = parse_end(record).ok_or_else(none)?;
    let position = start + at as u64;
    let zip64 = match end.wants_zip64 {
        true => find_end64(slice, before, start)?,
        false => None,
    };
    let (mut end, directory_end) = zip64.unwrap_or((end, position));
    end.appended = (length - position)
        .saturating_sub(END_BYTES as u64)
        .saturating_sub(end_comment(record));
    place(slice, &end, directory_end)
}

fn end_comment(record: &[u8]) -> u64 {
    let length = record.get(20..END_BYTES).and_then(<[u8]>::first_chunk);
    length.map_or(0, |bytes| u64::from(u16::from_le_bytes(*bytes)))
}

/// The zip64 end record with its position. `before` lies in front of the end record, from `start` on.
fn find_end64(slice: &mut Slice<'_>, before: &[u8], start: u64) -> Result<Option<(End, u64)>, Reason> {
    let Some(locator) = before.len().checked_sub(LOCATOR_BYTES) else {
        return Ok(None);
    };
    let Some(stated) = parse_locator(&before[locator..]) else {
        return Ok(None);
    };
    // With something in front of the archive the stated position is off; the record then still lies
    // right before the locator.
    let adjacent = (start + locator as u64).saturating_sub(END64_BYTES as u64);
    for position in [stated, adjacent] {
        let mut record = [0; END64_BYTES];
        if slice.read_at(position, &mut record)?
            && let Some(end) = parse_end64(&record)
        {
            return Ok(Some((end, position)));
        }
    }
    Ok(None)
}

/// The directory lies right in front of the end record, or at its stated place if there is none.
fn place(slice: &mut Slice<'_>, end: &End, directory_end: u64) -> Result<Layout, Reason> {
    let layout = |directory: u64| Layout {
        base: directory.saturating_sub(end.directory_offset),
        directory,
        directory_bytes: end.directory_bytes,
        entries: end.entries,
        appended: end.appended,
    };
    let adjacent = directory_end.checked_sub(end.directory_bytes);
    for directory in adjacent.into_iter().chain([end.directory_offset]) {
        let mut magic = [0; 4];
        let read = slice.read_at(directory, &mut magic)?;
        if end.directory_bytes == 0 || (read && &magic == CENTRAL_MAGIC) {
            return Ok(layout(directory));
        }
    }
    let detail = "there is no central directory where the end record says";
    Err(Reason::corrupt("zip", end.directory_offset, detail))
}
