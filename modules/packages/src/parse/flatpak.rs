//! Flatpak: the `deploy` file of one app or runtime.
//!
//! Shape: a GVariant of type `(ssasta{sv})`: origin, commit, subpaths, installed bytes, metadata. Source: flatpak's
//! `common/flatpak-dir.c` (`FLATPAK_DEPLOY_DATA_GVARIANT_STRING`); the GVariant specification, section 2.5.

use super::bytes::lossy;

/// Entries of the metadata that are looked at.
const MAX_ENTRIES: usize = 1024;

/// The app's own version (`appdata-version`), where its author gave one.
#[must_use]
pub fn app_version(deploy: &[u8]) -> Option<String> {
    let metadata = metadata(deploy)?;
    let size = offset_bytes(metadata.len());
    let first_offset = read_offset(metadata, metadata.len().checked_sub(size)?, size)?;
    let offsets = metadata.get(first_offset..)?;
    let mut start = 0;
    for index in 0..(offsets.len() / size).min(MAX_ENTRIES) {
        let end = read_offset(offsets, index * size, size)?;
        // Each entry begins at a multiple of 8, as its value may hold a number of 8 bytes.
        let entry = metadata.get(align8(start)..end)?;
        if let Some(version) = version_in(entry) {
            return Some(version);
        }
        start = end;
    }
    None
}

/// The last part of the tuple. Parts of variable size but the last have the offsets of their ends at the tuple's end,
/// the first part's offset last: origin, commit, subpaths.
fn metadata(deploy: &[u8]) -> Option<&[u8]> {
    let size = offset_bytes(deploy.len());
    let body_end = deploy.len().checked_sub(3 * size)?;
    let subpaths_end = read_offset(deploy, body_end, size)?;
    let number = align8(subpaths_end);
    deploy.get(align8(number.checked_add(8)?)..body_end)
}

/// The value, when the entry's key is `appdata-version` and its type is `s`.
fn version_in(entry: &[u8]) -> Option<String> {
    let key = b"appdata-version\0";
    let rest = entry.strip_prefix(key)?;
    // The variant begins at a multiple of 8 and ends before the offset of the key's end.
    let padding = align8(key.len()) - key.len();
    let variant = rest.get(padding..rest.len().checked_sub(offset_bytes(entry.len()))?)?;
    let text = variant.strip_suffix(b"\0\0s")?;
    (!text.contains(&0)).then(|| lossy(text))
}

/// Bytes of an offset in a container of this size.
fn offset_bytes(container: usize) -> usize {
    match container {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

fn read_offset(bytes: &[u8], at: usize, size: usize) -> Option<usize> {
    let digits = bytes.get(at..at.checked_add(size)?)?;
    let number = digits
        .iter()
        .rev()
        .fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    usize::try_from(number).ok()
}

fn align8(offset: usize) -> usize {
    offset.saturating_add(7) & !7
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let _ = app_version(&bytes);
            let _ = version_in(&[b"appdata-version\0".as_slice(), &bytes].concat());
        }
    }
}
