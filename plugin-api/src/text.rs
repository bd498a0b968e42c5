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

/// Whether a character can stand on a line as it is: it is no control character (C0, C1), no line separator and does not change the
/// direction of writing (UAX #9, section 2: a name could pretend to be another).
#[must_use]
pub fn is_harmless(c: char) -> bool {
    let steers =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !steers
}

/// Text that can neither break out of its line nor steer a terminal: characters that are not [harmless](is_harmless) are written as
/// escapes (`\n`, `\u{1b}`).
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_but(text, is_harmless)
}

/// The same for text of several lines: newlines and tabs stay.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    escape_but(text, |c| matches!(c, '\n' | '\t') || is_harmless(c))
}

fn escape_but(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&stays) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if stays(letter) {
            escaped.push(letter);
        } else {
            escaped.extend(letter.escape_default());
        }
    }
    Cow::Owned(escaped)
}

/// An error and all its causes in one line; what an error has said of its cause already is not repeated.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let told = cause.to_string();
        if !text.ends_with(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        source = cause.source();
    }
    text
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

/// `1 host`, `3 hosts`.
#[must_use]
pub fn count(number: u64, singular: &str) -> String {
    if number == 1 {
        format!("1 {singular}")
    } else {
        format!("{number} {singular}s")
    }
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
        assert_eq!(
            escape("/tmp/\x1b[2Jx\u{202e}y\u{9b}z\n"),
            r"/tmp/\u{1b}[2Jx\u{202e}y\u{9b}z\n"
        );
        assert_eq!(printable("ä\tb\nc\r"), "ä\tb\nc\\r");
    }

    #[test]
    fn causes_are_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("{0}")]
        struct Layer(&'static str, #[source] Option<Box<Layer>>);
        let inner = Layer("no such file", None);
        let middle = Layer("failed to open: no such file", Some(Box::new(inner)));
        let outer = Layer("outer", Some(Box::new(middle)));
        assert_eq!(chain(&outer), "outer: failed to open: no such file");
    }
}
