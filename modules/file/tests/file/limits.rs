//! Limits: each is named in the report once it is reached.

use gumshoe_module_file::File;
use gumshoe_plugin_api::{Limits, Status, harness::Harness};
use serde_json::json;

use crate::support::{found, gaps, run, search, tree};

#[test]
fn a_search_has_a_limit_of_findings() {
    let files: Vec<(String, &str)> = (0..50).map(|number| (format!("file{number}"), "")).collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, content)| (name.as_str(), *content))
        .collect();
    let top = tree(&files);
    let report = search(top.path(), json!({ "options": { "matchlimit": 7 } }));
    assert_eq!(report.findings.len(), 7);
    assert_eq!(
        gaps(&report),
        ["rest of a search: limit reached: matchlimit = 7 = 1"]
    );
    assert!(!report.coverage.complete);
    let report = search(top.path(), json!({ "options": { "matchlimit": 50 } }));
    assert_eq!((report.findings.len(), report.coverage.complete), (50, true));
    // Each search has its own.
    let report = run(json!({
        "few": { "paths": [top.path()], "options": { "matchlimit": 3 } },
        "all": { "paths": [top.path()] },
    }));
    assert_eq!(report.findings.len(), 53);
}

#[test]
fn depth_has_a_limit() {
    let top = tree(&[("1/2/3/4/file", ""), ("1/2/3/file", "")]);
    assert_eq!(
        found(top.path(), json!({ "options": { "maxdepth": 3 } })),
        ["1/2/3/file"]
    );
    let report = search(top.path(), json!({ "options": { "maxdepth": 3 } }));
    assert_eq!(gaps(&report), ["folder: limit reached: maxdepth = 3 = 1"]);
}

#[test]
fn the_operation_has_limits_and_can_be_cancelled() {
    let files: Vec<(String, &str)> = (0..500)
        .map(|number| (format!("{}/file{number}", number % 10), ""))
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, content)| (name.as_str(), *content))
        .collect();
    let top = tree(&files);
    let params = json!({ "searches": { "s": { "paths": [top.path()] } } });
    let limits = Limits {
        findings: 10,
        ..Limits::default()
    };
    assert_eq!(
        Harness::new("/")
            .limits(limits)
            .run::<File>(&params)
            .findings
            .len(),
        10
    );
    let report = Harness::new("/").cancel_after(20).run::<File>(&params);
    assert_eq!((report.findings.len(), report.status), (20, Status::Cancelled));
}
