//! Import chains.

use crate::host::{Host, run};
use gumshoe_document::Plan;
use serde_json::{Value, json};

fn document(expected: &str) -> Value {
    json!({
        "objects": [
            {"object": "root", "filecontent": {"path": "/srv", "file": "^version$", "expression": r"var = \((\d), (\d)\)",
                "concat": ".", "import-chain": ["minor", "text"]}},
            {"object": "minor", "filecontent": {"path": "${chain_root}", "file": "^minor$", "expression": r"minor = (\d)"}},
            {"object": "text", "raw": {"identifiers": [{"identifier": "x", "value": "teststring"}]}}],
        "tests": [
            {"test": "t", "object": "root", "exactmatch": {"value": expected}},
            {"test": "link", "object": "minor"}]})
}

#[test]
fn values_of_several_files_become_one() {
    let mut host = Host::with_files(&[
        ("/srv/app/minor", "minor = 8"),
        ("/srv/app/version", "var = (1, 5)"),
        ("/srv/other/version", "var = (1, 5)"),
    ]);
    for (expected, truth) in [
        ("1.5.8.teststring", [true, false]),
        ("1.5.teststring", [false, true]),
    ] {
        let results = run(&document(expected), &mut host).0;
        let found: Vec<_> = results[0]
            .results
            .iter()
            .map(|sub| (sub.identifier.as_str(), sub.result))
            .collect();
        assert_eq!(
            found,
            [("/srv/app/version", truth[0]), ("/srv/other/version", truth[1])]
        );
        assert!(
            results[1]
                .error
                .as_deref()
                .unwrap()
                .starts_with("object not prepared")
        );
    }
}

#[test]
fn circles_and_endless_chains_are_refused() {
    let link = |n: usize, next: usize| {
        json!({"object": n.to_string(), "filecontent":
            {"path": "/", "file": "x", "expression": "(x)", "import-chain": [next.to_string()]}})
    };
    let circle = json!({"objects": [link(0, 1), link(1, 0)]});
    let problems = Plan::from_json(&circle).unwrap_err();
    assert_eq!(problems.count(), 2);
    assert_eq!(
        problems.iter().next().unwrap().pointer,
        "/objects/0/filecontent/import-chain"
    );
    let long: Vec<Value> = (0..100_000).map(|n| link(n, (n + 1).min(99_999))).collect();
    assert!(Plan::from_json(&json!({"objects": long})).is_err());
}
