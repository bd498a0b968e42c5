//! Trees to search, and short ways to search them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use gumshoe_module_file::File;
use gumshoe_plugin_api::{Report, Status, harness::Harness};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with these files. A path that ends in `/` is a folder.
pub fn tree<B: AsRef<[u8]>>(files: &[(&str, B)]) -> TempDir {
    let top = tempfile::tempdir().expect("a temporary folder");
    for (path, content) in files {
        let full = top.path().join(path);
        fs::create_dir_all(full.parent().expect("a parent")).expect("folders are made");
        match path.strip_suffix('/') {
            Some(_) => fs::create_dir_all(full).expect("folder is made"),
            None => fs::write(full, content).expect("file is made"),
        }
    }
    top
}

/// Runs searches on the files of this host.
pub fn run(searches: Value) -> Report {
    let report = Harness::new("/").run::<File>(&json!({ "searches": searches }));
    assert_ne!(report.status, Status::Refused, "{:?}", report.errors);
    report
}

/// One search below a folder, with these filters; what it found, relative and sorted, members behind `!`.
pub fn found(top: &Path, filters: Value) -> Vec<String> {
    paths(&search(top, filters), top)
}

/// One search below a folder, with these filters; all must match unless the options say otherwise.
pub fn search(top: &Path, mut filters: Value) -> Report {
    if filters.get("paths").is_none() {
        filters["paths"] = json!([top]);
    }
    if filters["options"].get("matchall").is_none() {
        filters["options"]["matchall"] = json!(true);
    }
    run(json!({ "s": filters }))
}

/// The paths of the findings, relative to a folder and sorted, members behind `!`.
pub fn paths(report: &Report, top: &Path) -> Vec<String> {
    let shown = |finding: &Value| {
        let path = PathBuf::from(finding["path"].as_str().expect("a path"));
        let path = path
            .strip_prefix(top)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        match finding["member"].as_str() {
            Some(member) => format!("{path}!{member}"),
            None => path,
        }
    };
    let mut paths: Vec<String> = report.findings.iter().map(shown).collect();
    paths.sort();
    paths
}

/// `what: why = count` of each coverage entry, sorted.
pub fn gaps(report: &Report) -> Vec<String> {
    let skipped = report.coverage.skipped.iter();
    let mut gaps: Vec<String> = skipped
        .map(|one| format!("{}: {} = {}", one.what, one.why, one.count))
        .collect();
    gaps.sort();
    gaps
}

/// The filters and values that a finding says matched.
pub fn matched(finding: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let matched = finding["matched"].as_array().expect("a list");
    matched
        .iter()
        .map(|one| (text(&one["filter"]), text(&one["value"])))
        .collect()
}
