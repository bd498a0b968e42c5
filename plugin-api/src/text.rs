//! Names from a host, as findings and people get them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// Bytes as text; and exactly, in base64 (RFC 4648), when that loses something.
///
/// A finding has both: `path` and, where it is needed, `path_bytes`.
#[must_use]
pub fn shown(bytes: &[u8]) -> (String, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (
            String::from_utf8_lossy(bytes).into_owned(),
            Some(STANDARD.encode(bytes)),
        ),
    }
}

/// Text that cannot break out of its line: control characters are written as escapes.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            escaped.extend(letter.escape_default());
        } else {
            escaped.push(letter);
        }
    }
    Cow::Owned(escaped)
}

/// The assignments of a file such as `os-release`, as a shell reads them; lines that are none are passed over.
///
/// Source: `os-release(5)`: nothing is expanded or joined.
pub fn assignments(text: &str) -> impl Iterator<Item = (&str, String)> {
    text.lines().filter_map(|line| {
        let (name, value) = line.trim().split_once('=')?;
        let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        (!name.is_empty() && name.bytes().all(is_of_name)).then(|| (name, unquoted(value)))
    })
}

/// What a shell makes of a quoted word: no escapes within `'…'`, backslashes elsewhere.
fn unquoted(value: &str) -> String {
    if let Some(inner) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return inner.to_owned();
    }
    let inner = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value);
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            character => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read_as_a_shell_does() {
        let text = "# a comment\nID=debian\n VERSION_ID=\"12\" \nNAME='It\\s'\nPRETTY_NAME=\"A \\\"B\\\" \\$C\"\n\
            not a line\n=x\nEMPTY=\n\"";
        let read: Vec<_> = assignments(text).collect();
        let expected = [
            ("ID", "debian"),
            ("VERSION_ID", "12"),
            ("NAME", "It\\s"),
            ("PRETTY_NAME", "A \"B\" $C"),
            ("EMPTY", ""),
        ];
        assert_eq!(read, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn nothing_is_lost_and_nothing_breaks_out() {
        assert_eq!(shown("ä".as_bytes()), ("ä".to_owned(), None));
        assert_eq!(shown(b"a\xff"), ("a\u{fffd}".to_owned(), Some("Yf8=".to_owned())));
        assert_eq!(escape("plain"), "plain");
        assert_eq!(escape("a\nb\u{1b}[2J"), "a\\nb\\u{1b}[2J");
    }
}
