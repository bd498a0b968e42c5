//! MIG's targets in our language: SQL over its `agents` table becomes CEL over facts.
//!
//! SQL knows a third truth: a comparison with what is not there is neither true nor false, and neither is its opposite. So
//! negations are carried inwards, to comparisons that begin with the question whether the value is there.

use super::sql::{Case, Column, Condition, Test, parse};

/// A target, and what the user ought to know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// The expression.
    pub cel: String,
    /// Where it means something a little different.
    pub notes: Vec<String>,
}

/// Why a target could not be translated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{target:?}: {reason}")]
pub struct TargetError {
    target: String,
    reason: String,
}

/// Names of operating systems, there and here.
const SYSTEMS: [(&str, &str); 2] = [("linux", "linux"), ("darwin", "macos")];
/// Names of processors, there (Go's) and here (Rust's).
const PROCESSORS: [(&str, &str); 4] = [
    ("amd64", "x86_64"),
    ("arm64", "aarch64"),
    ("386", "x86"),
    ("arm", "arm"),
];

/// Translates a target.
///
/// # Errors
///
/// [`TargetError`], naming the part that has no counterpart.
pub fn translate(target: &str) -> Result<Translated, TargetError> {
    let failed = |reason| TargetError {
        target: target.chars().take(200).collect(),
        reason,
    };
    let mut notes = Vec::new();
    let condition = parse(target).map_err(failed)?;
    let cel = written(&condition, Sign::Plain, &mut notes).map_err(failed)?;
    notes.dedup();
    Ok(Translated { cel: cel.text, notes })
}

/// Whether a condition or its opposite is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Plain,
    Negated,
}

impl Sign {
    fn flipped(self) -> Self {
        match self {
            Self::Plain => Self::Negated,
            Self::Negated => Self::Plain,
        }
    }
}

/// An expression, and whether it needs parentheses beside others.
struct Cel {
    text: String,
    is_compound: bool,
}

impl Cel {
    fn simple(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_compound: false,
        }
    }

    fn joined(parts: Vec<Self>, operator: &str) -> Self {
        let one = |part: &Self| match part.is_compound && parts.len() > 1 {
            true => format!("({})", part.text),
            false => part.text.clone(),
        };
        Self {
            text: parts.iter().map(one).collect::<Vec<_>>().join(operator),
            is_compound: parts.len() > 1 || parts.iter().any(|part| part.is_compound),
        }
    }
}

fn written(condition: &Condition, sign: Sign, notes: &mut Vec<String>) -> Result<Cel, String> {
    let mut all = |parts: &[Condition], operator: &str| {
        let parts = parts.iter().map(|part| written(part, sign, notes));
        Ok(Cel::joined(parts.collect::<Result<_, String>>()?, operator))
    };
    match (condition, sign) {
        (Condition::All(parts), Sign::Plain) | (Condition::Any(parts), Sign::Negated) => all(parts, " && "),
        (Condition::Any(parts), Sign::Plain) | (Condition::All(parts), Sign::Negated) => all(parts, " || "),
        (Condition::Not(inner), sign) => written(inner, sign.flipped(), notes),
        (Condition::Constant(value), sign) => {
            let value = *value == (sign == Sign::Plain);
            Ok(Cel::simple(value.to_string()))
        }
        (Condition::Test(column, test), sign) => about(column, test, sign, notes),
    }
}

/// A column as facts have it.
fn about(column: &Column, test: &Test, sign: Sign, notes: &mut Vec<String>) -> Result<Cel, String> {
    let path: Vec<&str> = column.path.iter().map(String::as_str).collect();
    match (column.name.trim_start_matches("agents."), path.as_slice()) {
        ("name", []) => value("hostname", test, sign),
        ("environment", ["os"]) => value("os", &renamed(test, &SYSTEMS)?, sign),
        ("environment", ["arch"]) => value("arch", &renamed(test, &PROCESSORS)?, sign),
        ("environment", ["ident"]) => {
            notes.push(
                "MIG's `ident` is compared with `os_release.pretty_name`, which is not always the same"
                    .to_owned(),
            );
            present(
                "'pretty_name' in os_release",
                "os_release.pretty_name",
                test,
                sign,
            )
        }
        ("environment", ["addresses"]) => address(test, sign),
        ("tags", [key]) => present(
            &format!("{} in tags", literal(key)),
            &format!("tags[{}]", literal(key)),
            test,
            sign,
        ),
        ("queueloc", []) => location(test, sign),
        ("status", []) if is(test, &["online"]) && sign == Sign::Plain => {
            notes.push(
                "`status` has no counterpart: whoever is there before the action expires is asked".to_owned(),
            );
            Ok(Cel::simple("true"))
        }
        ("mode", []) if is(test, &["daemon"]) && sign == Sign::Plain => {
            notes.push("`mode` has no counterpart: every agent is a daemon".to_owned());
            Ok(Cel::simple("true"))
        }
        (name, path) => Err(format!(
            "`{}` has no counterpart",
            [&[name], path].concat().join("->>")
        )),
    }
}

