//! Texts of links below `/proc`: `socket:[123]`, `net:[4026531840]`.

/// The number in a link to a socket.
#[must_use]
pub fn socket(text: &[u8]) -> Option<u64> {
    number(text, b"socket:[")
}

/// The number in a link to a network namespace.
#[must_use]
pub fn net_namespace(text: &[u8]) -> Option<u64> {
    number(text, b"net:[")
}

fn number(text: &[u8], prefix: &[u8]) -> Option<u64> {
    let digits = text.strip_prefix(prefix)?.strip_suffix(b"]")?;
    decimal(digits)
}

/// A number in decimal digits and nothing else.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_links_are_read() {
        for (text, number) in [
            ("socket:[18446744073709551615]", Some(u64::MAX)),
            ("socket:[18446744073709551616]", None),
            ("socket:[]", None),
            ("socket:[1", None),
            ("socket:[-1]", None),
            ("/tmp/socket:[1]", None),
            ("net:[4]", None),
        ] {
            assert_eq!(socket(text.as_bytes()), number, "{text}");
        }
        assert_eq!(net_namespace(b"net:[4026531840]"), Some(4_026_531_840));
    }
}
