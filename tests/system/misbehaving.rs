//! A plugin that misbehaves costs one report, and the report says what happened.

use gumshoe_tests::Host;
use serde_json::Value;

/// Runs a misdeed after three findings; returns exit status and report.
fn after_three(deed: &str, more: &[&str]) -> (i32, Value) {
    Host::with("misbehave").report(&[&["misbehave", "--deed", deed, "--first", "3"], more].concat())
}

fn errors(report: &Value) -> String {
    report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn whatever_it_does_the_findings_until_then_are_kept() {
    for (deed, status, expected) in [
        ("fail", "failed", "as you wish"),
        ("panic", "failed", "the module panicked: a panic on request"),
        ("abort", "failed", "killed by SIGABRT"),
        ("segfault", "failed", "killed by SIGSEGV"),
        ("exit", "failed", "ended by itself with exit status 0"),
        ("rubbish", "failed", "not understood"),
    ] {
        let (code, report) = after_three(deed, &[]);
        assert_eq!(report["status"], status, "{deed}: {report}");
        assert!(errors(&report).contains(expected), "{deed}: {report}");
        assert_eq!(report["findings"].as_array().unwrap().len(), 3, "{deed}");
        assert_eq!(
            (code, &report["coverage"]["complete"]),
            (4, &Value::Bool(false)),
            "{deed}"
        );
    }
}

#[test]
fn a_panic_in_a_thread_of_the_modules_own_is_its_own_affair() {
    let (code, report) = after_three("panic-thread", &[]);
    assert_eq!(
        (code, report["status"].as_str()),
        (0, Some("success")),
        "{report}"
    );
}

#[test]
fn a_module_that_hangs_or_floods_is_ended_by_the_time_limit() {
    for deed in ["hang", "flood-output", "hang-up", "flood-findings"] {
        let (_, report) = after_three(deed, &["--timeout", "300ms", "--findings", "50"]);
        let status = report["status"].as_str().unwrap();
        let expected = if deed == "hang-up" { "failed" } else { "timeout" };
        assert_eq!(status, expected, "{deed}: {report}");
        let found = report["findings"].as_array().unwrap().len();
        assert_eq!(found, if deed == "flood-findings" { 50 } else { 3 }, "{deed}");
        assert_eq!(report["coverage"]["complete"], false, "{deed}");
    }
}

#[test]
fn a_flood_of_errors_is_counted_and_not_kept() {
    let (_, report) = after_three("flood-events", &["--timeout", "500ms"]);
    assert_eq!(report["status"], "timeout", "{}", report["status"]);
    let errors = report["errors"].as_array().unwrap();
    assert!(
        errors.len() <= 1001 && errors.last().unwrap().as_str().unwrap().contains("more errors"),
        "{}",
        errors.len()
    );
    assert!(report["coverage"]["skipped"].as_array().unwrap().len() <= 1002);
}

#[test]
fn a_finding_larger_than_the_report_is_a_limit_with_its_number() {
    let (code, report) = after_three("huge-finding", &[]);
    assert_eq!(
        (code, report["findings"].as_array().unwrap().len()),
        (4, 3),
        "{}",
        report["errors"]
    );
    let skipped = report["coverage"]["skipped"].to_string();
    assert!(
        skipped.contains("limit reached: report_bytes = 8388608"),
        "{skipped}"
    );
}

#[test]
fn memory_is_limited() {
    let (_, report) = after_three("allocate", &["--memory", "128m"]);
    assert_eq!(report["status"], "failed", "{report}");
    assert!(
        errors(&report).contains("its memory limit is 134217728 bytes"),
        "{report}"
    );
    assert_eq!(report["findings"].as_array().unwrap().len(), 3);
}
