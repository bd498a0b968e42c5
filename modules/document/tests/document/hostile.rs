//! Documents that mean harm end within limits.

use crate::host::{Host, plan, run};
use gumshoe_document::{Flow, Plan, evaluate};
use proptest::prelude::*;
use serde_json::{Value, json};

fn raw() -> Value {
    json!({"object": "o", "raw": {"identifiers": [{"identifier": "x", "value": "1"}]}})
}

#[test]
fn circles_of_tests_end() {
    let tests = json!([
        {"test": "a", "object": "o", "if": ["b"]},
        {"test": "b", "object": "o", "if": ["c"]},
        {"test": "c", "object": "o", "if": ["a"]}]);
    let results = run(&json!({"objects": [raw()], "tests": tests}), &mut Host::default()).0;
    let truth: Vec<_> = results.iter().map(|result| result.result).collect();
    assert_eq!(
        truth,
        [false, false, false],
        "the one that closes the circle sees the first as false"
    );
}

#[test]
fn a_chain_of_many_tests_needs_no_stack() {
    let count = 50_000;
    let test = |n: usize| match n + 1 < count {
        true => json!({"test": n.to_string(), "object": "o", "if": [(n + 1).to_string()]}),
        false => json!({"test": n.to_string(), "object": "o"}),
    };
    let tests: Vec<_> = (0..count).map(test).collect();
    let summary = run(&json!({"objects": [raw()], "tests": tests}), &mut Host::default()).1;
    assert_eq!(summary.true_tests, count as u64);
}

#[test]
fn too_much_of_anything_is_a_problem() {
    let many = |count| vec![json!({}); count];
    let huge = json!({"object": "h", "hasline": {"path": "/", "file": "a{1000}{1000}", "expression": "x"}});
    for (document, expected) in [
        (json!({"objects": many(250_001)}), "limit reached"),
        (json!({"tests": many(250_001)}), "limit reached"),
        (json!({"variables": many(1_001)}), "limit reached"),
        (json!({"objects": [huge]}), "not usable"),
    ] {
        let problems = Plan::from_json(&document).unwrap_err().to_string();
        assert!(problems.contains(expected), "{problems}");
    }
    let deep = "{\"a\":".repeat(100_000);
    assert!(Plan::parse(deep.as_bytes()).is_err());
    let large = vec![b' '; 65 << 20];
    assert!(Plan::parse(&large).unwrap_err().to_string().contains("at most"));
}

#[test]
fn expressions_have_a_limit_in_all() {
    let test = |n: usize| json!({"test": n.to_string(), "object": "o", "regexp": {"value": format!("a{{900}}b{{900}}c{{900}}{n}")}});
    let tests: Vec<_> = (0..2_000).map(test).collect();
    let problems = Plan::from_json(&json!({"objects": [raw()], "tests": tests})).unwrap_err();
    assert!(problems.to_string().contains("together"), "{problems}");
}

#[test]
fn values_have_a_limit_in_all() {
    let mut host = Host::with_files(&[("/a", &"x\n".repeat(100_000))]);
    let objects: Vec<_> = (0..20)
        .map(|n| json!({"object": n.to_string(), "filecontent": {"path": "/", "file": ".", "expression": "(x)"}}))
        .collect();
    let tests: Vec<_> = (0..20)
        .map(|n| json!({"test": n.to_string(), "object": n.to_string()}))
        .collect();
    let mut errors = 0;
    let plan = plan(&json!({"objects": objects, "tests": tests}));
    let summary = evaluate(&plan, &mut host, &mut |result| {
        errors += u64::from(result.error.is_some_and(|error| error.contains("limit reached")));
        Flow::Continue
    });
    assert_eq!((summary.true_tests, errors), (5, 15));
}

#[test]
fn the_evaluation_ends_when_told() {
    let tests: Vec<_> = (0..10)
        .map(|n| json!({"test": n.to_string(), "object": "o"}))
        .collect();
    let document = json!({"objects": [raw()], "tests": tests});
    let mut host = Host {
        patience: Some(4),
        ..Host::default()
    };
    let summary = run(&document, &mut host).1;
    assert_eq!((summary.run, summary.not_run), (3, 7));
    let mut left = 2;
    let summary = evaluate(&plan(&document), &mut Host::default(), &mut |_| {
        left -= 1;
        if left == 0 { Flow::Stop } else { Flow::Continue }
    });
    assert_eq!((summary.run, summary.not_run), (2, 8));
}

/// Values that look like parts of documents.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u8>().prop_map(Value::from),
        "[a-c(${}<]{0,3}".prop_map(Value::from),
    ];
    let key = proptest::sample::select(
        &[
            "objects",
            "object",
            "tests",
            "test",
            "raw",
            "identifiers",
            "identifier",
            "value",
            "key",
            "if",
            "ifany",
            "all",
            "count",
            "operation",
            "evr",
            "regexp",
            "filecontent",
            "path",
            "paths",
            "file",
            "expression",
            "import-chain",
            "variables",
            "package",
            "name",
            "types",
            "port",
            "tags",
        ][..],
    );
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..6).prop_map(|entries| entries
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_gets_an_answer(objects in proptest::collection::vec(value(), 0..4), tests in value()) {
        if let Ok(plan) = Plan::from_json(&json!({"objects": objects, "tests": [tests]})) {
            let summary = evaluate(&plan, &mut Host::default(), &mut |_| Flow::Continue);
            prop_assert_eq!(summary.run, plan.tests() as u64);
        }
    }

    #[test]
    fn any_text_gets_an_answer(text in "[a-z:\\-\\[\\]{}&*!|>'\"#%@`, \n~?<$()]{0,200}") {
        let _ = Plan::parse(text.as_bytes());
        let _ = Plan::parse(format!("objects:\n- {text}").as_bytes());
    }
}