/// A value that is always there.
fn value(fact: &str, test: &Test, sign: Sign) -> Result<Cel, String> {
    if *test == Test::Null {
        return Ok(Cel::simple((sign == Sign::Negated).to_string()));
    }
    Ok(compared(fact, test, sign))
}

/// A value that is there where `guard` holds.
fn present(guard: &str, fact: &str, test: &Test, sign: Sign) -> Result<Cel, String> {
    if *test == Test::Null {
        return Ok(Cel::simple(match sign {
            Sign::Plain => format!("!({guard})"),
            Sign::Negated => guard.to_owned(),
        }));
    }
    Ok(Cel::joined(
        vec![Cel::simple(guard), compared(fact, test, sign)],
        " && ",
    ))
}

/// MIG keeps addresses as one text with the lengths of their prefixes.
fn address(test: &Test, sign: Sign) -> Result<Cel, String> {
    let pattern = match test {
        Test::Like(pattern, _) => pattern.trim_matches('%'),
        _ => return Err("`environment->>addresses` is compared with LIKE only".to_owned()),
    };
    if pattern.contains(['%', '_', '/']) {
        return Err(format!("{pattern:?} is more than a part of an address"));
    }
    let text = format!("ips.exists(ip, ip.contains({}))", literal(pattern));
    Ok(Cel::simple(match sign {
        Sign::Plain => text,
        Sign::Negated => format!("!{text}"),
    }))
}

/// Queues are called SYSTEM.NAME.NUMBER: what asks for a system has a counterpart.
fn location(test: &Test, sign: Sign) -> Result<Cel, String> {
    let system = match test {
        Test::Like(pattern, Case::Matters) => pattern.strip_suffix(".%"),
        _ => None,
    };
    let known = SYSTEMS.iter().find(|(there, _)| Some(*there) == system);
    let (_, here) = known.ok_or("`queueloc` has a counterpart only as LIKE 'linux.%' or LIKE 'darwin.%'")?;
    value("os", &Test::In(vec![(*here).to_owned()]), sign)
}

fn is(test: &Test, values: &[&str]) -> bool {
    matches!(test, Test::In(found) if found.iter().map(String::as_str).eq(values.iter().copied()))
}

/// A test with names of ours. Only whole names can be replaced.
fn renamed(test: &Test, names: &[(&str, &str)]) -> Result<Test, String> {
    let rename = |value: &String| {
        let known = names
            .iter()
            .find(|(there, here)| *there == value || *here == value);
        known.map_or_else(|| value.clone(), |(_, here)| (*here).to_owned())
    };
    match test {
        Test::In(values) => Ok(Test::In(values.iter().map(rename).collect())),
        Test::Like(pattern, Case::Matters) if !pattern.contains(['%', '_', '\\']) => {
            Ok(Test::In(vec![rename(pattern)]))
        }
        Test::Null => Ok(Test::Null),
        Test::Like(pattern, _) | Test::Regex(pattern, _) => Err(format!(
            "{pattern:?} is a pattern for a name that is another one here"
        )),
    }
}

fn compared(fact: &str, test: &Test, sign: Sign) -> Cel {
    let not = if sign == Sign::Negated { "!" } else { "" };
    Cel::simple(match test {
        Test::In(values) => match values.as_slice() {
            [one] => {
                let equals = if sign == Sign::Negated { "!=" } else { "==" };
                format!("{fact} {equals} {}", literal(one))
            }
            several => {
                let list: Vec<_> = several.iter().map(|one| literal(one)).collect();
                let text = format!("{fact} in [{}]", list.join(", "));
                if not.is_empty() {
                    text
                } else {
                    format!("!({text})")
                }
            }
        },
        Test::Like(pattern, case) => format!("{not}{}", like(fact, pattern, *case)),
        Test::Regex(pattern, Case::Matters) => format!("{not}{fact}.matches({})", literal(pattern)),
        Test::Regex(pattern, Case::Ignored) => {
            format!("{not}{fact}.matches({})", literal(&format!("(?i){pattern}")))
        }
        Test::Null => "false".to_owned(),
    })
}

