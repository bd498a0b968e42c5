//! A fixture, parameters and the whole expected report. `BLESS=1` writes the report anew; review the difference.

use gumshoe_module_netstat::Netstat;
use gumshoe_plugin_api::harness::Harness;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

#[test]
fn the_fixture_gives_the_expected_report() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let read = |name: &str| -> Value {
        let text = fs::read(data.join(name)).expect("the file is there");
        serde_json::from_slice(&text).expect("the file is JSON")
    };
    let report = Harness::new(data.join("root")).run::<Netstat>(&read("params.json"));
    let mut statistics = report.statistics;
    statistics["duration_ms"] = json!(0);
    let actual = json!({ "status": report.status, "findings": report.findings, "statistics": statistics,
        "coverage": report.coverage, "errors": report.errors });
    // Where the fixture lies is nobody's business.
    let root = data.join("root").display().to_string();
    let actual: Value = serde_json::from_str(&actual.to_string().replace(&root, "")).expect("JSON");
    if std::env::var_os("BLESS").is_some() {
        let text = serde_json::to_string_pretty(&actual).expect("JSON");
        fs::write(data.join("report.json"), text + "\n").expect("the report is written");
    }
    assert_eq!(actual, read("report.json"));
}
