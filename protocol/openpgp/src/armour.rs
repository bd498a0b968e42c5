//! ASCII armour: base64 between two lines.
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::error::FormatError;

/// Bytes without their armour.
pub(crate) struct Dearmoured {
    /// What the armour said that they are, `PGP SIGNATURE`; nothing if there was no armour.
    pub(crate) label: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

/// Takes the armour off, if there is one.
///
/// Shape: white space, one block, white space; nothing else may be around it. Headers are passed over, and so is the
/// checksum: RFC 9580, section 6.1, forbids to refuse anything because of it.
/// Limits: at most `limit` bytes, armour included.
/// Source: RFC 9580, section 6.2.
pub(crate) fn dearmour(input: &[u8], limit: usize) -> Result<Dearmoured, FormatError> {
    if input.len() > limit {
        return Err(FormatError::TooLarge {
            bytes: input.len(),
            limit,
        });
    }
    match input.first() {
        None => Err(FormatError::Empty),
        // The first bit of every packet is set, which is in no character of ASCII.
        Some(first) if first & 0x80 != 0 => Ok(Dearmoured {
            label: None,
            bytes: input.to_vec(),
        }),
        Some(_) => block(input),
    }
}

fn block(input: &[u8]) -> Result<Dearmoured, FormatError> {
    let text = std::str::from_utf8(input).map_err(|_| FormatError::Armour("it is not text"))?;
    let mut lines = text.trim_ascii().lines().map(str::trim_ascii_end);
    let label = lines
        .next()
        .and_then(|line| between(line, "-----BEGIN "))
        .ok_or(FormatError::NotOpenPgp)?;
    // Headers end at an empty line, which is there even if they are not.
    lines
        .find(|line| line.is_empty())
        .ok_or(FormatError::Armour("there is no empty line behind its headers"))?;
    let bytes = body(&mut lines, label)?;
    match lines.find(|line| !line.is_empty()) {
        None => Ok(Dearmoured {
            label: Some(label.to_owned()),
            bytes,
        }),
        Some(line) if line.starts_with("-----BEGIN ") => Err(FormatError::SeveralBlocks),
        Some(_) => Err(FormatError::TrailingText),
    }
}

/// Everything up to the last line of the block.
fn body<'a>(lines: &mut impl Iterator<Item = &'a str>, label: &str) -> Result<Vec<u8>, FormatError> {
    let mut base64 = String::new();
    let mut checksum = false;
    for line in lines {
        if let Some(end) = between(line, "-----END ") {
            if end != label {
                return Err(FormatError::Armour(
                    "its last line names something else than its first",
                ));
            }
            return BASE64_STANDARD
                .decode(base64)
                .map_err(|_| FormatError::Armour("it is not base64"));
        }
        if checksum {
            return Err(FormatError::Armour("something follows its checksum"));
        }
        checksum = line.starts_with('=');
        if !checksum {
            base64.push_str(line);
        }
    }
    Err(FormatError::Armour("its last line is missing"))
}

fn between<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        dearmour(text.as_bytes(), 1000)
            .err()
            .map_or("fine", |error| error.code())
    }

    #[test]
    fn blocks_with_and_without_everything_optional() {
        for text in [
            "-----BEGIN A B-----\n\nAAEC\n-----END A B-----",
            "\n -----BEGIN A B-----\r\nVersion: 1\r\nComment: x\r\n\r\nAA\r\nEC\r\n=abcd\r\n-----END A B-----\r\n\r\n",
        ] {
            let dearmoured = dearmour(text.as_bytes(), 1000).unwrap();
            assert_eq!(
                (dearmoured.label.as_deref(), dearmoured.bytes),
                (Some("A B"), vec![0, 1, 2])
            );
        }
        assert_eq!(dearmour(&[0x80, 1], 2).unwrap().bytes, [0x80, 1]);
    }

    #[test]
    fn refusals() {
        for (text, expected) in [
            ("", "empty"),
            ("hello", "not-openpgp"),
            ("-----BEGIN A-----\nAAEC\n-----END A-----", "damaged-armour"),
            ("-----BEGIN A-----\n\nAAEC\n-----END B-----", "damaged-armour"),
            ("-----BEGIN A-----\n\nAAEC\n", "damaged-armour"),
            ("-----BEGIN A-----\n\nA*EC\n-----END A-----", "damaged-armour"),
            (
                "-----BEGIN A-----\n\nAAEC\n=abcd\nAAEC\n-----END A-----",
                "damaged-armour",
            ),
            (
                "-----BEGIN A-----\n\nAAEC\n-----END A-----\n-----BEGIN A-----\n",
                "several-blocks",
            ),
            (
                "-----BEGIN A-----\n\nAAEC\n-----END A-----\nhello",
                "trailing-text",
            ),
            (&" ".repeat(1001), "too-large"),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
    }
}