/// The simplest expression for a pattern of `LIKE`; parenthesised where `!` before it would take a part only.
fn like(fact: &str, pattern: &str, case: Case) -> String {
    let is_plain = |text: &str| !text.contains(['%', '_', '\\']);
    if case == Case::Matters {
        if is_plain(pattern) {
            return format!("({fact} == {})", literal(pattern));
        }
        let inner = pattern.trim_matches('%');
        let open = (pattern.starts_with('%'), pattern.ends_with('%'));
        if is_plain(inner) && !inner.is_empty() {
            let function = match open {
                (false, true) => "startsWith",
                (true, false) => "endsWith",
                _ => "contains",
            };
            return format!("{fact}.{function}({})", literal(inner));
        }
    }
    let flags = if case == Case::Ignored { "(?is)" } else { "(?s)" };
    format!(
        "{fact}.matches({})",
        literal(&format!("{flags}^{}$", regex(pattern)))
    )
}

/// A pattern of `LIKE` as a regular expression; a backslash takes the meaning from what follows.
fn regex(pattern: &str) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            '\\' => escaped(&mut out, chars.next().unwrap_or('\\')),
            c => escaped(&mut out, c),
        }
    }
    out
}

fn escaped(out: &mut String, c: char) {
    if c.is_ascii_punctuation() {
        out.push('\\');
    }
    out.push(c);
}

/// Text as CEL writes it.
fn literal(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn common_targets_are_translated() {
        for (sql, cel) in [
            ("name='db1.example.net'", "hostname == 'db1.example.net'"),
            ("name LIKE 'db%'", "hostname.startsWith('db')"),
            ("name like '%.example.net'", "hostname.endsWith('.example.net')"),
            ("name LIKE '%web%'", "hostname.contains('web')"),
            ("name NOT LIKE '%web%'", "!hostname.contains('web')"),
            ("name NOT LIKE 'web'", "!(hostname == 'web')"),
            ("name LIKE 'web_.%'", r"hostname.matches('(?s)^web.\\..*$')"),
            ("name ILIKE 'WEB%'", "hostname.matches('(?is)^WEB.*$')"),
            ("name ~* '^web[0-9]'", "hostname.matches('(?i)^web[0-9]')"),
            ("name !~ 'x'", "!hostname.matches('x')"),
            ("environment->>'os'='linux'", "os == 'linux'"),
            ("environment->>'os' != 'darwin'", "os != 'macos'"),
            (
                "environment#>>'{os}' IN ('linux', 'darwin')",
                "os in ['linux', 'macos']",
            ),
            ("environment->>'arch' = 'amd64'", "arch == 'x86_64'"),
            (
                "tags->>'operator'='opsec'",
                "'operator' in tags && tags['operator'] == 'opsec'",
            ),
            ("NOT tags->>'a'='b'", "'a' in tags && tags['a'] != 'b'"),
            ("tags->>'a' IS NULL", "!('a' in tags)"),
            ("tags->>'a' IS NOT NULL", "'a' in tags"),
            (
                "environment->>'addresses' LIKE '%10.1.2.3%'",
                "ips.exists(ip, ip.contains('10.1.2.3'))",
            ),
            ("queueloc LIKE 'linux.%'", "os == 'linux'"),
            ("name='it''s'", r"hostname == 'it\'s'"),
            ("1=1", "true"),
            (
                "status='online' AND (name='a' OR name='b') AND NOT (name='c' AND tags->>'x'='y')",
                "true && (hostname == 'a' || hostname == 'b') && (hostname != 'c' || ('x' in tags && tags['x'] != 'y'))",
            ),
        ] {
            assert_eq!(translate(sql).map(|t| t.cel), Ok(cel.to_owned()), "{sql}");
        }
    }

    #[test]
    fn what_has_no_counterpart_is_named() {
        for (sql, reason) in [
            ("", "missing"),
            ("name", "comparison is missing"),
            ("name = ", "value is missing"),
            ("name = 'a", "quote is not closed"),
            ("name = 'a' name", "`name` is not expected"),
            ("(name = 'a'", "`)` is missing"),
            ("heartbeattime > NOW()", "'>' is not understood"),
            ("pid = 1", "`pid` has no counterpart"),
            (
                "environment->>'publicip' = '1.2.3.4'",
                "`environment->>publicip` has no counterpart",
            ),
            ("status = 'offline'", "`status` has no counterpart"),
            ("NOT status = 'online'", "`status` has no counterpart"),
            ("environment->>'os' LIKE 'lin%'", "pattern for a name"),
            ("name = 'a'; DROP TABLE agents", "';' is not understood"),
        ] {
            let error = translate(sql).unwrap_err().to_string();
            assert!(error.contains(reason), "{sql}: {error}");
        }
        assert!(translate(&format!("{}name='a'", "(".repeat(10_000))).is_err());
        assert!(translate(&format!("{}name='a'", "not ".repeat(4000))).is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(sql in "(name|tags->>'a'|not|and|or|\\(|\\)|=|like|'[%_a']*'|in|,| |\\PC){0,20}") {
            let _ = translate(&sql);
        }
    }
}
