//! The module on a fixture: what a user cares about.

use gumshoe_module_hosts::Hosts;
use gumshoe_plugin_api::Status;
use gumshoe_plugin_api::harness::{Harness, conforms, plan};
use gumshoe_plugin_api::serde_json::json;

fn fixture() -> Harness {
    Harness::new(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/root"))
}

#[test]
fn a_redirected_name_is_found() {
    let report = fixture()
        .run_arguments::<Hosts>(&["--name", "DEB.debian.org"])
        .unwrap();
    assert_eq!(report.status, Status::Success);
    assert_eq!(
        report.findings,
        [json!({"address": "192.0.2.7", "name": "deb.debian.org", "line": 3})]
    );
    assert!(report.coverage.complete);
}

#[test]
fn a_missing_file_is_not_a_clean_host() {
    let report = Harness::new("/nonexistent")
        .run_arguments::<Hosts>(&["--name", "x"])
        .unwrap();
    assert!(!report.found && !report.coverage.complete);
}

#[test]
fn bad_parameters_are_refused_with_their_place() {
    let problems = plan::<Hosts>(&json!({"addresses": ["192.0.2.7", "x"]}))
        .unwrap_err()
        .to_string();
    assert!(problems.contains("/addresses/1"), "{problems}");
    assert!(plan::<Hosts>(&json!({})).is_err());
    assert!(
        plan::<Hosts>(&json!({"name": ["x"]}))
            .unwrap_err()
            .to_string()
            .contains("did you mean")
    );
}

#[test]
fn the_declaration_is_in_order() {
    assert_eq!(conforms::<Hosts>(), Vec::<String>::new());
}
