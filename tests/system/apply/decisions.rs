//! What is obeyed and what is not, through the real program and real signatures of GnuPG.

use chrono::{TimeDelta, Utc};
use gumshoe_tests::Host;
use gumshoe_tests::signed::{People, action, actions, kinds};
use serde_json::{Value, json};

/// Parameters that have the test plugin find one thing.
fn one() -> Value {
    json!({ "deed": "none", "first": 1 })
}

#[test]
fn every_refusal_has_its_code_and_runs_nothing() {
    let people = People::new(&["olga", "sam", "sina", "mallory"]);
    let host = Host::with("misbehave");
    let more = "[[permissions]]\ngroup = \"sec\"\nmodules = [\"memory\"]\nthreshold = 2\n[window]\nlongest = \"1d\"\n";
    people.write_policy(&host, more);
    let with = |key: &str, value: Value| {
        let mut changed = action("misbehave", one());
        changed[key] = value;
        changed
    };
    let signed = |action: &Value| people.action(action, &["olga"]);
    let good = action("misbehave", one());
    let ago = |minutes: i64| json!(Utc::now() - TimeDelta::minutes(minutes));
    let mut expired = with("expires", ago(30));
    expired["not_before"] = ago(60);
    let altered = {
        let other = signed(&action("misbehave", one()));
        let mut envelope: Value = serde_json::from_str(&signed(&good)).unwrap();
        envelope["payload"] = serde_json::from_str::<Value>(&other).unwrap()["payload"].clone();
        envelope.to_string()
    };
    for (envelope, code, exit) in [
        ("rubbish".to_owned(), "envelope-form", 6),
        (" ".repeat((16 << 20) + 1), "envelope-size", 6),
        (people.sign("text/plain", b"{}", &["olga"]), "payload-type", 6),
        (people.action(&good, &["mallory"]), "unknown-signer", 6),
        (people.action(&good, &["olga", "mallory"]), "unknown-signer", 6),
        (people.action(&good, &["olga", "olga"]), "duplicate-signer", 6),
        (altered, "invalid-signature", 6),
        (signed(&with("protocol", json!(2))), "protocol-version", 6),
        (signed(&with("surprise", json!(1))), "action-form", 6),
        (signed(&expired), "expired", 6),
        (
            signed(&with("not_before", json!(Utc::now() + TimeDelta::minutes(30)))),
            "not-yet-valid",
            6,
        ),
        (
            signed(&with("expires", json!(Utc::now() + TimeDelta::days(2)))),
            "window-too-long",
            6,
        ),
        (signed(&action("scribe", json!({}))), "not-permitted", 6),
        (
            people.action(&action("memory", json!({})), &["sam"]),
            "threshold",
            6,
        ),
        (signed(&with("target", json!("os == 'plan9'"))), "", 7),
        (signed(&with("target", json!("no_such_fact == 1"))), "target", 7),
    ] {
        let (ended, messages) = host.apply(&envelope, &[]);
        let body = &messages[0]["body"];
        assert_eq!(body["code"].as_str().unwrap_or_default(), code, "{ended:?}");
        assert_eq!((ended.code, messages.len()), (exit, 1), "{code}: {ended:?}");
    }
    let log = host.trusting(&["log", "show", "--json"]);
    assert!(!log.stdout.contains("\"event\":\"operation\""), "{log:?}");
    assert_eq!(log.stdout.matches("\"event\":\"decision\"").count(), 16);
}

