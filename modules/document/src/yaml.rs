//! YAML to values, and values back to their lines.
//!
//! Source: YAML 1.2, and the merge key of YAML 1.1. Scalars stay text: in `value: 1.10` the value is `1.10`.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};
use serde_json::{Map, Value};

use crate::{
    Problems, TextError,
    limits::{MAX_ALIASED_VALUES, MAX_DEPTH, MAX_YAML_VALUES},
};

/// Reads a text of one YAML document.
pub(crate) fn parse(text: &str) -> Result<Value, TextError> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(scan_error)?;
        let line = span.start.line();
        builder
            .event(event)
            .map_err(|message| TextError::Yaml { message, line })?;
    }
    Ok(builder.done.unwrap_or_default())
}

fn scan_error(error: ScanError) -> TextError {
    TextError::Yaml {
        message: error.info().to_owned(),
        line: error.marker().line(),
    }
}

/// A list or mapping that is not complete yet.
enum Open {
    List(Vec<Value>),
    Mapping {
        map: Map<String, Value>,
        key: Option<String>,
        merged: Vec<Value>,
    },
}

/// What an anchor stands for, and how many values that is.
struct Anchored {
    value: Value,
    values: usize,
}

#[derive(Default)]
struct Builder {
    /// Open lists and mappings with their anchors and the number of values before them.
    open: Vec<(Open, usize, usize)>,
    anchors: HashMap<usize, Anchored>,
    values: usize,
    aliased: usize,
    done: Option<Value>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                self.count(1)?;
                self.complete(scalar(&text, style), anchor, 1)
            }
            Event::SequenceStart(anchor, _) => self.start(Open::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => {
                let (map, key, merged) = Default::default();
                self.start(Open::Mapping { map, key, merged }, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor),
            Event::DocumentStart(_) if self.done.is_some() => Err("a second document follows".to_owned()),
            _ => Ok(()),
        }
    }

    fn count(&mut self, values: usize) -> Result<(), String> {
        self.values = self.values.saturating_add(values);
        if self.values > MAX_YAML_VALUES {
            return Err(format!("limit reached: {MAX_YAML_VALUES} values"));
        }
        Ok(())
    }

    fn start(&mut self, open: Open, anchor: usize) -> Result<(), String> {
        if self.open.len() == MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        let before = self.values;
        self.count(1)?;
        self.open.push((open, anchor, before));
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Some((open, anchor, before)) = self.open.pop() else {
            return Err("a list or mapping ends that did not begin".to_owned());
        };
        let value = match open {
            Open::List(items) => Value::Array(items),
            Open::Mapping { map, merged, .. } => Value::Object(merge(map, merged)?),
        };
        self.complete(value, anchor, self.values - before)
    }

    /// Copies what an anchor stands for; a bomb of aliases ends at the limit.
    fn alias(&mut self, anchor: usize) -> Result<(), String> {
        let anchored = self
            .anchors
            .get(&anchor)
            .ok_or("an alias stands inside of what it stands for")?;
        self.aliased = self.aliased.saturating_add(anchored.values);
        if self.aliased > MAX_ALIASED_VALUES {
            return Err(format!(
                "limit reached: aliases stand for more than {MAX_ALIASED_VALUES} values"
            ));
        }
        let (value, values) = (anchored.value.clone(), anchored.values);
        self.count(values)?;
        self.complete(value, 0, values)
    }

    /// Puts a complete value where it belongs.
    fn complete(&mut self, value: Value, anchor: usize, values: usize) -> Result<(), String> {
        if anchor != 0 {
            self.aliased = self.aliased.saturating_add(values);
            if self.aliased > MAX_ALIASED_VALUES {
                return Err(format!(
                    "limit reached: anchors hold more than {MAX_ALIASED_VALUES} values"
                ));
            }
            self.anchors.insert(
                anchor,
                Anchored {
                    value: value.clone(),
                    values,
                },
            );
        }
        match self.open.last_mut() {
            None => self.done = Some(value),
            Some((Open::List(items), ..)) => items.push(value),
            Some((Open::Mapping { map, key, merged }, ..)) => match key.take() {
                None => *key = Some(as_key(value)?),
                Some(name) if name == "<<" => merged.push(value),
                Some(name) if map.contains_key(&name) => {
                    return Err(format!("the key {name:?} stands twice in one mapping"));
                }
                Some(name) => {
                    map.insert(name, value);
                }
            },
        }
        Ok(())
    }
}

fn as_key(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Null => Ok(String::new()),
        _ => Err("a list or mapping cannot be a key".to_owned()),
    }
}

