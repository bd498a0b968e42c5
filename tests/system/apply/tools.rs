//! What owners and investigators look with: identity, verify-report, log, policy.

use chrono::Utc;
use gumshoe_tests::signed::{People, action, actions};
use gumshoe_tests::{Ended, Host};
use serde_json::{Value, json};

fn json_of(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// A host that has run one action, whose sealed reports lie in `sealed`.
fn ran() -> (People, Host, Value) {
    let people = People::new(&["olga", "sam", "sina"]);
    let host = Host::with("misbehave");
    people.write_policy(
        &host,
        "[[permissions]]\ngroup = \"sec\"\nmodules = [\"memory\"]\nthreshold = 2\n",
    );
    let question = action("misbehave", json!({ "deed": "none", "first": 3 }));
    let sealed = host.path("sealed");
    let (ended, _) = host.apply(
        &people.action(&question, &["olga"]),
        &["--sealed", sealed.to_str().unwrap()],
    );
    assert_eq!(ended.code, 0, "{ended:?}");
    (people, host, question)
}

#[test]
fn sealed_reports_are_the_agent_s_and_nobody_else_s() {
    let (_people, host, question) = ran();
    let identity = json_of(&host.trusting(&["identity", "--json"]));
    let path = host.path("sealed");
    let sealed = path.to_str().unwrap();
    let own = host.trusting(&["verify-report", sealed]);
    assert_eq!((own.code, own.stdout.lines().count()), (0, 3), "{own:?}");
    assert!(own.stdout.contains(question["id"].as_str().unwrap()), "{own:?}");
    let (key, agent) = (
        identity["public_key"].as_str().unwrap(),
        identity["agent"].as_str().unwrap(),
    );
    let elsewhere = host.output(&["verify-report", sealed, "--key", key, "--agent", agent, "--json"]);
    assert_eq!(elsewhere.code, 0, "{elsewhere:?}");
    assert_eq!(
        serde_json::from_str::<Value>(elsewhere.stdout.lines().last().unwrap()).unwrap()["body"]["kind"],
        "finished"
    );
    // Another agent's key, and altered reports.
    let other = Host::with("misbehave");
    let people = People::new(&["olga"]);
    people.write_policy(&other, "");
    let (ended, _) = other.apply("rubbish", &[]);
    assert_eq!(ended.code, 6);
    assert_eq!(other.trusting(&["verify-report", sealed]).code, 3);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut envelope: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    envelope["payload"] = last["payload"].clone();
    std::fs::write(&path, format!("{envelope}\n")).unwrap();
    let wrong = host.trusting(&["verify-report", sealed]);
    assert!(
        wrong.code == 3 && wrong.stdout.starts_with("wrong  line 1"),
        "{wrong:?}"
    );
}

#[test]
fn the_host_log_tells_what_was_asked_and_never_what_was_found() {
    let (_people, host, question) = ran();
    let shown = host.trusting(&["log", "show", "--action", question["id"].as_str().unwrap()]);
    for expected in [
        "\"a question\", signed by olga: run",
        "misbehave {\"deed\":\"none\"",
        "3 findings in",
        "finished",
    ] {
        assert!(shown.stdout.contains(expected), "{expected}: {shown:?}");
    }
    let lines = host.trusting(&["log", "show", "--json"]).stdout;
    assert!(!lines.contains("\"text\":\"first\""), "{lines}");
    let hour = host.trusting(&["log", "show", "--since", "1h"]);
    assert!(hour.stdout.lines().count() > 3, "{hour:?}");
    let future = (Utc::now() + chrono::TimeDelta::hours(1)).to_rfc3339();
    assert_eq!(host.trusting(&["log", "show", "--since", &future]).stdout, "");
    let verified = host.trusting(&["log", "verify"]);
    assert!(
        verified.code == 0 && verified.stdout.starts_with("good   lines 1 to "),
        "{verified:?}"
    );
}

#[test]
fn a_changed_or_shortened_host_log_is_noticed() {
    let (_people, host, _) = ran();
    let path = host.state().join("host.log");
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, whole.replace("olga", "sina")).unwrap();
    let broken = host.trusting(&["log", "verify"]);
    assert!(
        broken.code == 3 && broken.stderr.contains("was changed"),
        "{broken:?}"
    );
    let shorter: Vec<&str> = whole.split_inclusive('\n').take(2).collect();
    std::fs::write(&path, shorter.concat()).unwrap();
    let broken = host.trusting(&["log", "verify", "--json"]);
    assert!(
        broken.code == 3 && json_of(&broken)["problem"].as_str().unwrap().contains("cut off"),
        "{broken:?}"
    );
}

#[test]
fn policy_check_says_who_may_ask_what_or_everything_that_is_wrong() {
    let (_people, host, _) = ran();
    let checked = host.output(&["policy", "check"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    let memory = checked
        .stdout
        .lines()
        .find(|line| line.starts_with("memory"))
        .unwrap();
    assert!(
        memory.contains("sec") && memory.contains('2') && memory.contains("sam, sina"),
        "{memory}"
    );
    assert_eq!(
        json_of(&host.output(&["policy", "check", "--json"]))["permissions"][0]["members"],
        json!(["olga"])
    );
    let path = host.path("config/policy.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        good.replace("keys/olga.asc", "keys/sam.asc")
            .replace("threshold = 2", "threshold = 3"),
    )
    .unwrap();
    let wrong = host.output(&["policy", "check"]);
    assert_eq!((wrong.code, wrong.stdout.lines().count()), (3, 2), "{wrong:?}");
    assert!(
        wrong.stdout.contains("investigators[0]") && wrong.stdout.contains("threshold"),
        "{wrong:?}"
    );
}

#[test]
fn policy_explain_says_what_is_missing() {
    let (people, host, _) = ran();
    let question = actions(&[("misbehave", json!({})), ("memory", json!({}))]);
    let file = host.path("action.json");
    std::fs::write(&file, question.to_string()).unwrap();
    let explain =
        |more: &[&str]| host.output(&[&["policy", "explain", file.to_str().unwrap()], more].concat());
    let told = explain(&["--signers", "sam"]);
    assert_eq!(told.code, 6, "{told:?}");
    for expected in [
        "operation 0 misbehave: permitted",
        "operation 1 memory: refused [threshold]",
        "weight 1 of 2; more weight is needed",
        "target is for this host",
        "is open",
    ] {
        assert!(told.stdout.contains(expected), "{expected}: {told:?}");
    }
    assert_eq!(explain(&["--signers", "sam,sina"]).code, 0);
    assert_eq!(explain(&[]).code, 6, "nobody signed");
    let told = json_of(&explain(&["--signers", "olga", "--json"]));
    assert_eq!(told["operations"][1]["refusal"]["code"], "not-permitted");
    std::fs::write(&file, people.action(&question, &["sam", "sina"])).unwrap();
    assert_eq!(explain(&[]).code, 0, "the signatures of the envelope count");
}