#[test]
fn an_action_runs_once_and_its_identifier_is_spent() {
    let people = People::new(&["olga"]);
    let host = Host::with("misbehave");
    people.write_policy(&host, "");
    let mut question = action("misbehave", one());
    let (ended, messages) = host.apply(&people.action(&question, &["olga"]), &[]);
    assert_eq!(
        kinds(&messages),
        ["started", "operation", "finished"],
        "{ended:?}"
    );
    assert_eq!(
        (ended.code, &messages[0]["body"]["signers"]),
        (0, &json!(["olga"]))
    );
    let sequence: Vec<u64> = messages.iter().map(|m| m["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequence, [1, 2, 3]);
    // The same again, and under a new signature.
    for _ in 0..2 {
        let (ended, messages) = host.apply(&people.action(&question, &["olga"]), &[]);
        assert_eq!(
            (ended.code, &messages[0]["body"]["code"]),
            (8, &json!("repeated")),
            "{ended:?}"
        );
    }
    question["name"] = json!("another question");
    let (ended, messages) = host.apply(&people.action(&question, &["olga"]), &[]);
    assert_eq!(
        (ended.code, &messages[0]["body"]["code"]),
        (6, &json!("id-reused")),
        "{ended:?}"
    );
}

#[test]
fn what_was_cancelled_before_it_arrived_does_not_run() {
    let people = People::new(&["olga", "mallory"]);
    let host = Host::with("misbehave");
    people.write_policy(&host, "");
    let question = action("misbehave", one());
    let (ended, _) = host.apply(&people.cancel(&question, &["mallory"]), &[]);
    assert_eq!(ended.code, 6, "strangers cancel nothing: {ended:?}");
    let (ended, _) = host.apply(&people.cancel(&question, &["olga"]), &[]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let (ended, messages) = host.apply(&people.action(&question, &["olga"]), &[]);
    assert_eq!(
        (ended.code, &messages[0]["body"]["code"]),
        (6, &json!("cancelled")),
        "{ended:?}"
    );
}

#[test]
fn a_policy_that_others_could_write_to_is_no_policy() {
    use std::os::unix::fs::PermissionsExt;
    let people = People::new(&["olga"]);
    let host = Host::with("misbehave");
    people.write_policy(&host, "");
    let envelope = people.action(&action("misbehave", one()), &["olga"]);
    for file in ["config/policy.toml", "config/keys/olga.asc"] {
        let path = host.path(file);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
        let (ended, _) = host.apply(&envelope, &[]);
        assert!(ended.code == 3 && ended.stderr.contains("0666"), "{ended:?}");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    }
    std::fs::write(host.path("config/policy.toml"), "[[permissions]]\ngroop = 1\n").unwrap();
    let (ended, _) = host.apply(&envelope, &[]);
    assert!(ended.code == 3 && ended.stderr.contains("groop"), "{ended:?}");
    assert!(!host.state().exists(), "nothing was begun");
}

#[test]
fn one_module_that_is_not_to_be_had_costs_one_refused_operation() {
    let people = People::new(&["sam"]);
    let host = Host::with("misbehave");
    host.install("file");
    host.configure("file", "enabled = false\n");
    people.write_policy(&host, "");
    let question = actions(&[
        ("no-such-module", json!({})),
        ("misbehave", one()),
        ("file", json!({})),
        ("misbehave", json!({ "deed": "abort" })),
        ("misbehave", json!({ "deed": "murder" })),
    ]);
    let (ended, messages) = host.apply(&people.action(&question, &["sam"]), &[]);
    assert_eq!((ended.code, messages.len()), (4, 7), "{ended:?}");
    let report = |index: u64| {
        let of = messages.iter().find(|m| m["body"]["index"] == index).unwrap();
        (
            of["body"]["report"]["status"].as_str().unwrap(),
            of["body"]["report"]["refusal"]["code"].clone(),
        )
    };
    assert_eq!(report(0), ("refused", json!("module-unknown")));
    assert_eq!(report(1), ("success", Value::Null));
    assert_eq!(report(2), ("refused", json!("module-disabled")));
    assert_eq!(report(3).0, "failed");
    assert_eq!(report(4), ("refused", json!("parameters-invalid")));
    let finished = &messages[6]["body"];
    assert_eq!(
        (&finished["found"], &finished["complete"]),
        (&json!(true), &json!(false))
    );
}