/// Adds the entries of merged mappings that the mapping itself does not have.
fn merge(mut map: Map<String, Value>, merged: Vec<Value>) -> Result<Map<String, Value>, String> {
    for value in merged {
        let several = match value {
            Value::Array(items) => items,
            one => vec![one],
        };
        for one in several {
            let Value::Object(entries) = one else {
                return Err("`<<` takes a mapping or a list of mappings".to_owned());
            };
            for (key, value) in entries {
                map.entry(key).or_insert(value);
            }
        }
    }
    Ok(map)
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    match (style, text) {
        (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => Value::Null,
        _ => Value::String(text.to_owned()),
    }
}

/// Fills in the lines that pointers stand for; where aliases hide a value, the line of what holds it.
pub(crate) fn add_lines(problems: &mut Problems, text: &str) {
    let mut wanted: HashMap<String, usize> = HashMap::new();
    for problem in problems.iter().filter(|problem| problem.line.is_none()) {
        for prefix in prefixes(&problem.pointer) {
            wanted.insert(prefix.to_owned(), 0);
        }
    }
    if !wanted.is_empty() {
        find_lines(text, &mut wanted);
    }
    for problem in problems.iter_mut().filter(|problem| problem.line.is_none()) {
        let lines = prefixes(&problem.pointer).filter_map(|prefix| wanted.get(prefix));
        problem.line = lines.copied().find(|&line| line != 0);
    }
}

/// A pointer and those of what holds its value, from the inside out; not the whole document.
fn prefixes(pointer: &str) -> impl Iterator<Item = &str> {
    let shorter = |pointer: &&'_ str| -> Option<usize> { pointer.rfind('/') };
    std::iter::successors(Some(pointer), move |pointer| {
        shorter(pointer).map(|at| &pointer[..at])
    })
    .filter(|pointer| !pointer.is_empty())
}

/// Where in the document the events of a parser are.
enum Step {
    List(usize),
    Key,
    Entry(String),
}

fn find_lines(text: &str, wanted: &mut HashMap<String, usize>) {
    let mut steps: Vec<Step> = Vec::new();
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { return };
        match event {
            Event::DocumentEnd => return,
            Event::Scalar(text, ..) => {
                note(&steps, span, wanted);
                advance(&mut steps, Some(&text));
            }
            Event::Alias(_) => {
                note(&steps, span, wanted);
                advance(&mut steps, None);
            }
            Event::SequenceStart(..) => {
                note(&steps, span, wanted);
                steps.push(Step::List(0));
            }
            Event::MappingStart(..) => {
                note(&steps, span, wanted);
                steps.push(Step::Key);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                steps.pop();
                advance(&mut steps, None);
            }
            _ => {}
        }
    }
}

fn note(steps: &[Step], span: Span, wanted: &mut HashMap<String, usize>) {
    if matches!(steps.last(), Some(Step::Key)) {
        return;
    }
    let mut pointer = String::new();
    for step in steps {
        pointer.push('/');
        match step {
            Step::List(index) => pointer.push_str(&index.to_string()),
            Step::Entry(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Step::Key => {}
        }
    }
    if let Some(line) = wanted.get_mut(&pointer) {
        *line = span.start.line();
    }
}

/// Goes on to what follows a complete value.
fn advance(steps: &mut [Step], text: Option<&str>) {
    match steps.last_mut() {
        Some(Step::List(index)) => *index += 1,
        Some(step @ Step::Key) => *step = Step::Entry(text.unwrap_or_default().to_owned()),
        Some(step @ Step::Entry(_)) => *step = Step::Key,
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_stay_text_and_merges_fill_in() {
        let text = "base: &b {a: 1.10, c: ~}\nlist:\n  - {<<: *b, a: 'x'}\n  - |\n    two\n    lines\n";
        assert_eq!(
            parse(text).unwrap(),
            json!({"base": {"a": "1.10", "c": null}, "list": [{"a": "x", "c": null}, "two\nlines\n"]})
        );
    }

    #[test]
    fn hostile_text_is_refused_with_its_line() {
        let deep = "[".repeat(100_000);
        let bomb: String = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
            text + &format!("a{n}: &a{n} [*a{p}, *a{p}]\n", p = n - 1)
        });
        for (text, expected, at) in [
            (deep.as_str(), "limit", 1),
            (bomb.as_str(), "limit reached", 0),
            ("a: 1\nb: 2\na: 3\n", "stands twice", 3),
            ("x: 1\n? [1, 2]\n: 3\n", "cannot be a key", 2),
            ("a: &a [*a]\n", "", 1),
            ("a: 1\n---\nb: 2\n", "second document", 2),
            ("a: b\n  c: d: e\n", "", 2),
        ] {
            match parse(text).unwrap_err() {
                TextError::Yaml { message, line } => {
                    assert!(message.contains(expected), "{message}");
                    assert!(at == 0 || line == at, "{message}: line {line}, not {at}");
                }
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn lines_are_those_of_the_values() {
        let text = "objects:\n- object: a\n  raw:\n    identifiers:\n    - identifier: x\ntests: [ {test: t,\n  name: n} ]\n";
        let mut problems = Problems::default();
        for pointer in [
            "/objects/0/object",
            "/objects/0/raw/identifiers/0/value",
            "/tests/0/name",
            "/tests/7",
        ] {
            problems.add(pointer, "wrong");
        }
        add_lines(&mut problems, text);
        let lines: Vec<_> = problems.iter().map(|problem| problem.line.unwrap_or(0)).collect();
        assert_eq!(lines, [2, 5, 7, 6]);
    }
}
