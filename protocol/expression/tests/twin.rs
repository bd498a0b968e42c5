//! The same questions to this evaluator and to the `cel` crate's own, which is slow and unbounded
//! but was written by others from the specification.

#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::fmt::Write;

use cel::objects::Key;
use gumshoe_expression::{Expression, Variables};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn facts() -> Json {
    json!({
        "i": 3, "n": -7, "u": u64::MAX, "d": 1.5, "s": "linux", "e": "", "t": true, "z": null,
        "l": ["a", "linux", ""], "k": [1, 2.0, -7, true, null, "a"],
        "m": {"role": "web", "a": 1, "": null, "deep": {"l": [1, 2]}},
    })
}

fn cel_value(json: &Json) -> cel::Value {
    match json {
        Json::Null => cel::Value::Null,
        Json::Bool(truth) => cel::Value::Bool(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => cel::Value::Int(number),
            (_, Some(number)) => cel::Value::UInt(number),
            _ => cel::Value::Float(number.as_f64().unwrap()),
        },
        Json::String(text) => cel::Value::String(text.clone().into()),
        Json::Array(items) => cel::Value::List(items.iter().map(cel_value).collect::<Vec<_>>().into()),
        Json::Object(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| (Key::from(key.as_str()), cel_value(value)));
            entries.collect::<std::collections::HashMap<_, _>>().into()
        }
    }
}

/// The twin's answer; `None` for any error.
fn twin(text: &str) -> Option<bool> {
    let program = cel::Program::compile(text).ok()?;
    let mut context = cel::Context::default();
    for (name, value) in facts().as_object().unwrap() {
        context.add_variable_from_value(name.as_str(), cel_value(value));
    }
    match program.execute(&context) {
        Ok(cel::Value::Bool(answer)) => Some(answer),
        _ => None,
    }
}

fn ours(text: &str) -> Option<bool> {
    let Json::Object(map) = facts() else { return None };
    Expression::parse(text)
        .ok()?
        .evaluate(&Variables::new(map).unwrap())
        .ok()
}

fn any_value() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "i",
        "n",
        "u",
        "d",
        "s",
        "e",
        "t",
        "z",
        "l",
        "k",
        "m",
        "m.role",
        "m.a",
        "m.gone",
        "m['role']",
        "m.deep",
        "m.deep.l",
        "l[0]",
        "l[9]",
        "k[1]",
        "0",
        "1",
        "-1",
        "2u",
        "1.0",
        "1.5",
        "true",
        "false",
        "null",
        "'a'",
        "'linux'",
        "''",
        "[]",
        "[1, 2]",
        "['a', 'b']",
        "[1, i]",
        "9223372036854775807",
        "has(m.a)",
        "has(m.gone)",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operator = prop::sample::select(vec![
            "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||", "&&", "||", "==",
        ]);
        let method = prop::sample::select(vec!["contains", "startsWith", "endsWith"]);
        let function = prop::sample::select(vec!["size", "int", "uint", "!", "-"]);
        let quantifier = prop::sample::select(vec!["all", "exists", "exists_one", "filter", "map"]);
        // The twin adds a map's keys to a list, which the specification does not know.
        let addend = prop::sample::select(vec![
            "i", "n", "u", "d", "s", "z", "l", "k", "m.role", "m.gone", "m.deep.l", "1", "2u", "1.5", "'a'", "[1, i]",
            "9223372036854775807", "size(l)", "(n - i)", "(s + m.role)", "(l + k)", "l.map(x, x + s)",
        ]);
        prop_oneof![
            1 => (addend.clone(), addend).prop_map(|(a, b)| format!("({a} + {b})")),
            4 => (inner.clone(), operator, inner.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            1 => (inner.clone(), method, inner.clone()).prop_map(|(a, f, b)| format!("({a}).{f}({b})")),
            1 => (function, inner.clone()).prop_map(|(f, a)| format!("{f}({a})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
            2 => (inner.clone(), quantifier, "[xy]", inner)
                .prop_map(|(l, q, x, b)| format!("({l}).{q}({x}, ({b}) == {x} || {x} == 'a')")),
        ]
    })
}

/// A boolean of any value: so that the twins also agree on values that are not booleans.
fn question() -> impl Strategy<Value = String> {
    (any_value(), any_value()).prop_map(|(a, b)| format!("({a}) == ({b}) || size([{a}]) == 2 || ({a})"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_evaluators_agree(text in prop_oneof![any_value(), question()]) {
        prop_assert_eq!(ours(&text), twin(&text), "{}", text);
    }

    #[test]
    fn comparisons_of_numbers_agree(a in any::<i64>(), b in any::<u64>(), c in -9e18..9e18, small in -3_i64..3) {
        let mut text = String::new();
        for operator in ["<", "<=", ">", ">=", "==", "!="] {
            for (one, other) in [("a", "b"), ("a", "c"), ("b", "c"), ("s", "a"), ("s", "b"), ("s", "c")] {
                write!(text, "({one} {operator} {other} ? 1 : 0), ").unwrap();
            }
        }
        let values = json!({"a": a, "b": b, "c": c, "s": small});
        let Json::Object(map) = values.clone() else { return Ok(()) };
        let variables = Variables::new(map).unwrap();
        let mut context = cel::Context::default();
        for (name, value) in values.as_object().unwrap() {
            context.add_variable_from_value(name.as_str(), cel_value(value));
        }
        for part in text.split_terminator(", ") {
            let question = format!("{part} == 1");
            let ours = Expression::parse(&question).unwrap().evaluate(&variables).ok();
            let twin = cel::Program::compile(&question).unwrap().execute(&context).ok();
            prop_assert_eq!(ours.map(cel::Value::Bool), twin, "{}", question);
        }
    }

    #[test]
    fn no_text_is_a_surprise(text in "[ -~]{0,80}|\\PC{0,20}|[()\\[\\]{}a1'\"?:!.,+<=&|-]{0,60}") {
        if let Ok(expression) = Expression::parse(&text) {
            let Json::Object(map) = facts() else { return Ok(()) };
            let _ = expression.evaluate(&Variables::new(map).unwrap());
        }
    }
}
