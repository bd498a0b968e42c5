//! One line of hosts(5): bytes in, values out; no I/O, no panic.

use std::net::IpAddr;

/// The address and the names of a line; `None` for comments and anything else.
pub fn entry(line: &[u8]) -> Option<(IpAddr, Vec<String>)> {
    let text = std::str::from_utf8(line).ok()?;
    let text = text.split('#').next().unwrap_or_default();
    let mut words = text.split_whitespace();
    let address = words.next()?.parse().ok()?;
    Some((address, words.map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn entries_comments_and_rubbish() {
        let (address, names) = entry(b"192.0.2.7\tdeb.debian.org  mirror # redirected").unwrap();
        assert_eq!((address.to_string().as_str(), names.len()), ("192.0.2.7", 2));
        for line in [&b""[..], b"# 192.0.2.7 x", b"not-an-address x", b"\xff\xfe"] {
            assert_eq!(entry(line), None);
        }
    }
}
