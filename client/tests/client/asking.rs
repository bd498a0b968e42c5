//! From a module's flags to an action.

use crate::support::Desk;
use gumshoe_protocol::Action;
use serde_json::json;

#[test]
fn flags_become_the_parameters_that_the_module_declares() {
    let desk = Desk::new(&["file"], &[]);
    desk.ok(&[
        "file",
        "--path",
        "/etc",
        "--name",
        "^passwd$",
        "--matchany",
        "--target",
        "os == 'linux'",
        "--title",
        "passwords",
        "--reference",
        "T-1",
        "--expires",
        "2h",
        "--findings",
        "7",
        "--save",
        "a.json",
    ]);
    let action = Action::parse(desk.text("a.json").as_bytes()).unwrap();
    assert_eq!(
        (action.name.as_str(), action.target.as_str()),
        ("passwords", "os == 'linux'")
    );
    assert_eq!(action.references, ["T-1"]);
    assert_eq!(action.limits.findings, Some(7));
    assert_eq!((action.expires - action.not_before).num_minutes(), 125);
    let search = &action.operations[0].params["searches"]["s1"];
    assert_eq!(search["paths"], json!(["/etc"]));
    assert_eq!(search["names"], json!(["^passwd$"]));
    assert_eq!(search["options"]["matchall"], json!(false));
}

#[test]
fn one_action_asks_several_modules() {
    let desk = Desk::new(&["file", "pkg"], &[]);
    std::fs::write(desk.path("p.json"), r#"{"all": true}"#).unwrap();
    desk.ok(&[
        "action",
        "new",
        "--target",
        "true",
        "--save",
        "a.json",
        "--operation",
        "netstat=p.json",
        "--",
        "file",
        "--path",
        "/etc",
        "--",
        "pkg",
        "--name",
        "^ssl",
        "--timeout",
        "3s",
    ]);
    let action = Action::parse(desk.text("a.json").as_bytes()).unwrap();
    let modules: Vec<_> = action
        .operations
        .iter()
        .map(|operation| operation.module.as_str())
        .collect();
    assert_eq!(modules, ["file", "pkg", "netstat"]);
    assert_eq!(action.operations[1].limits.timeout_ms, Some(3000));
    assert_eq!(action.operations[2].params, json!({"all": true}));
    assert_eq!(action.name, "file, pkg, netstat");
}

#[test]
fn what_is_wrong_is_said_before_anything_is_signed() {
    let desk = Desk::new(&["file"], &[]);
    for (arguments, code, told) in [
        (
            &[
                "file", "--path", "/etc", "--name", "(", "--target", "true", "--save", "a",
            ][..],
            2,
            "names",
        ),
        (&["file", "--pth", "/etc", "--target", "true"], 2, "--path"),
        (
            &["file", "--path", "/etc", "--name", "x", "--save", "a"],
            2,
            "which hosts? Say it with --target",
        ),
        (
            &["file", "--path", "/etc", "--name", "x", "--target", "true"],
            2,
            "which server? Name it with --server",
        ),
        (&["flie", "--path", "/etc"], 3, "did you mean `file`?"),
        (&["acton", "list"], 3, "did you mean `action`?"),
        (
            &["action", "new", "--target", "true"],
            2,
            "an action asks something",
        ),
        (
            &["action", "list", "--server", "http://example.org"],
            2,
            "not encrypted",
        ),
        (
            &["file", "--path", "/etc", "--target", "os ==", "--save", "a"],
            2,
            "target",
        ),
    ] {
        let ended = desk.run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(told), "{arguments:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
    assert!(!desk.path("a").exists());
}

#[test]
fn without_the_agent_s_program_it_is_said_what_to_install() {
    let desk = Desk::new(&[], &[]);
    let mut command = desk.command(&["file", "--path", "/etc"]);
    let ended = gumshoe_tests::Ended::from(command.env("GUMSHOE_AGENT", "/nowhere").output().unwrap());
    assert_eq!(ended.code, 3);
    assert!(
        ended
            .stderr
            .contains("install gumshoe-agent and the modules here"),
        "{ended:?}"
    );
}

#[test]
fn help_has_the_module_s_flags_and_ours() {
    let desk = Desk::new(&["file"], &[]);
    let help = desk.ok(&["file", "--help"]).stdout;
    for part in [
        "Flags of the module file",
        "--mtime",
        "--target",
        "--canary",
        "gumshoe file --path",
    ] {
        assert!(help.contains(part), "{part} is missing in {help}");
    }
    let script = desk.ok(&["completions", "bash"]).stdout;
    assert!(script.contains("--mtime") && script.contains("approve"));
    std::fs::create_dir(desk.path("man")).unwrap();
    desk.ok(&["man", "man"]);
    assert!(desk.text("man/gumshoe-file.1").contains("mtime"));
    assert!(desk.text("man/gumshoe-action-sign.1").contains("envelope"));
    assert!(desk.ok(&["modules"]).stdout.starts_with("file "));
}

#[test]
fn the_same_command_line_asks_this_host_alone() {
    let desk = Desk::new(&["file"], &[]);
    std::fs::write(desk.host.path("root/found.txt"), "x").unwrap();
    let root = desk.host.path("root");
    let root = root.to_str().unwrap();
    let ended = desk.ok(&[
        "file", "--path", "/", "--name", "^found", "--local", "--root", root,
    ]);
    assert!(ended.stdout.contains("/found.txt"), "{ended:?}");
    let ended = desk.run(&[
        "file", "--path", "/", "--name", "^lost", "--local", "--root", root, "--json",
    ]);
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("\"found\": false"), "{ended:?}");
}

#[test]
fn values_that_look_like_flags_and_files_arrive_unharmed() {
    let desk = Desk::new(&["file", "scribe"], &[]);
    desk.ok(&[
        "file", "--path", "/", "--mode", "-rws", "--name", "--save", "--target", "true", "--save", "a.json",
    ]);
    let search = &desk.json("a.json")["operations"][0]["params"]["searches"]["s1"];
    assert_eq!(
        (&search["modes"], &search["names"]),
        (&json!(["-rws"]), &json!(["--save"]))
    );
    let document = r#"{"objects":[{"object":"o","raw":{"identifiers":[{"identifier":"i","value":"1"}]}}],"tests":[{"test":"t","object":"o"}]}"#;
    std::fs::write(desk.path("doc.json"), document).unwrap();
    desk.ok(&[
        "scribe",
        "--doc",
        "@doc.json",
        "--target",
        "true",
        "--save",
        "b.json",
    ]);
    assert_eq!(
        desk.json("b.json")["operations"][0]["params"]["scribedoc"],
        document
    );
}
