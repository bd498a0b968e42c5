//! `modules …`, `check-config`, completions and man pages.

use gumshoe_tests::{Host, plugin};
use serde_json::Value;

#[test]
fn list_shows_every_module_with_its_state() {
    let host = Host::with("misbehave");
    host.install("file");
    host.configure("ghost", "enabled = true\n");
    let ended = host.output(&["modules", "list"]);
    let line = |name: &str| {
        ended
            .stdout
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned()
    };
    assert!(line("misbehave").contains("enabled"), "{ended:?}");
    assert!(line("file").contains("disabled"), "{ended:?}");
    assert!(
        line("ghost").contains("refused") && line("ghost").contains("[plugin-unreadable]"),
        "{ended:?}"
    );
    let rows: Vec<Value> = serde_json::from_str(&host.output(&["modules", "list", "--json"]).stdout).unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[2]["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn enabling_pinning_and_disabling_take_effect_at_once() {
    let host = Host::new();
    host.install("misbehave");
    let run = || host.report(&["misbehave", "--deed", "none"]).0;
    assert_eq!(run(), 3);
    assert_eq!(host.output(&["modules", "enable", "misbehave"]).code, 0);
    assert_eq!(run(), 1);
    assert_eq!(host.output(&["modules", "pin", "misbehave"]).code, 0);
    let text = std::fs::read_to_string(host.path("config/modules.d/misbehave.toml")).unwrap();
    assert!(text.contains("sha256 = "), "{text}");
    assert_eq!(run(), 1);
    assert_eq!(host.output(&["modules", "pin", "misbehave", "--clear"]).code, 0);
    assert_eq!(host.output(&["modules", "disable", "misbehave"]).code, 0);
    assert_eq!(run(), 3);
    let absent = host.output(&["modules", "enable", "ghost"]);
    assert!(
        absent.code == 3 && absent.stderr.contains("[plugin-unreadable]"),
        "{absent:?}"
    );
    let bad = host.output(&["modules", "disable", "../x"]);
    assert!(bad.code == 3 && bad.stderr.contains("no module name"), "{bad:?}");
}

#[test]
fn settings_and_limits_of_the_file_hold() {
    let host = Host::with("misbehave");
    host.configure("misbehave", "enabled = true\nfindings = 4\ntimeout = '1m'\n");
    let (code, report) = host.report(&["misbehave", "--deed", "none", "--first", "9"]);
    assert_eq!(
        (code, report["findings"].as_array().unwrap().len()),
        (4, 4),
        "{report}"
    );
}

#[test]
fn describe_shows_manifest_flags_and_schema() {
    let host = Host::with("misbehave");
    let text = host.output(&["modules", "describe", "misbehave"]).stdout;
    assert!(
        text.contains("(plugin ABI 1.0)") && text.contains("--deed <DEED>"),
        "{text}"
    );
    let schema: Value = serde_json::from_str(
        &host
            .output(&["modules", "describe", "misbehave", "--schema"])
            .stdout,
    )
    .unwrap();
    assert_eq!(schema["properties"]["first"]["type"], "integer");
    let all: Value = serde_json::from_str(
        &host
            .output(&["modules", "describe", "misbehave", "--json"])
            .stdout,
    )
    .unwrap();
    assert_eq!(all["manifest"]["name"], "misbehave");
}

#[test]
fn check_passes_the_modules_of_this_build_and_fails_a_text_file() {
    let host = Host::new();
    for module in ["misbehave", "file"] {
        let ended = host.output(&["modules", "check", plugin(module).to_str().unwrap()]);
        assert_eq!(ended.code, 0, "{module}: {}", ended.stdout);
        assert!(!ended.stdout.contains("wrong"), "{}", ended.stdout);
    }
    let text = host.path("text.so");
    std::fs::write(&text, "hello").unwrap();
    let ended = host.output(&["modules", "check", text.to_str().unwrap()]);
    assert!(
        ended.code == 3 && ended.stdout.contains("[plugin-format]"),
        "{ended:?}"
    );
}

#[test]
fn check_config_names_every_problem() {
    let host = Host::with("misbehave");
    assert_eq!(host.output(&["check-config"]).code, 0);
    host.configure("one", "enabled = true\ntimeuot = '5m'\n");
    host.configure("two", "enabled = true\nsha256 = 'x'\n");
    let ended = host.output(&["check-config"]);
    assert_eq!(ended.code, 3);
    for part in ["good   misbehave", "timeuot", "64 hexadecimal digits"] {
        assert!(
            ended.stdout.contains(part),
            "{part} is missing in {}",
            ended.stdout
        );
    }
    std::fs::write(host.path("config/agent.toml"), "modules_dir = 5\n").unwrap();
    assert!(host.output(&["check-config"]).stdout.contains("wrong"));
}

#[test]
fn completions_and_man_pages_know_the_modules_flags() {
    let host = Host::with("misbehave");
    for shell in ["bash", "zsh", "fish"] {
        let ended = host.output(&["completions", shell]);
        assert!(ended.code == 0 && ended.stdout.contains("deed"), "{shell}");
    }
    let folder = host.path("man");
    std::fs::create_dir(&folder).unwrap();
    assert_eq!(host.output(&["man", folder.to_str().unwrap()]).code, 0);
    let page = std::fs::read_to_string(folder.join("gumshoe-agent-run-misbehave.1")).unwrap();
    assert!(
        page.contains("deed") && page.contains("How many findings to emit first"),
        "{page}"
    );
    assert!(folder.join("gumshoe-agent-modules-pin.1").exists());
}
