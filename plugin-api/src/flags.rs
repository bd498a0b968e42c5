//! Command-line flags from the parameters' schema, so that a parameter is declared once.
//!
//! Annotations, written with `#[schemars(extend(...))]` on a field of the parameter type:
//!
//! | annotation | meaning |
//! | --- | --- |
//! | `"x-flag" = "path"` | the field is set by `--path`; the doc comment is the help text |
//! | `"x-flag" = {"name": "path", "short": "p", "value": "DIR"}` | the same with a short form and a value name |
//! | `"x-flag" = {"name": "doc", "from_file": true}` | `--doc @FILE` takes the value from a file, `--doc @-` from standard input |
//! | `"x-flag" = [{"name": "all"}, {"name": "any", "sets": false}]` | several flags for one field |
//! | `"x-unit" = "bytes"` | the unit, shown in the help |
//! | `"x-flag-default" = true` | what the field is on the command line when no flag sets it |
//! | `"x-flag-group" = {"name": "search", "label": "s1"}` | on a map: `--search LABEL` starts a new entry |
//!
//! [`Reach`](crate::Reach) has two more, for what a question needs and reads.

use crate::shape::resolve;
use crate::{Problems, nearest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One command-line flag of a module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flag {
    /// Long name, without dashes.
    pub name: String,
    /// One-letter form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<char>,
    /// What follows the flag.
    pub kind: FlagKind,
    /// Name of the value in help texts, such as `REGEX`.
    #[serde(default)]
    pub value_name: String,
    /// Whether the flag may be given several times.
    #[serde(default)]
    pub repeated: bool,
    /// What holds when the flag is absent, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Unit of the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The words that are allowed, if it is one of a few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// One line.
    pub help: String,
    /// All of the help text; empty when one line says it all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub long_help: String,
    /// Where the value goes in the parameters; `*` stands for the label of the current group.
    pub path: Vec<String>,
    /// For a switch: the value that it sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sets: Option<Value>,
    /// Whether `@FILE` as value stands for what is in the file; whoever reads the command line replaces it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_file: bool,
}

/// What follows a flag on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlagKind {
    /// Nothing: the flag itself says it.
    Switch,
    /// Any text.
    Text,
    /// An integer.
    Integer,
    /// A number.
    Number,
    /// Any JSON value.
    Json,
    /// A label: starts a new entry of the map that the flag belongs to.
    Group,
}

/// One flag as it stood on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// The flag's long name.
    pub flag: String,
    /// Its value; `None` for a switch.
    pub value: Option<String>,
}

/// Lists the flags that a schema declares, in the order of the schema's properties.
pub(crate) fn declared(schema: &Value) -> Vec<Flag> {
    let mut collector = Collector {
        root: schema,
        flags: Vec::new(),
        path: Vec::new(),
    };
    collector.properties(schema, 0);
    collector.flags
}

/// How deep parameter types may nest for flags to be found in them.
const MAX_NESTING: usize = 8;

struct Collector<'a> {
    root: &'a Value,
    flags: Vec<Flag>,
    path: Vec<String>,
}

