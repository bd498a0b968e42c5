//! Operations of accepted actions: all five modules, limits, several at a time, being stopped.

use gumshoe_tests::signed::{People, action, actions, every_module, kinds, messages};
use gumshoe_tests::{Host, MODULES, Running, wait_until};
use rustix::process::Signal;
use serde_json::{Value, json};

#[test]
fn all_five_modules_answer_one_action() {
    let people = People::new(&["sam"]);
    let host = Host::with_all(&MODULES);
    people.write_policy(&host, "");
    std::fs::write(host.path("root/note.txt"), "a needle\n").unwrap();
    let question = every_module(&host.path("root"));
    let (ended, messages) = host.apply(&people.action(&question, &["sam"]), &[]);
    assert_eq!(messages.len(), 7, "{ended:?}");
    let of = |index: usize| messages.iter().find(|m| m["body"]["index"] == index).unwrap();
    for (index, operation) in question["operations"].as_array().unwrap().iter().enumerate() {
        let report = &of(index)["body"]["report"];
        assert_eq!(
            (&report["module"], &report["status"]),
            (&operation["module"], &json!("success")),
            "{report}"
        );
    }
    assert_eq!(of(0)["body"]["report"]["found"], true);
    assert!(matches!(ended.code, 0 | 4), "{ended:?}");
}

#[test]
fn the_report_says_which_limit_was_reached_and_who_set_it() {
    let people = People::new(&["olga"]);
    let host = Host::with("misbehave");
    host.configure("misbehave", "enabled = true\nfindings = 5\n");
    people.write_policy(&host, "[limits]\ntimeout = '300ms'\n");
    let mut question = actions(&[
        ("misbehave", json!({ "deed": "none", "first": 9 })),
        ("misbehave", json!({ "deed": "wait" })),
        ("misbehave", json!({ "deed": "none", "first": 9 })),
    ]);
    question["operations"][0]["limits"] = json!({ "findings": 2 });
    let (ended, messages) = host.apply(&people.action(&question, &["olga"]), &[]);
    for expected in [
        "limit reached: findings = 2 (set by the action)",
        "limit reached: timeout_ms = 300 (set by the policy)",
        "limit reached: findings = 5 (set by the host)",
    ] {
        assert!(
            ended.stdout.contains(expected),
            "{expected} is missing in {ended:?}"
        );
    }
    assert_eq!(kinds(&messages).last(), Some(&"finished"));
    let log = host.trusting(&["log", "show"]).stdout;
    assert!(log.contains("timeout_ms = 300 (set by the policy)"), "{log}");
}

#[test]
fn a_slow_operation_does_not_hold_up_the_others() {
    let people = People::new(&["olga"]);
    let host = Host::with("misbehave");
    people.write_policy(&host, "[limits]\ntimeout = '2s'\n");
    let quick = || ("misbehave", json!({ "deed": "none", "first": 1 }));
    let question = actions(&[
        ("misbehave", json!({ "deed": "wait" })),
        quick(),
        quick(),
        quick(),
        quick(),
        quick(),
        quick(),
    ]);
    let (_, messages) = host.apply(&people.action(&question, &["olga"]), &[]);
    let order: Vec<u64> = messages
        .iter()
        .filter_map(|m| m["body"]["index"].as_u64())
        .collect();
    assert_eq!((order.len(), order.last()), (7, Some(&0)), "{order:?}");
}

