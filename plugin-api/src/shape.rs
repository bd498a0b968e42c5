//! Compares parameters with their JSON Schema, so that every slip is reported at once with its place.
//!
//! Covers the part of JSON Schema that `schemars` derives for parameter types: `$ref` into `$defs`,
//! `type`, `properties`, `required`, `additionalProperties`, `items`, `enum`, `anyOf`/`oneOf`.
//! Numbers such as `1000.0` are rewritten to `1000` where the schema says integer.

use crate::{Problems, nearest};
use serde_json::{Map, Value};

/// Checks `value` against `schema`, adding a problem for each deviation; may rewrite numbers.
pub(crate) fn check(value: &mut Value, schema: &Value) -> Problems {
    let mut checker = Checker {
        root: schema,
        problems: Problems::new(),
    };
    checker.value(value, schema, &mut String::new());
    checker.problems
}

/// Follows a `$ref` into `$defs`, a few times at most.
pub(crate) fn resolve<'a>(root: &'a Value, mut schema: &'a Value) -> &'a Value {
    for _ in 0..8 {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
            break;
        };
        match reference
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer))
        {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

/// The key as a reference token of a JSON pointer (RFC 6901, section 3).
pub(crate) fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

struct Checker<'a> {
    root: &'a Value,
    problems: Problems,
}

impl Checker<'_> {
    fn value(&mut self, value: &mut Value, schema: &Value, at: &mut String) {
        let root = self.root;
        let schema = resolve(root, schema);
        if let Some(choices) = schema
            .get("anyOf")
            .or_else(|| schema.get("oneOf"))
            .and_then(Value::as_array)
        {
            return self.any_of(value, choices, at);
        }
        if !self.type_matches(value, schema, at) {
            return;
        }
        self.one_of_enum(value, schema, at);
        match value {
            Value::Object(object) => self.object(object, schema, at),
            Value::Array(items) => {
                if let Some(inner) = schema.get("items") {
                    self.items(items, inner, at);
                }
            }
            _ => {}
        }
    }

    /// The first choice without a problem wins; otherwise the first choice of the right type reports.
    fn any_of(&mut self, value: &mut Value, choices: &[Value], at: &mut String) {
        let mut fallback: Option<Problems> = None;
        for choice in choices {
            let mut attempt = Checker {
                root: self.root,
                problems: Problems::new(),
            };
            let mut copy = value.clone();
            attempt.value(&mut copy, choice, at);
            if attempt.problems.is_empty() {
                *value = copy;
                return;
            }
            let is_null = resolve(self.root, choice).get("type").and_then(Value::as_str) == Some("null");
            if !is_null {
                fallback.get_or_insert(attempt.problems);
            }
        }
        for problem in fallback.iter().flat_map(Problems::iter) {
            self.problems
                .add(problem.pointer.clone(), problem.message.clone());
        }
    }

    /// Whether the value has (one of) the schema's types; integers may be written as `1000.0`.
    fn type_matches(&mut self, value: &mut Value, schema: &Value, at: &str) -> bool {
        let types: Vec<&str> = match schema.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => return true,
        };
        if types.contains(&"integer")
            && let Some(integer) = value
                .as_f64()
                .and_then(whole)
                .filter(|_| !value.is_i64() && !value.is_u64())
        {
            *value = integer;
        }
        let matches = types.iter().any(|&wanted| is_type(value, wanted));
        if !matches {
            let wanted = types
                .iter()
                .copied()
                .filter(|&t| t != "null")
                .collect::<Vec<_>>()
                .join(" or ");
            self.problems
                .add(at, format!("must be {}, not {}", article(&wanted), kind(value)));
            return false;
        }
        self.range(value, schema, at)
    }

    /// `minimum` and `maximum`, which schemars derives from the integer type.
    fn range(&mut self, value: &Value, schema: &Value, at: &str) -> bool {
        let Some(number) = value.as_f64() else { return true };
        let below = schema
            .get("minimum")
            .and_then(Value::as_f64)
            .filter(|min| number < *min);
        let above = schema
            .get("maximum")
            .and_then(Value::as_f64)
            .filter(|max| number > *max);
        if let Some(min) = below {
            self.problems
                .add(at, format!("must be at least {min}, not {value}"));
        }
        if let Some(max) = above {
            self.problems
                .add(at, format!("must be at most {max}, not {value}"));
        }
        below.is_none() && above.is_none()
    }

    fn one_of_enum(&mut self, value: &Value, schema: &Value, at: &str) {
        let Some(allowed) = schema.get("enum").and_then(Value::as_array) else {
            return;
        };
        if allowed.contains(value) {
            return;
        }
        let words: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        let given = value.as_str().unwrap_or_default();
        self.problems.add(
            at,
            format!(
                "{value} is not one of {}{}",
                words.join(", "),
                did_you_mean(given, words.iter().copied())
            ),
        );
    }

    fn object(&mut self, object: &mut Map<String, Value>, schema: &Value, at: &mut String) {
        let empty = Map::new();
        let known = schema
            .get("properties")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        self.required(object, schema, at);
        let additional = schema.get("additionalProperties");
        for (key, value) in object {
            let length = at.len();
            at.push('/');
            at.push_str(&token(key));
            match (known.get(key), additional) {
                (Some(inner), _) => self.value(value, inner, at),
                (None, Some(inner @ Value::Object(_))) => self.value(value, inner, at),
                (None, Some(Value::Bool(true)) | None) if known.is_empty() => {}
                _ => self.unknown_key(key, known, at),
            }
            at.truncate(length);
        }
    }

    fn unknown_key(&mut self, key: &str, known: &Map<String, Value>, at: &str) {
        let hint = did_you_mean(key, known.keys().map(String::as_str));
        let hint = if hint.is_empty() {
            format!(
                "; known here: {}",
                known.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
            )
        } else {
            hint
        };
        self.problems.add(at, format!("unknown key {key:?}{hint}"));
    }

    fn required(&mut self, object: &Map<String, Value>, schema: &Value, at: &str) {
        let required = schema.get("required").and_then(Value::as_array);
        for key in required.into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(key) {
                self.problems.add(at, format!("the key {key:?} is missing"));
            }
        }
    }

    fn items(&mut self, items: &mut [Value], schema: &Value, at: &mut String) {
        for (index, item) in items.iter_mut().enumerate() {
            let length = at.len();
            at.push('/');
            at.push_str(&index.to_string());
            self.value(item, schema, at);
            at.truncate(length);
        }
    }
}