impl<'a> Collector<'a> {
    fn properties(&mut self, schema: &'a Value, depth: usize) {
        if depth > MAX_NESTING {
            return;
        }
        let schema = self.concrete(schema);
        for (key, property) in schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            self.path.push(key.clone());
            self.property(property, depth);
            self.path.pop();
        }
    }

    fn property(&mut self, property: &'a Value, depth: usize) {
        if let Some(group) = property.get("x-flag-group") {
            let mut flag = self.flag(property, group);
            flag.kind = FlagKind::Group;
            flag.default = group.get("label").and_then(Value::as_str).map(str::to_owned);
            self.flags.push(flag);
            if let Some(inner) = property.get("additionalProperties") {
                self.path.push("*".to_owned());
                self.properties(inner, depth + 1);
                self.path.pop();
            }
            return;
        }
        match property.get("x-flag") {
            Some(Value::Array(several)) => {
                for one in several {
                    let flag = self.flag(property, one);
                    self.flags.push(flag);
                }
            }
            Some(one) => {
                let flag = self.flag(property, one);
                self.flags.push(flag);
            }
            None => self.properties(property, depth + 1),
        }
    }

    fn flag(&self, property: &'a Value, declaration: &Value) -> Flag {
        let text = |key: &str| declaration.get(key).and_then(Value::as_str).map(str::to_owned);
        let outer = self.concrete(property);
        let repeated = outer.get("type").and_then(Value::as_str) == Some("array");
        let leaf = if repeated {
            outer.get("items").map_or(outer, |items| self.concrete(items))
        } else {
            outer
        };
        let (kind, value_name) = kind_of(leaf);
        let default = property.get("x-flag-default").or_else(|| property.get("default"));
        let (help, long_help) = help_texts(property, declaration, outer);
        Flag {
            name: declaration
                .as_str()
                .map(str::to_owned)
                .or_else(|| text("name"))
                .unwrap_or_default(),
            short: text("short").and_then(|s| s.chars().next()),
            kind,
            value_name: text("value").unwrap_or_else(|| value_name.to_owned()),
            repeated,
            default: default
                .filter(|_| declaration.get("sets").is_none())
                .and_then(shown_default),
            unit: property.get("x-unit").and_then(Value::as_str).map(str::to_owned),
            choices: words(leaf),
            help,
            long_help,
            path: self.path.clone(),
            sets: (kind == FlagKind::Switch)
                .then(|| declaration.get("sets").cloned().unwrap_or(Value::Bool(true))),
            from_file: declaration.get("from_file") == Some(&Value::Bool(true)),
        }
    }

    /// The schema behind `$ref` and behind the `anyOf [T, null]` of an `Option<T>`.
    fn concrete(&self, schema: &'a Value) -> &'a Value {
        let schema = resolve(self.root, schema);
        let choices = schema.get("anyOf").and_then(Value::as_array);
        let not_null = |s: &&Value| s.get("type").and_then(Value::as_str) != Some("null");
        choices
            .and_then(|choices| choices.iter().find(not_null))
            .map_or(schema, |inner| resolve(self.root, inner))
    }
}

/// First paragraph and whole text of a field's documentation.
fn help_texts(property: &Value, declaration: &Value, outer: &Value) -> (String, String) {
    let text = [
        declaration.get("help"),
        property.get("description"),
        outer.get("description"),
    ]
    .into_iter()
    .flatten()
    .find_map(Value::as_str)
    .unwrap_or_default();
    let text = reflowed(text);
    let (first, more) = text.split_once("\n\n").unwrap_or((&text, ""));
    let help = first.trim_end_matches('.').to_owned();
    if more.is_empty() {
        (help, String::new())
    } else {
        (help, text)
    }
}

/// A doc comment with each paragraph on one line: where lines end is the reader's terminal's business.
///
/// Lists, tables and indented lines keep their line breaks.
pub fn reflowed(text: &str) -> String {
    let continues = |line: &str| line.starts_with(|c: char| c.is_alphanumeric() || "`\"'([<~!".contains(c));
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let joins = continues(line) && !out.is_empty() && !out.ends_with('\n');
        match (joins, line.is_empty()) {
            (true, _) => out.push(' '),
            (false, true) if out.ends_with('\n') => {}
            (false, true) => out.push_str("\n\n"),
            (false, false) if !out.is_empty() && !out.ends_with('\n') => out.push('\n'),
            (false, false) => {}
        }
        out.push_str(line);
    }
    out
}

fn kind_of(leaf: &Value) -> (FlagKind, &'static str) {
    let has = |wanted: &str| match leaf.get("type") {
        Some(Value::String(one)) => one == wanted,
        Some(Value::Array(many)) => many.iter().any(|t| t == wanted),
        _ => false,
    };
    match () {
        () if has("boolean") => (FlagKind::Switch, ""),
        () if has("integer") => (FlagKind::Integer, "N"),
        () if has("number") => (FlagKind::Number, "NUMBER"),
        () if has("object") || has("array") => (FlagKind::Json, "JSON"),
        () => (FlagKind::Text, "TEXT"),
    }
}