#[test]
fn a_signal_stops_an_action_and_what_was_found_is_reported() {
    let people = People::new(&["olga"]);
    let host = Host::with("misbehave");
    std::fs::write(
        host.path("config/agent.toml"),
        format!(
            "modules_dir = {:?}\n[actions]\nparallel = 2\n",
            host.path("modules")
        ),
    )
    .unwrap();
    people.write_policy(&host, "");
    let wait = || ("misbehave", json!({ "deed": "wait", "first": 2 }));
    let envelope = host.path("envelope.json");
    std::fs::write(
        &envelope,
        people.action(&actions(&[wait(), wait(), wait()]), &["olga"]),
    )
    .unwrap();
    let arguments = ["apply", "--json", envelope.to_str().unwrap()];
    let mut agent = Running::start(host.trusting_agent(&arguments));
    let started: Value = serde_json::from_str(&agent.line()).unwrap();
    assert_eq!(started["body"]["kind"], "started");
    let id = agent.child.id();
    wait_until("two runners are there", || runners(id) == 2);
    agent.signal(Signal::TERM);
    let (status, rest) = agent.wait();
    let messages = messages(&rest);
    let told =
        |index: u64| messages.iter().find(|m| m["body"]["index"] == index).unwrap()["body"]["report"].clone();
    assert_eq!(
        (
            told(2)["status"].as_str(),
            told(2)["findings"].as_array().unwrap().len()
        ),
        (Some("cancelled"), 0)
    );
    assert!(
        [0, 1].iter().all(|index| told(*index)["status"] == "cancelled"),
        "{rest}"
    );
    assert!(matches!(status.code(), Some(4 | 5)), "{status}");
    let (ended, _) = host.apply(&std::fs::read_to_string(&envelope).unwrap(), &[]);
    assert_eq!(ended.code, 8, "{ended:?}");
}

#[test]
fn findings_are_lines_and_everything_else_is_not() {
    let people = People::new(&["olga"]);
    let host = Host::with("misbehave");
    people.write_policy(&host, "");
    let envelope = host.path("envelope.json");
    let question = action("misbehave", json!({ "deed": "none", "first": 2 }));
    std::fs::write(&envelope, people.action(&question, &["olga"])).unwrap();
    let ended = host.trusting(&["apply", envelope.to_str().unwrap()]);
    assert_eq!(
        ended.stdout, "0 misbehave: finding 0 first\n0 misbehave: finding 1 first\n",
        "{ended:?}"
    );
    for expected in [
        "a question",
        "signed by olga",
        "accepted: 1 operation",
        "2 findings in",
    ] {
        assert!(ended.stderr.contains(expected), "{ended:?}");
    }
}

/// How many children a process has.
fn runners(parent: u32) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{parent}/task")).unwrap();
    let children =
        |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
    tasks
        .flatten()
        .map(|task| children(task).split_whitespace().count())
        .sum()
}

#[test]
fn somebody_who_is_not_root_applies_actions_with_folders_of_their_own() {
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    let people = People::new(&["olga"]);
    let host = Host::with("misbehave");
    people.write_policy(&host, "");
    let program = host.path("gumshoe-agent");
    std::fs::copy(gumshoe_tests::target().join("gumshoe-agent"), &program).unwrap();
    std::fs::set_permissions(host.path(""), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::create_dir(host.state()).unwrap();
    let envelope = host.path("envelope.json");
    std::fs::write(
        &envelope,
        people.action(
            &action("misbehave", json!({ "deed": "none", "first": 1 })),
            &["olga"],
        ),
    )
    .unwrap();
    let apply = || {
        let mut command = std::process::Command::new(&program);
        command
            .env("GUMSHOE_CONFIG_DIR", host.path("config"))
            .env("GUMSHOE_STATE_DIR", host.state());
        gumshoe_tests::Ended::from(
            command
                .arg("apply")
                .arg(&envelope)
                .uid(NOBODY)
                .gid(NOBODY)
                .output()
                .unwrap(),
        )
    };
    std::fs::set_permissions(host.state(), PermissionsExt::from_mode(0o700)).unwrap();
    let theirs = apply();
    assert!(
        theirs.code == 3 && theirs.stderr.contains("belongs to user 0"),
        "{theirs:?}"
    );
    chown(host.state(), Some(NOBODY), Some(NOBODY)).unwrap();
    let own = apply();
    assert!(
        own.stdout.contains("finding 0 first") && matches!(own.code, 0 | 4),
        "{own:?}"
    );
}
