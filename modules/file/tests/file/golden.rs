//! A fixture, parameters and the whole expected report. `BLESS=1` writes the report anew; review the difference.

use std::{fs, path::Path};

use gumshoe_module_file::File;
use gumshoe_plugin_api::harness::{Harness, expected, golden};
use serde_json::Value;

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
    let params = serde_json::from_slice(&fs::read(data.join("params.json")).unwrap()).unwrap();
    let mut report = Harness::new(data.join("root")).run::<File>(&params);
    for finding in &mut report.findings {
        // What an archive says is stable.
        if finding.get("member").is_none() {
            UNSTABLE
                .iter()
                .for_each(|key| drop(finding.as_object_mut().and_then(|finding| finding.remove(*key))));
        }
    }
    report.findings.sort_by_key(Value::to_string);
    let mut actual = golden(&report);
    if let Some(skipped) = actual["coverage"]["skipped"].as_array_mut() {
        skipped.sort_by_key(Value::to_string);
    }
    assert_eq!(actual, expected(&data.join("report.json"), &actual).unwrap());
}
