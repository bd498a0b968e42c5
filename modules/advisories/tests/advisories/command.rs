//! The command.

use std::process::Command;

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_gumshoe-advisories"))
}

#[test]
fn several_files_become_one_document() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("document.json");
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata");
    let run = command()
        .args([
            "osv",
            &format!("{data}/osv-debian.json"),
            &format!("{data}/osv-pypi.json"),
            "--output",
        ])
        .arg(&output)
        .output()
        .unwrap();
    let told = String::from_utf8(run.stderr).unwrap();
    assert!(
        run.status.success() && told.contains("left out 1: ecosystem Go"),
        "{told}"
    );
    let plan = gumshoe_document::Plan::parse(&std::fs::read(&output).unwrap()).unwrap();
    assert_eq!(plan.tests(), 2 + 5);
}

#[test]
fn a_file_that_is_something_else_is_named() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let run = command().args(["csaf", path]).output().unwrap();
    let told = String::from_utf8(run.stderr).unwrap();
    assert!(
        !run.status.success() && told.contains("Cargo.toml: not a CSAF document"),
        "{told}"
    );
}
