//! A fixture, parameters and the whole expected report. `BLESS=1` writes the report anew; review the difference.

use std::{fs, path::Path};

use gumshoe_module_file::File;
use gumshoe_plugin_api::harness::Harness;
use serde_json::{Value, json};

/// What a checkout of the fixture does not keep, or what differs between runs.
const UNSTABLE: [&str; 9] = [
    "mtime",
    "ctime",
    "btime",
    "uid",
    "gid",
    "owner",
    "group",
    "mode",
    "mode_octal",
];

#[test]
fn the_fixture_gives_the_expected_report() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let read = |name: &str| -> Value {
        let text = fs::read(data.join(name)).expect("the file is there");
        serde_json::from_slice(&text).expect("the file is JSON")
    };
    let report = Harness::new(data.join("root")).run::<File>(&read("params.json"));
    let mut findings = report.findings;
    for finding in &mut findings {
        // What an archive says is stable.
        if finding.get("member").is_none() {
            UNSTABLE
                .iter()
                .for_each(|key| drop(finding.as_object_mut().and_then(|finding| finding.remove(*key))));
        }
    }
    findings.sort_by_key(Value::to_string);
    let mut coverage = serde_json::to_value(report.coverage).expect("JSON");
    if let Some(skipped) = coverage["skipped"].as_array_mut() {
        skipped.sort_by_key(Value::to_string);
    }
    let mut statistics = report.statistics;
    statistics["duration_ms"] = json!(0);
    let actual = json!({ "status": report.status, "findings": findings, "statistics": statistics, "coverage": coverage,
        "errors": report.errors });
    if std::env::var_os("BLESS").is_some() {
        let text = serde_json::to_string_pretty(&actual).expect("JSON");
        fs::write(data.join("report.json"), text + "\n").expect("the report is written");
    }
    assert_eq!(actual, read("report.json"));
}
