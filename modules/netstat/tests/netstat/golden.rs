//! A fixture, parameters and the whole expected report. `BLESS=1` writes the report anew; review the difference.

use gumshoe_module_netstat::Netstat;
use gumshoe_plugin_api::harness::{Harness, expected, golden};
use serde_json::Value;
use std::fs;
use std::path::Path;

#[test]
fn the_fixture_gives_the_expected_report() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let params = serde_json::from_slice(&fs::read(data.join("params.json")).unwrap()).unwrap();
    let report = Harness::new(data.join("root")).run::<Netstat>(&params);
    // Where the fixture lies is nobody's business.
    let root = data.join("root").display().to_string();
    let actual = golden(&report).to_string().replace(&root, "");
    let actual: Value = serde_json::from_str(&actual).unwrap();
    assert_eq!(actual, expected(&data.join("report.json"), &actual).unwrap());
}
