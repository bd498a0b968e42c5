//! Hardware addresses as text.

/// Bytes of the longest hardware address that is shown (`MAX_ADDR_LEN`, Linux `linux/netdevice.h`).
pub const MAX_BYTES: usize = 32;

/// `02:42:ac:11:00:02`: lower case, two digits per byte.
#[must_use]
pub fn format(mac: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(mac.len() * 3);
    for byte in mac.iter().take(MAX_BYTES) {
        if !text.is_empty() {
            text.push(':');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// The bytes of an address in the form that [`format()`] gives; upper case is accepted.
#[must_use]
pub fn parse(text: &str) -> Option<Vec<u8>> {
    let byte = |part: &str| {
        (part.len() == 2)
            .then(|| u8::from_str_radix(part, 16).ok())
            .flatten()
    };
    let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
    bytes.filter(|bytes| bytes.len() <= MAX_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(mac in proptest::collection::vec(any::<u8>(), 1..=MAX_BYTES)) {
            let text = format(&mac);
            prop_assert_eq!(parse(&text), Some(mac.clone()));
            prop_assert_eq!(parse(&text.to_uppercase()), Some(mac));
        }

        #[test]
        fn any_text_is_survived(text: String) {
            let _ = parse(&text);
        }
    }
}
