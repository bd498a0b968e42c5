//! Which parts of a file are in memory.

#![allow(
    unsafe_code,
    reason = "the kernel tells residency of mappings only, by mincore(2)"
)]

use memmap2::MmapOptions;
use std::fs::File;
use std::io;
use std::ops::Range;

/// Bytes of a file that are mapped, but not touched, at a time.
const WINDOW_BYTES: u64 = 1 << 30;

/// Appends the ranges of `file` within `range` that are in memory; `range` starts at a page and ends within the file.
/// The mapping made for that is never accessed.
pub(super) fn ranges(
    file: &File,
    range: Range<u64>,
    page_bytes: u64,
    out: &mut Vec<Range<u64>>,
) -> io::Result<()> {
    let mut start = range.start;
    while start < range.end {
        let end = range.end.min(start + WINDOW_BYTES);
        window(file, start..end, page_bytes, out)?;
        start = end;
    }
    Ok(())
}

fn window(file: &File, range: Range<u64>, page_bytes: u64, out: &mut Vec<Range<u64>>) -> io::Result<()> {
    let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    // Private, because a runner may map nothing that it shares with others.
    // SAFETY: the bytes of the mapping are never accessed, so it does not matter who changes or truncates the file.
    let map = unsafe {
        MmapOptions::new()
            .offset(range.start)
            .len(length)
            .map_copy_read_only(file)
    }?;
    let pages = length.div_ceil(usize::try_from(page_bytes).map_err(io::Error::other)?);
    let mut flags = vec![0_u8; pages];
    // SAFETY: the mapping has `length` bytes, and `flags` a byte for each of its pages.
    if unsafe { libc::mincore(map.as_ptr().cast_mut().cast(), length, flags.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    for (index, _) in flags.iter().enumerate().filter(|(_, flag)| *flag & 1 != 0) {
        let at = range.start + index as u64 * page_bytes;
        let page = at..(at + page_bytes).min(range.end);
        match out.last_mut() {
            Some(last) if last.end == page.start => last.end = page.end,
            _ => out.push(page),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_was_just_written_is_in_memory() {
        let page = crate::os::page_bytes();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![1; 3 * page as usize + 100]).unwrap();
        let mut found = Vec::new();
        ranges(&file, page..3 * page + 100, page, &mut found).unwrap();
        assert_eq!(found.as_slice(), std::slice::from_ref(&(page..3 * page + 100)));
    }
}
