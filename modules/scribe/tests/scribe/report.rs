//! What is reported, and how it looks.

use crate::support::{host, run};
use gumshoe_module_scribe::{Scribe, finding::Finding};
use gumshoe_plugin_api::{Limits, Status, harness::Harness};
use serde_json::{Value, json};

fn document() -> Value {
    json!({
        "objects": [{ "object": "o", "raw": { "identifiers": [{ "identifier": "x", "value": "secret" }] } }],
        "tests": [
            { "test": "yes", "name": "first", "object": "o", "tags": [{ "key": "cve", "value": "C" }] },
            { "test": "no", "object": "o", "exactmatch": { "value": "other" } },
            { "test": "broken", "object": "gone" }]
    })
}

#[test]
fn every_test_is_a_finding_and_errors_are_repeated() {
    let root = host(&[]);
    let report = run(root.path(), &document());
    assert_eq!(
        report.findings[0],
        json!({ "test": "yes", "name": "first", "result": true, "hastrue": true,
            "results": [{ "identifier": "x", "result": true }], "tags": [{ "key": "cve", "value": "C" }] })
    );
    assert_eq!(report.findings.len(), 3);
    assert_eq!(report.statistics["true_tests"], 1);
    let errors = report.errors.join("\n");
    assert!(
        errors.contains("Error: there is no object \"gone\" in \"broken\""),
        "{errors}"
    );
    assert!(errors.contains("document: at `/tests/2/object`"), "{errors}");
    assert!(!serde_json::to_string(&report).unwrap().contains("secret"));
}

#[test]
fn only_what_is_true_on_demand() {
    let root = host(&[]);
    let params = json!({ "scribedoc": document(), "onlytrue": true });
    let report = Harness::new(root.path()).run::<Scribe>(&params);
    assert_eq!((report.findings.len(), report.errors.len()), (1, 2));
}

#[test]
fn the_form_is_as_asked_for() {
    let root = host(&[]);
    for (key, expected) in [
        (
            "onlytrue",
            "master [true] name:\"first\" id:\"yes\" hastrue:true error:\"\"\nsub [true] ",
        ),
        (
            "humanoutput",
            "result for \"first\" (yes)\n\tmaster result: true\n\ttag: cve: C\n\t[true] identifier: \"x\"",
        ),
        ("jsonoutput", "{\"test\":\"yes\",\"name\":\"first\","),
    ] {
        let params = json!({ "scribedoc": document(), key: true });
        let report = Harness::new(root.path()).run::<Scribe>(&params);
        let finding: Finding = serde_json::from_value(report.findings[0].clone()).unwrap();
        assert!(
            finding.to_string().starts_with(expected),
            "{}",
            finding.to_string()
        );
    }
}

#[test]
fn tests_that_were_not_run_are_counted() {
    let root = host(&[]);
    let tests: Vec<Value> = (0..20)
        .map(|n| json!({ "test": n.to_string(), "object": "o" }))
        .collect();
    let mut document = document();
    document["tests"] = tests.into();
    let limits = Limits {
        findings: 5,
        ..Limits::default()
    };
    let report = Harness::new(root.path())
        .limits(limits)
        .run::<Scribe>(&json!({ "scribedoc": document }));
    assert_eq!(report.findings.len(), 5);
    let skipped = &report.coverage.skipped[0];
    assert_eq!((skipped.what.as_str(), skipped.count), ("test", 15));
    let report = Harness::new(root.path())
        .cancel_after(3)
        .run::<Scribe>(&json!({ "scribedoc": document }));
    assert_eq!(report.status, Status::Cancelled);
}

#[test]
fn oddities_are_listed_up_to_a_point_and_counted() {
    let root = host(&[]);
    let tests: Vec<Value> = (0..100)
        .map(|n| json!({ "test": n.to_string(), "object": "o", "colour": 1 }))
        .collect();
    let mut document = document();
    document["tests"] = tests.into();
    let report = run(root.path(), &document);
    assert_eq!(report.errors.len(), 65);
    assert_eq!(report.errors[64], "document: 36 more oddities");
}
