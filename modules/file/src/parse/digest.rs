//! Digests as hexadecimal text.

/// Why a text is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not hexadecimal: the character at byte {position} is neither a digit nor a to f")]
pub struct HexError {
    /// Offset of the first wrong character.
    pub position: usize,
}

/// Reads pairs of hexadecimal digits, in either case.
///
/// # Errors
///
/// [`HexError`] when a character is no such digit; the position behind the end stands for an odd number of digits.
pub fn hex(text: &str) -> Result<Box<[u8]>, HexError> {
    let digit = |(position, byte): (usize, u8)| {
        let value = char::from(byte)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok());
        value.ok_or(HexError { position })
    };
    let digits = text
        .bytes()
        .enumerate()
        .map(digit)
        .collect::<Result<Vec<u8>, _>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else {
        return Err(HexError { position: text.len() });
    };
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Writes bytes as lower-case hexadecimal.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_hexadecimal_is_refused_with_its_position() {
        assert_eq!(hex("0g"), Err(HexError { position: 1 }));
        assert_eq!(hex("abc"), Err(HexError { position: 3 }));
        assert_eq!(hex("é"), Err(HexError { position: 0 }));
        assert_eq!(hex("DeadBEEF").unwrap().as_ref(), [0xde, 0xad, 0xbe, 0xef]);
    }

    proptest! {
        #[test]
        fn bytes_survive_the_way_there_and_back(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(hex(&to_hex(&bytes)).unwrap().into_vec(), bytes);
        }
    }
}