fn words(leaf: &Value) -> Vec<String> {
    let allowed = leaf.get("enum").and_then(Value::as_array);
    let constants = leaf.get("oneOf").and_then(Value::as_array);
    let from_enum = allowed.into_iter().flatten();
    let from_constants = constants
        .into_iter()
        .flatten()
        .filter_map(|choice| choice.get("const"));
    from_enum
        .chain(from_constants)
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn shown_default(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Array(items) if items.is_empty() => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Builds parameters from flags in command-line order.
///
/// # Errors
///
/// Unknown flags, values of the wrong type, a missing or superfluous value; all at once.
pub(crate) fn to_params(schema: &Value, occurrences: &[Occurrence]) -> Result<Value, Problems> {
    let flags = declared(schema);
    let mut builder = Builder {
        flags: &flags,
        defaults: flag_defaults(schema),
        label: flags
            .iter()
            .find(|f| f.kind == FlagKind::Group)
            .and_then(|f| f.default.clone()),
        params: Value::Object(Map::new()),
        problems: Problems::new(),
    };
    for occurrence in occurrences {
        builder.apply(occurrence);
    }
    builder.problems.or(builder.params)
}

/// Path and value of each `x-flag-default` below the group map (path without the group's part).
fn flag_defaults(schema: &Value) -> Vec<(Vec<String>, Value)> {
    fn walk<'a>(
        collector: &Collector<'a>,
        schema: &'a Value,
        path: &mut Vec<String>,
        out: &mut Vec<(Vec<String>, Value)>,
    ) {
        if path.len() > MAX_NESTING {
            return;
        }
        let schema = collector.concrete(schema);
        for (key, property) in schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            path.push(key.clone());
            if let Some(value) = property.get("x-flag-default") {
                out.push((path.clone(), value.clone()));
            }
            if let Some(inner) = property
                .get("additionalProperties")
                .filter(|_| property.get("x-flag-group").is_some())
            {
                path.push("*".to_owned());
                walk(collector, inner, path, out);
                path.pop();
            }
            walk(collector, property, path, out);
            path.pop();
        }
    }
    let collector = Collector {
        root: schema,
        flags: Vec::new(),
        path: Vec::new(),
    };
    let mut out = Vec::new();
    walk(&collector, schema, &mut Vec::new(), &mut out);
    out
}

struct Builder<'a> {
    flags: &'a [Flag],
    defaults: Vec<(Vec<String>, Value)>,
    label: Option<String>,
    params: Value,
    problems: Problems,
}

impl Builder<'_> {
    fn apply(&mut self, occurrence: &Occurrence) {
        let Some(flag) = self.flags.iter().find(|f| f.name == occurrence.flag) else {
            return self.unknown(&occurrence.flag);
        };
        match (flag.kind, &occurrence.value) {
            (FlagKind::Group, Some(label)) => {
                self.label = Some(label.clone());
                self.open_group(flag, label);
            }
            (FlagKind::Switch, None) => self.set(flag, flag.sets.clone().unwrap_or(Value::Bool(true))),
            (FlagKind::Switch, Some(_)) => self.reject(flag, "takes no value"),
            (_, None) => self.reject(flag, "needs a value"),
            (kind, Some(text)) => match parse_value(kind, text) {
                Ok(value) => self.set(flag, value),
                Err(message) => self.reject(flag, &message),
            },
        }
    }

    fn unknown(&mut self, name: &str) {
        let hint = nearest(name, self.flags.iter().map(|f| f.name.as_str()));
        let hint = hint
            .map(|known| format!("; did you mean `--{known}`?"))
            .unwrap_or_default();
        self.problems
            .add("", format!("there is no flag `--{name}`{hint}"));
    }

    fn reject(&mut self, flag: &Flag, message: &str) {
        self.problems.add("", format!("`--{}` {message}", flag.name));
    }

    /// Creates the group's entry with the command line's defaults, unless it is there.
    fn open_group(&mut self, flag: &Flag, label: &str) {
        let mut path = flag.path.clone();
        path.truncate(path.iter().position(|p| p == "*").unwrap_or(path.len()));
        path.push(label.to_owned());
        let entry = slot(&mut self.params, path.iter().map(String::as_str));
        if entry.is_null() {
            *entry = Value::Object(Map::new());
            for (at, value) in &self.defaults {
                if let Some(star) = at.iter().position(|p| p == "*") {
                    *slot(entry, at[star + 1..].iter().map(String::as_str)) = value.clone();
                }
            }
        }
    }

    fn set(&mut self, flag: &Flag, value: Value) {
        let label = self.label.clone().unwrap_or_default();
        if flag.path.iter().any(|part| part == "*") {
            self.open_group(flag, &label);
        }
        let path = flag
            .path
            .iter()
            .map(|part| if part == "*" { label.as_str() } else { part });
        let place = slot(&mut self.params, path);
        match place {
            Value::Array(items) if flag.repeated => items.push(value),
            _ if flag.repeated => *place = Value::Array(vec![value]),
            _ => *place = value,
        }
    }
}

/// The value at a path of object keys, created on the way; `null` when it is new.
fn slot<'a, 'p>(mut value: &'a mut Value, path: impl Iterator<Item = &'p str>) -> &'a mut Value {
    for key in path {
        if !value.is_object() {
            *value = Value::Object(Map::new());
        }
        value = &mut value[key];
    }
    value
}

