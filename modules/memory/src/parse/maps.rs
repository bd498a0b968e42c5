//! `/proc/PID/maps`.

use crate::region::{Perms, Region};

/// Parses one line, without its end; none when it is not understood.
///
/// Source: `proc_pid_maps(5)`: `START-END PERMS OFFSET MAJOR:MINOR INODE PATH`, the path after blanks and with `\012` for
/// a line end.
#[must_use]
pub fn line(line: &[u8]) -> Option<Region> {
    let (addresses, rest) = word(line)?;
    let (perms, rest) = word(rest)?;
    let (offset, rest) = word(rest)?;
    let (device, rest) = word(rest)?;
    let (inode, name) = word(rest)?;
    let (start, end) = split(addresses, b'-')?;
    let (major, minor) = split(device, b':')?;
    let (start, end) = (hex(start)?, hex(end)?);
    if start >= end {
        return None;
    }
    Some(Region {
        start,
        end,
        perms: permissions(perms)?,
        offset: hex(offset)?,
        device: (u32::try_from(hex(major)?).ok()?, u32::try_from(hex(minor)?).ok()?),
        inode: std::str::from_utf8(inode).ok()?.parse().ok()?,
        name: unescaped(name.trim_ascii_start()),
    })
}

/// The bytes up to the next blank, and the rest behind it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|&byte| byte == b' ').unwrap_or(text.len());
    (end > 0).then(|| (&text[..end], text.get(end + 1..).unwrap_or_default()))
}

fn split(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let middle = text.iter().position(|&byte| byte == at)?;
    Some((&text[..middle], &text[middle + 1..]))
}

fn hex(text: &[u8]) -> Option<u64> {
    u64::from_str_radix(
        std::str::from_utf8(text)
            .ok()
            .filter(|text| !text.starts_with('+'))?,
        16,
    )
    .ok()
}

fn permissions(text: &[u8]) -> Option<Perms> {
    let [read, write, exec, shared] = *text.first_chunk::<4>()?;
    let is = |byte: u8, letter: u8| byte == letter;
    Some(Perms {
        read: is(read, b'r'),
        write: is(write, b'w'),
        exec: is(exec, b'x'),
        shared: is(shared, b's'),
    })
}

/// The path with its line ends back in place.
fn unescaped(path: &[u8]) -> Vec<u8> {
    const ESCAPED: &[u8] = b"\\012";
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some(&first) = rest.first() {
        let (byte, length) = if rest.starts_with(ESCAPED) {
            (b'\n', ESCAPED.len())
        } else {
            (first, 1)
        };
        out.push(byte);
        rest = &rest[length..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_of_a_live_system_are_understood() {
        let region = line(b"7f12ab000000-7f12ab021000 r-xp 00028000 fd:01 1310792                    /usr/lib/a b\\012c.so (deleted)").unwrap();
        assert_eq!((region.start, region.end), (0x7f12_ab00_0000, 0x7f12_ab02_1000));
        assert_eq!(
            (region.offset, region.device, region.inode),
            (0x28000, (0xfd, 1), 1_310_792)
        );
        assert_eq!(region.name, b"/usr/lib/a b\nc.so (deleted)");
        assert_eq!(region.perms.to_string(), "r-xp");
        let anonymous = line(b"7ffd1000-7ffd3000 ---p 00000000 00:00 0 ").unwrap();
        assert_eq!(
            (anonymous.name.as_slice(), anonymous.perms.to_string().as_str()),
            (&b""[..], "---p")
        );
        assert!(
            line(b"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]")
                .is_some()
        );
    }

    #[test]
    fn own_maps_are_understood_in_full() {
        let text = std::fs::read("/proc/self/maps").unwrap_or_default();
        for text in text.split(|&byte| byte == b'\n').filter(|text| !text.is_empty()) {
            assert!(line(text).is_some(), "{}", text.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn any_line_is_survived(text: Vec<u8>) {
            let _ = line(&text);
        }

        #[test]
        fn a_line_says_what_was_written(start: u32, pages in 1u32..1000, offset: u32, inode: u64, name in "[/a-z ]{0,20}") {
            let (start, end) = (u64::from(start), u64::from(start) + u64::from(pages) * 4096);
            let name = name.trim();
            let text = format!("{start:x}-{end:x} rw-s {offset:08x} 00:1f {inode} {name}");
            let region = line(text.as_bytes()).unwrap();
            prop_assert_eq!((region.start, region.end, region.inode), (start, end, inode));
            prop_assert_eq!(region.name, name.as_bytes());
        }
    }
}