/// `; did you mean "x"?`, or nothing.
fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(given, known)
        .map(|word| format!("; did you mean {word:?}?"))
        .unwrap_or_default()
}

/// The integer that a float stands for exactly, if there is one.
fn whole(number: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53: every integer up to here has its own double
    #[allow(
        clippy::cast_possible_truncation,
        reason = "whole and within 2^53, checked here"
    )]
    (number.fract() == 0.0 && number.abs() <= EXACT).then(|| Value::from(number as i64))
}

fn is_type(value: &Value, wanted: &str) -> bool {
    match wanted {
        "integer" => value.is_i64() || value.is_u64(),
        other => kind(value) == other,
    }
}

/// The JSON type's name.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn article(noun: &str) -> String {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {noun}", if vowel { "an" } else { "a" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[derive(JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Params {
        searches: BTreeMap<String, Search>,
    }

    #[derive(JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Search {
        paths: Vec<String>,
        #[serde(default)]
        maxdepth: Option<u32>,
        #[serde(default)]
        mode: Mode,
    }

    #[derive(JsonSchema, Default, serde::Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        #[default]
        Fast,
        #[expect(dead_code, reason = "only its schema is used")]
        Slow,
    }

    fn problems(mut value: Value) -> (Value, Vec<String>) {
        let schema = schemars::schema_for!(Params).to_value();
        let found = check(&mut value, &schema);
        (
            value,
            found
                .iter()
                .map(|p| format!("{} {}", p.pointer, p.message))
                .collect(),
        )
    }

    #[test]
    fn good_parameters_pass_and_whole_floats_become_integers() {
        let (value, found) = problems(json!({"searches": {"a": {"paths": ["/"], "maxdepth": 3.0}}}));
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(value["searches"]["a"]["maxdepth"], json!(3));
        assert!(value["searches"]["a"]["maxdepth"].is_i64());
    }

    #[test]
    fn every_problem_is_reported_with_its_place() {
        let (_, found) = problems(json!({
            "search": {},
            "searches": {
                "a/b": {"path": ["/"], "maxdepth": 1.5},
                "c": {"paths": ["/", 7], "maxdepth": -1, "mode": "fst"},
            }
        }));
        let expected = [
            "/search unknown key \"search\"; did you mean \"searches\"?",
            "/searches/a~1b the key \"paths\" is missing",
            "/searches/a~1b/path unknown key \"path\"; did you mean \"paths\"?",
            "/searches/c/paths/1 must be a string, not number",
            "/searches/c/mode \"fst\" is not one of fast, slow; did you mean \"fast\"?",
        ];
        for line in expected {
            assert!(found.iter().any(|f| f == line), "missing {line:?} in {found:#?}");
        }
        assert!(
            found
                .iter()
                .any(|f| f.starts_with("/searches/a~1b/maxdepth must be an integer")),
            "{found:#?}"
        );
        assert!(
            found
                .iter()
                .any(|f| f.starts_with("/searches/c/maxdepth must be at least 0")),
            "{found:#?}"
        );
    }
}