fn parse_value(kind: FlagKind, text: &str) -> Result<Value, String> {
    let number = |what: &str| format!("takes {what}, not {text:?}");
    match kind {
        FlagKind::Integer => text
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_| text.parse::<u64>().map(Value::from))
            .map_err(|_| number("an integer")),
        FlagKind::Number => text
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| number("a number")),
        FlagKind::Json => crate::json::parse(text.as_bytes()).map_err(|e| format!("takes JSON: {e}")),
        FlagKind::Text | FlagKind::Switch | FlagKind::Group => Ok(Value::String(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Params {
        /// The searches.
        #[schemars(extend("x-flag-group" = {"name": "search", "label": "s1", "value": "LABEL"}))]
        searches: BTreeMap<String, Search>,
        /// Verbose
        #[schemars(extend("x-flag" = {"name": "verbose", "short": "v"}))]
        #[serde(default)]
        verbose: bool,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Search {
        /// Where to look.
        ///
        /// Absolute paths.
        #[schemars(extend("x-flag" = {"name": "path", "value": "PATH"}))]
        paths: Vec<String>,
        #[serde(default)]
        options: Options,
    }

    #[derive(JsonSchema, Default, serde::Serialize)]
    struct Options {
        /// All filters must match.
        #[schemars(extend("x-flag" = [{"name": "matchall"}, {"name": "matchany", "sets": false}], "x-flag-default" = true))]
        matchall: bool,
        /// How deep.
        #[schemars(extend("x-flag" = "maxdepth", "x-unit" = "folders"))]
        #[serde(default = "thousand")]
        maxdepth: u32,
    }

    fn thousand() -> u32 {
        1000
    }

    fn params(arguments: &[(&str, Option<&str>)]) -> Result<Value, Problems> {
        let schema = schemars::schema_for!(Params).to_value();
        let occurrences: Vec<Occurrence> = arguments
            .iter()
            .map(|(flag, value)| Occurrence {
                flag: (*flag).to_owned(),
                value: value.map(str::to_owned),
            })
            .collect();
        to_params(&schema, &occurrences)
    }

    #[test]
    fn paragraphs_are_one_line_and_lists_stay_lists() {
        for (text, expected) in [
            ("one\ntwo\n\nthree\n`four`", "one two\n\nthree `four`"),
            ("kinds:\n- a\n- b\n  more", "kinds:\n- a\n- b\n  more"),
            ("", ""),
            ("a\n\n\nb", "a\n\nb"),
        ] {
            assert_eq!(reflowed(text), expected);
        }
    }

    #[test]
    fn flags_come_from_the_declaration() {
        let flags = declared(&schemars::schema_for!(Params).to_value());
        let names: Vec<&str> = flags.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(
            names,
            ["search", "path", "matchall", "matchany", "maxdepth", "verbose"]
        );
        let path = &flags[1];
        assert_eq!(
            (path.help.as_str(), path.repeated, path.kind),
            ("Where to look", true, FlagKind::Text)
        );
        assert!(path.long_help.contains("Absolute paths."));
        assert_eq!(flags[4].unit.as_deref(), Some("folders"));
        assert_eq!(flags[5].short, Some('v'));
    }

    #[test]
    fn flags_build_the_parameters_group_by_group() {
        let built = params(&[
            ("path", Some("/etc")),
            ("search", Some("tmp")),
            ("path", Some("/tmp")),
            ("path", Some("/var/tmp")),
            ("matchany", None),
            ("maxdepth", Some("3")),
            ("verbose", None),
        ]);
        assert_eq!(
            built.unwrap(),
            json!({
                "searches": {
                    "s1": {"paths": ["/etc"], "options": {"matchall": true}},
                    "tmp": {"paths": ["/tmp", "/var/tmp"], "options": {"matchall": false, "maxdepth": 3}},
                },
                "verbose": true,
            })
        );
    }

    #[test]
    fn slips_are_reported_together() {
        let problems = params(&[
            ("pth", Some("/")),
            ("maxdepth", Some("deep")),
            ("verbose", Some("x")),
            ("path", None),
        ])
        .unwrap_err()
        .to_string();
        for part in [
            "did you mean `--path`",
            "takes an integer, not \"deep\"",
            "takes no value",
            "needs a value",
        ] {
            assert!(problems.contains(part), "{part} missing in {problems}");
        }
    }
}
