//! `os-release(5)`.

use gumshoe_document::Fact;

/// One fact per assignment.
#[must_use]
pub fn parse(text: &str) -> Vec<Fact> {
    text.lines().filter_map(assignment).collect()
}

fn assignment(line: &str) -> Option<Fact> {
    let (name, value) = line.trim().split_once('=')?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then(|| Fact {
        identifier: name.to_owned(),
        values: vec![unquoted(value)],
    })
}

/// A value as a shell would take it.
fn unquoted(value: &str) -> String {
    if let Some(inner) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return inner.to_owned();
    }
    let inner = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value);
    let mut output = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => output.extend(characters.next()),
            other => output.push(other),
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lose_their_quotes() {
        let text =
            "# comment\nID=debian\nPRETTY_NAME=\"Debian \\\"12\\\"\"\nVERSION='12'\nno assignment\n=x\n\"";
        let facts = parse(text);
        let pairs: Vec<_> = facts
            .iter()
            .map(|fact| (fact.identifier.as_str(), fact.values[0].as_str()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("ID", "debian"),
                ("PRETTY_NAME", "Debian \"12\""),
                ("VERSION", "12")
            ]
        );
    }
}
