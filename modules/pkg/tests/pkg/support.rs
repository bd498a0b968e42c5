//! Trees to look at, and short ways to look at them.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use gumshoe_module_pkg::Pkg;
use gumshoe_plugin_api::{Limits, Report, Status, harness::Harness};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with these files.
pub fn tree<B: AsRef<[u8]>>(files: &[(&str, B)]) -> TempDir {
    let top = tempfile::tempdir().unwrap();
    for (path, content) in files {
        put(top.path(), path, content);
    }
    top
}

/// Writes a file below a folder, making the folders on the way.
pub fn put(top: &Path, path: &str, content: impl AsRef<[u8]>) {
    let full = top.join(path);
    fs::create_dir_all(full.parent().unwrap()).unwrap();
    fs::write(full, content).unwrap();
}

/// Runs the module on a tree; no limit on findings.
pub fn run(root: &Path, params: &Value) -> Report {
    let limits = Limits {
        findings: u64::MAX,
        report_bytes: u64::MAX,
        ..Limits::default()
    };
    let report = Harness::new(root).limits(limits).run::<Pkg>(params);
    assert_eq!(report.status, Status::Success, "{:?}", report.errors);
    report
}

/// The findings of a run in which nothing was missed.
pub fn found(root: &Path, params: &Value) -> Vec<Value> {
    let report = run(root, params);
    assert!(report.coverage.complete, "{:?}", report.coverage);
    report.findings
}

/// `name version` of each finding, sorted.
pub fn names(findings: &[Value]) -> Vec<String> {
    let mut names: Vec<String> = findings
        .iter()
        .map(|finding| format!("{} {}", text(finding, "name"), text(finding, "version")))
        .collect();
    names.sort();
    names
}

/// A text of a finding; empty where it is absent.
pub fn text<'a>(finding: &'a Value, key: &str) -> &'a str {
    finding.get(key).map_or("", |value| value.as_str().unwrap())
}

/// Runs a program that comes with a Debian package, and gives its output as text.
pub fn tool(package: &str, command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; install the Debian package `{package}`"));
    assert!(
        status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).unwrap()
}

/// The lines of a text, sorted.
pub fn sorted_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}
