//! Names in tables of `/proc`, where one that has blanks must still be one field.

/// Undoes `\ooo`, which stands for one byte in octal: `\040` is a blank.
///
/// Source: `proc_pid_mountinfo(5)`, `getmntent(3)`.
#[must_use]
pub fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', behind @ ..]) => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = behind;
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_three_octal_digits_are_a_byte() {
        for (field, name) in [
            (&br"/a\040b"[..], &b"/a b"[..]),
            (br"\134040", br"\040"),
            (br"\377\400", b"\xff\\400"),
            (br"\+12\04", br"\+12\04"),
            (br"\", br"\"),
        ] {
            assert_eq!(unescaped(field), name);
        }
    }

    proptest! {
        #[test]
        fn what_was_escaped_comes_back(name: Vec<u8>) {
            let escape = |&byte: &u8| match byte {
                b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
                byte => vec![byte],
            };
            let field: Vec<u8> = name.iter().flat_map(escape).collect();
            prop_assert_eq!(unescaped(&field), name);
        }
    }
}
