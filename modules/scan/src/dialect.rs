//! Go's regular expressions where they differ from `regex` syntax.
//!
//! Investigations written for agents in Go use Go's syntax. What `regex` refuses and Go allows is translated here:
//! `\Q…\E`, `\C`, a `{` that repeats nothing, `[` inside a class, and `\pL` outside a class (Unicode in Go).
//!
//! Not translated: `\<`, `\>`, `&&`, `--` and `~~`, which `regex` accepts with another meaning; `\pL` and non-ASCII
//! characters inside a class, which need `(?u)`.
//!
//! Source: the syntax page of Go's `regexp/syntax` package.

/// `pattern` with Go's spellings replaced by those of `regex`; none when there was nothing to replace.
pub(crate) fn from_go(pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '\\' => escape(rest, &mut out),
            '[' => class(rest, &mut out),
            '{' if repetition_len(rest).is_none() => replace(rest, 1, "\\{", &mut out),
            _ => copy(rest, first.len_utf8(), &mut out),
        };
    }
    (out != pattern).then_some(out)
}

/// One escape outside a class.
fn escape<'p>(rest: &'p str, out: &mut String) -> &'p str {
    if let Some(quoted) = rest.strip_prefix("\\Q") {
        let (text, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
        out.push_str(&regex_syntax::escape(text));
        return after;
    }
    if rest.starts_with("\\C") {
        return replace(rest, 2, "(?s-u:.)", out);
    }
    let len = escape_len(rest);
    if rest.starts_with("\\p") || rest.starts_with("\\P") {
        return replace(rest, len, &format!("(?u:{})", &rest[..len]), out);
    }
    copy(rest, len, out)
}

/// Length of an escape, with its braces: `\x{…}`, `\p{…}`, `\pL`, or a backslash and one character.
fn escape_len(rest: &str) -> usize {
    let braced = matches!(rest.as_bytes(), [b'\\', b'x' | b'p' | b'P', b'{', ..]);
    if let Some(end) = rest.find('}').filter(|_| braced) {
        return end + 1;
    }
    let characters = if rest.starts_with("\\p") || rest.starts_with("\\P") {
        3
    } else {
        2
    };
    rest.chars().take(characters).map(char::len_utf8).sum()
}

/// One bracketed class. Go knows no nested classes: `[` stands for itself unless it opens `[:name:]`.
fn class<'p>(rest: &'p str, out: &mut String) -> &'p str {
    let head = ["[^]", "[]", "[^", "["]
        .iter()
        .find(|head| rest.starts_with(**head))
        .map_or(1, |head| head.len());
    let mut rest = copy(rest, head, out);
    while let Some(first) = rest.chars().next() {
        rest = match first {
            ']' => return copy(rest, 1, out),
            '\\' => copy(rest, escape_len(rest), out),
            '[' if rest.starts_with("[:") => copy(rest, rest.find(":]").map_or(1, |end| end + 2), out),
            '[' => replace(rest, 1, "\\[", out),
            _ => copy(rest, first.len_utf8(), out),
        };
    }
    rest
}

/// Length of `{n}`, `{n,}` or `{n,m}` at the start of `rest`.
fn repetition_len(rest: &str) -> Option<usize> {
    let end = rest.find('}')?;
    let (low, high) = rest[1..end].split_once(',').unwrap_or((&rest[1..end], ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (!low.is_empty() && digits(low) && digits(high)).then_some(end + 1)
}

fn copy<'p>(rest: &'p str, len: usize, out: &mut String) -> &'p str {
    let (text, after) = rest.split_at(len);
    out.push_str(text);
    after
}

fn replace<'p>(rest: &'p str, len: usize, text: &str, out: &mut String) -> &'p str {
    out.push_str(text);
    &rest[len..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn go_spellings_become_regex_spellings() {
        for (go, regex) in [
            (r"\Qa.b\E+", r"a\.b+"),
            (r"x\Q(", r"x\("),
            (r"a\Cb", r"a(?s-u:.)b"),
            (r"foo{bar", r"foo\{bar"),
            (r"{}", r"\{}"),
            (r"[[a]", r"[\[a]"),
            (r"[]a[]", r"[]a\[]"),
            (r"[[:alpha:][]", r"[[:alpha:]\[]"),
            (r"\pL\p{Greek}", r"(?u:\pL)(?u:\p{Greek})"),
        ] {
            assert_eq!(from_go(go).as_deref(), Some(regex), "{go}");
        }
    }

    #[test]
    fn what_both_understand_stays() {
        for same in [
            r"a{2}b{2,}c{2,3}",
            r"\x{41}\\Q",
            r"[^\]]",
            r"(?i)x",
            r"\{",
            "é",
            r"\",
        ] {
            assert_eq!(from_go(same), None, "{same}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(pattern in r"[\\QECpP\[\]{}:,1aé^]{0,24}") {
            let _ = from_go(&pattern);
        }
    }
}
