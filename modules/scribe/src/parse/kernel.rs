//! What the kernel shows as text: modules and mounts.

use gumshoe_document::Fact;
use gumshoe_process::parse::escape::unescaped;

/// `/proc/modules`: the state of each module, such as `Live`.
#[must_use]
pub fn modules(text: &str) -> Vec<Fact> {
    let module = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let (name, state) = (fields.next()?, fields.nth(3)?);
        Some(Fact {
            identifier: name.to_owned(),
            values: vec![state.to_owned()],
        })
    };
    text.lines().filter_map(module).collect()
}

/// `/proc/mounts`: type, options and device of what is mounted on each path.
///
/// Source: `proc(5)`, `fstab(5)`.
#[must_use]
pub fn mounts(text: &str) -> Vec<Fact> {
    let mount = |line: &str| {
        let mut fields = line.split(' ');
        let (device, path, kind, options) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let values = vec![kind.to_owned(), options.to_owned(), plain(device)];
        Some(Fact {
            identifier: plain(path),
            values,
        })
    };
    text.lines().filter_map(mount).collect()
}

/// Text in which blanks and the like stand as octal numbers.
fn plain(text: &str) -> String {
    String::from_utf8_lossy(&unescaped(text.as_bytes())).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_have_a_state() {
        let facts = modules("dccp 90112 1 dccp_ipv4, Live 0xffff\nshort 1\n");
        assert_eq!((facts.len(), facts[0].values[0].as_str()), (1, "Live"));
    }

    #[test]
    fn mounts_have_blanks() {
        let facts =
            mounts("/dev/sda1 / ext4 rw,relatime 0 0\nserver:/x /mnt/a\\040b\\134é nfs4 ro 0 0\nshort x\n");
        assert_eq!(facts[1].identifier, "/mnt/a b\\é");
        assert_eq!(facts[1].values, ["nfs4", "ro", "server:/x"]);
        assert_eq!(facts.len(), 2);
    }
}
