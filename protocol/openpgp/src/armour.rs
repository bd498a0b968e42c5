//! ASCII armour: base64 between two lines.
use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::error::FormatError;

/// How much of the name of an unexpected block is shown.
const MAX_LABEL_CHARS: usize = 64;

/// Takes the armour off, if there is one.
///
/// Shape: white space, one block named `label`, white space; nothing else may be around it. Headers are passed over,
/// and so is the checksum: RFC 9580, section 6.1, forbids to refuse anything because of it.
/// Limits: at most `limit` bytes, armour included.
/// Source: RFC 9580, section 6.2.
pub(crate) fn dearmour<'a>(input: &'a [u8], label: &str, limit: usize) -> Result<Cow<'a, [u8]>, FormatError> {
    if input.len() > limit {
        return Err(FormatError::TooLarge {
            bytes: input.len(),
            limit,
        });
    }
    match input.first() {
        None => Err(FormatError::Empty),
        // The first bit of every packet is set, which is in no character of ASCII.
        Some(first) if first & 0x80 != 0 => Ok(Cow::Borrowed(input)),
        Some(_) => block(input.trim_ascii(), label).map(Cow::Owned),
    }
}

fn block(input: &[u8], label: &str) -> Result<Vec<u8>, FormatError> {
    let begin = input
        .split(|&byte| byte == b'\n')
        .next()
        .and_then(|line| std::str::from_utf8(line).ok());
    let begin = begin.and_then(|line| between(line.trim_ascii_end(), "-----BEGIN "));
    let begin = begin.ok_or(FormatError::NotOpenPgp)?;
    if begin != label {
        return Err(FormatError::OtherBlock {
            label: begin.escape_default().take(MAX_LABEL_CHARS).collect(),
        });
    }
    let text = std::str::from_utf8(input).map_err(|_| FormatError::Armour("it is not text"))?;
    let mut lines = text.lines().skip(1).map(str::trim_ascii_end);
    // Headers end at an empty line, which is there even if they are not.
    lines
        .find(|line| line.is_empty())
        .ok_or(FormatError::Armour("there is no empty line behind its headers"))?;
    let bytes = body(&mut lines, label)?;
    match lines.find(|line| !line.is_empty()) {
        None => Ok(bytes),
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
        dearmour(text.as_bytes(), "A", 1000)
            .err()
            .map_or("fine", |error| error.code())
    }

    #[test]
    fn blocks_with_and_without_everything_optional() {
        for text in [
            "-----BEGIN A B-----\n\nAAEC\n-----END A B-----",
            "\n -----BEGIN A B-----\r\nVersion: 1\r\nComment: x\r\n\r\nAA\r\nEC\r\n=abcd\r\n-----END A B-----\r\n\r\n",
        ] {
            assert_eq!(*dearmour(text.as_bytes(), "A B", 1000).unwrap(), [0, 1, 2]);
        }
        assert_eq!(*dearmour(&[0x80, 1], "A", 2).unwrap(), [0x80, 1]);
    }

    #[test]
    fn refusals() {
        for (text, expected) in [
            ("", "empty"),
            ("hello", "not-openpgp"),
            ("-----BEGIN B-----\n\nAAEC\n-----END B-----", "other-block"),
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
