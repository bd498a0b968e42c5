//! A fixture, parameters and the whole expected report. `BLESS=1` writes the report anew; review the difference.
//!
//! `docs/modules/pkg.md` says which parts of the fixture were made by the package managers themselves.

use std::path::Path;

use gumshoe_module_pkg::{Pkg, finding::Finding};
use gumshoe_plugin_api::{
    Report,
    harness::{Harness, expected, golden},
};
use serde_json::json;

/// Kinds whose time is that of a file, which a checkout does not keep.
const TIME_OF_FILE: [&str; 4] = ["dpkg", "flatpak", "gem", "snap"];

fn report() -> Report {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    Harness::new(data.join("root")).run::<Pkg>(&json!({}))
}

#[test]
fn the_fixture_gives_the_expected_report() {
    let mut report = report();
    for finding in &mut report.findings {
        if TIME_OF_FILE.iter().any(|kind| finding["type"] == *kind)
            && let Some(finding) = finding.as_object_mut()
        {
            finding.remove("install_time");
        }
    }
    let actual = golden(&report);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/report.json");
    assert_eq!(actual, expected(&file, &actual).unwrap());
}

#[test]
fn every_kind_is_in_the_fixture_but_rpm_which_has_tests_of_its_own() {
    let found = report().findings;
    for kind in gumshoe_packages::Kind::ALL {
        let is_found = found.iter().any(|finding| finding["type"] == kind.name());
        assert_eq!(is_found, kind.name() != "rpm", "{}", kind.name());
    }
}

#[test]
fn types_narrow_the_search() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/root");
    for kind in gumshoe_packages::Kind::ALL {
        let report = Harness::new(&data).run::<Pkg>(&json!({ "types": [kind.name()] }));
        assert!(
            report
                .findings
                .iter()
                .all(|finding| finding["type"] == kind.name())
        );
    }
}

#[test]
fn every_finding_is_rendered_on_a_line_of_its_own() {
    for finding in report().findings {
        let line = serde_json::from_value::<Finding>(finding.clone())
            .unwrap()
            .to_string();
        assert!(
            !line.contains('\n') && line.contains(finding["name"].as_str().unwrap()),
            "{line}"
        );
    }
}
