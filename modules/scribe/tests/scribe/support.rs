//! Hosts made of files, and short ways to ask about them.

use gumshoe_module_scribe::Scribe;
use gumshoe_plugin_api::{Report, Status, harness::Harness};
use serde_json::{Value, json};
use std::{fs, path::Path};
use tempfile::TempDir;

/// A folder with these files.
pub fn host(files: &[(&str, &str)]) -> TempDir {
    let top = tempfile::tempdir().unwrap();
    for (path, content) in files {
        put(top.path(), path, content);
    }
    top
}

/// Writes a file below a folder, making the folders on the way.
pub fn put(top: &Path, path: &str, content: impl AsRef<[u8]>) {
    let full = top.join(path.trim_start_matches('/'));
    fs::create_dir_all(full.parent().unwrap()).unwrap();
    fs::write(full, content).unwrap();
}

/// Evaluates a document.
pub fn run(root: &Path, document: &Value) -> Report {
    let report = Harness::new(root).run::<Scribe>(&json!({ "scribedoc": document }));
    assert_eq!(report.status, Status::Success, "{:?}", report.errors);
    report
}

/// A document of one object and one test of it.
pub fn one(source: &str, object: &Value, test: &Value) -> Value {
    let mut test = test.clone();
    test["test"] = "t".into();
    test["object"] = "o".into();
    json!({ "objects": [{ "object": "o", source: object }], "tests": [test] })
}

/// The identifiers for which a test of one object is true.
pub fn true_for(root: &Path, source: &str, object: &Value, test: &Value) -> Vec<String> {
    let report = run(root, &one(source, object, test));
    let finding = &report.findings[0];
    assert_eq!(finding.get("error"), None, "{finding}");
    let results = finding["results"].as_array().unwrap();
    let found = results.iter().filter(|sub| sub["result"] == true);
    found
        .map(|sub| sub["identifier"].as_str().unwrap().to_owned())
        .collect()
}
