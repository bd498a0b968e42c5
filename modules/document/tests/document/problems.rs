//! Bad documents: everything at once, each with its place.

use gumshoe_document::Plan;
use serde_json::json;

#[test]
fn every_problem_is_reported_with_its_place() {
    let document = json!({
        "variables": [{"key": "", "value": "x"}, {"key": "chain_root", "value": "x"}],
        "objects": [
            {"object": "", "package": {"name": "x"}},
            {"object": "none"},
            {"object": "file", "filecontent": {"path": "/", "file": "(", "expression": "[", "import-chain": ["gone"]}},
            {"object": "raw", "raw": {"identifiers": [{"identifier": "x"}]}},
            {"object": "types", "package": {"name": "x", "collectmatch": "(", "types": ["deb"]}},
            {"object": "field", "port": {"name": ".", "field": "color"}},
            17],
        "tests": [
            {"test": "", "object": "raw"},
            {"test": "self", "object": "raw", "if": ["self", "gone"]},
            {"test": "tag", "object": "raw", "tags": [{"key": "a\"", "value": "b"}]},
            {"test": "type", "object": "raw", "evr": {"operation": "<", "value": "1", "type": "deb"}, "all": "yes"}]});
    let problems = Plan::from_json(&document).unwrap_err();
    let pointers: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    let expected = [
        "/variables/0/key",
        "/variables/1/key",
        "/objects/0/object",
        "/objects/1",
        "/objects/2/filecontent/expression",
        "/objects/2/filecontent/import-chain/0",
        "/objects/2/filecontent/file",
        "/objects/3/raw/identifiers/0",
        "/objects/4/package/collectmatch",
        "/objects/5/port/field",
        "/objects/6",
        "/tests/0/test",
        "/tests/1/if/0",
        "/tests/1/if/1",
        "/tests/2/tags/0",
        "/tests/3/all",
        "/tests/3/evr/type",
    ];
    for pointer in expected {
        assert!(pointers.contains(&pointer), "{pointer} is missing in {problems}");
    }
}

#[test]
fn what_older_evaluators_run_anyway_is_a_warning() {
    let raw = json!({"identifiers": [{"identifier": "x", "value": "1"}]});
    let plan = Plan::from_json(&json!({
        "objects": [{"object": "o", "raw": raw}, {"object": "o", "raw": raw, "colour": 1},
            {"object": "f", "filename": {"path": "/", "file": "("}}],
        "tests": [
            {"test": "a", "object": "gone"},
            {"test": "b", "object": "o", "evr": {"operation": "<=", "value": "1"}},
            {"test": "c", "object": "o", "regexp": {"value": "("}, "if": ["d"]},
            {"test": "d", "object": "o", "if": ["c"]}]}))
    .unwrap();
    let pointers: Vec<_> = plan
        .warnings()
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(
        pointers,
        [
            "/objects/1/object",
            "/objects/1/colour",
            "/objects/2/filename/file",
            "/tests/0/object",
            "/tests/1/evr/operation",
            "/tests/2/regexp/value",
            "/tests/2/if",
            "/tests/3/if"
        ]
    );
}

#[test]
fn yaml_problems_have_lines() {
    let text = "objects:\n- object: o\n  filecontent:\n    path: /etc\n    file: x\n    expression: '('\ntests:\n- object: o\n";
    let problems = Plan::parse(text.as_bytes()).unwrap_err();
    let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [Some(6), Some(8)], "{problems}");
    assert!(
        problems
            .to_string()
            .starts_with("line 6: at `/objects/0/filecontent/expression`: ")
    );
}

#[test]
fn what_is_no_document_is_refused() {
    for (text, expected) in [
        ("{}", "too small"),
        ("{\"objects\": [}", "not valid JSON"),
        ("just some words here", "expected an object"),
        ("objects: [1, 2\ntests", "not valid YAML"),
        ("[1, 2, 3, 4, 5]", "expected an object"),
        ("{\"objects\": {\"a\": 1}}", "expected a list"),
    ] {
        let problems = Plan::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(problems.contains(expected), "{text}: {problems}");
    }
    assert!(
        Plan::parse(b"objects: \xff\xfe")
            .unwrap_err()
            .to_string()
            .contains("not UTF-8")
    );
}
