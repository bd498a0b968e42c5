//! `gumshoe-agent run` as a person uses it.

use gumshoe_tests::Host;
use gumshoe_tests::signed::fed;

#[test]
fn exit_statuses_tell_the_cases_apart() {
    let host = Host::with("misbehave");
    for (arguments, expected) in [
        (&["--deed", "none", "--first", "1"][..], 0),
        (&["--deed", "none"], 1),
        (&["--deed", "murder"], 2),
        (&["--no-such-flag"], 2),
        (&["--deed", "fail"], 3),
        (&["--deed", "fail", "--first", "1"], 4),
        (&["--deed", "wait", "--timeout", "100ms", "--first", "1"], 4),
        (&["--deed", "wait", "--timeout", "100ms"], 5),
    ] {
        let ended = host.output(&[&["run", "misbehave"], arguments].concat());
        assert_eq!(ended.code, expected, "{arguments:?}: {ended:?}");
    }
}

#[test]
fn findings_are_lines_on_standard_output_and_the_rest_is_not() {
    let ended = Host::with("misbehave").output(&["run", "misbehave", "--deed", "none", "--first", "2"]);
    assert_eq!(ended.stdout, "finding 0 first\nfinding 1 first\n");
    assert!(ended.stderr.starts_with("misbehave: 2 findings in "), "{ended:?}");
    let quiet = Host::with("misbehave").output(&["run", "-q", "misbehave", "--deed", "none", "--first", "2"]);
    assert_eq!((quiet.stdout.lines().count(), quiet.stderr.as_str()), (2, ""));
}

#[test]
fn options_may_stand_before_and_after_the_module() {
    let host = Host::with("misbehave");
    for arguments in [
        &[
            "run",
            "--json",
            "--findings",
            "1",
            "misbehave",
            "--deed",
            "none",
            "--first",
            "2",
        ][..],
        &[
            "run",
            "misbehave",
            "--deed",
            "none",
            "--json",
            "--first",
            "2",
            "--findings=1",
        ],
    ] {
        let ended = host.output(arguments);
        let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{ended:?}");
        assert!(ended.stdout.contains("limit reached: findings = 1"), "{ended:?}");
    }
}

#[test]
fn parameters_come_from_a_file_or_from_standard_input() {
    let host = Host::with("misbehave");
    let file = host.path("params.json");
    std::fs::write(&file, r#"{"deed": "none", "first": 2.0}"#).unwrap();
    assert_eq!(
        host.output(&["run", "misbehave", "--params", file.to_str().unwrap()])
            .stdout
            .lines()
            .count(),
        2
    );
    let command = host.agent(&["run", "misbehave", "--params", "-"]);
    let ended = fed(command, r#"{"deed": "none", "frist": 2}"#);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("at `/frist`") && ended.stderr.contains("did you mean \"first\""),
        "{ended:?}"
    );
    let both = host.output(&[
        "run",
        "misbehave",
        "--params",
        file.to_str().unwrap(),
        "--deed",
        "none",
    ]);
    assert!(
        both.code == 3 && both.stderr.contains("exclude each other"),
        "{both:?}"
    );
}

#[test]
fn help_shows_the_modules_own_flags_and_examples() {
    let ended = Host::with("misbehave").output(&["run", "misbehave", "--help"]);
    assert_eq!(ended.code, 0);
    for part in [
        "--deed <DEED>",
        "How many findings to emit first",
        "[one of: none, fail",
        "# one finding",
        "--timeout <TIME>",
    ] {
        assert!(
            ended.stdout.contains(part),
            "{part} is missing in {}",
            ended.stdout
        );
    }
}

#[test]
fn hostile_text_cannot_steer_the_terminal() {
    let host = Host::with("file");
    std::fs::write(host.path("root/evil\u{1b}[2Jname"), "x").unwrap();
    let root = host.path("root");
    let ended = host.output(&[
        "run",
        "file",
        "--path",
        "/",
        "--name",
        "evil",
        "--root",
        root.to_str().unwrap(),
    ]);
    assert!(ended.stdout.contains(r"evil\u{1b}[2Jname"), "{ended:?}");
    assert!(!ended.stdout.contains('\u{1b}'), "{ended:?}");
}

#[test]
fn findings_of_a_report_are_printed_as_the_module_prints_them() {
    let host = Host::with("misbehave");
    let run = ["run", "misbehave", "--deed", "none", "--first", "2"];
    let printed = host.output(&run).stdout;
    let report: serde_json::Value =
        serde_json::from_str(&host.output(&[&run[..], &["--json"]].concat()).stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let lines: String = findings.map(|finding| format!("{finding}\n")).collect();
    let render =
        |more: &[&str], input: &str| fed(host.agent(&[&["render", "misbehave"], more].concat()), input);
    let rendered = render(&[], &lines);
    assert_eq!((rendered.code, rendered.stdout), (0, printed.clone()));
    assert!(!printed.is_empty());

    // What the module does not know is told, and the rest is printed.
    let mixed = format!("{{\"strange\": 1}}\n{lines}no JSON\n");
    let ended = render(&[], &mixed);
    assert_eq!((ended.code, ended.stdout), (2, printed));
    assert!(
        ended.stderr.contains("line 1: ") && ended.stderr.contains("line 4: "),
        "{}",
        ended.stderr
    );
    let for_programs = render(&["--json"], &mixed).stdout;
    let first: Vec<_> = for_programs.lines().map(|line| line.starts_with('"')).collect();
    assert_eq!(first, [false, true, true, false], "{for_programs}");
}
