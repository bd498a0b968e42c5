//! The plugin boundary holds over time: yesterday's plugins load in today's agent and in tomorrow's.

use gumshoe_tests::{Host, build_alone, plugin};
use std::path::PathBuf;
use std::process::Command;

/// A plugin built against a frozen copy of ABI 1.0.
fn frozen() -> PathBuf {
    build_alone("tests/plugins/frozen").join("libgumshoe_module_frozen.so")
}

#[test]
fn a_plugin_of_the_first_release_runs_in_todays_agent() {
    let host = Host::new();
    let file = frozen();
    let (code, report) = host.report(&[file.to_str().unwrap()]);
    assert_eq!(
        (code, report["status"].as_str()),
        (4, Some("success")),
        "{report}"
    );
    assert_eq!(
        report["findings"],
        serde_json::json!([{"number": 1, "saw_root": true}])
    );
    assert_eq!(report["coverage"]["skipped"][0]["count"], 2);
    assert_eq!(report["statistics"]["stopped"], 0);
    let text = host.output(&["run", file.to_str().unwrap()]).stdout;
    assert_eq!(text, "a finding of the frozen plugin\n");
}

#[test]
fn todays_plugins_load_through_tomorrows_abi_and_lack_only_what_is_new() {
    let loader = build_alone("tests/plugins/tomorrow").join("load-with-tomorrows-abi");
    for file in [frozen(), plugin("misbehave"), plugin("file")] {
        let output = Command::new(&loader).arg(&file).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{}: {}",
            file.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(text.starts_with("describe={\"about\":"), "{text}");
        for field in ["start=None", "query=None", "stop=None", "alerts=None"] {
            assert!(text.contains(field), "{}: {text}", file.display());
        }
    }
}
