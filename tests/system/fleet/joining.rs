//! Agents that join a fleet.

use super::Fleet;
use gumshoe_tests::Ended;
use gumshoe_tests::relay::wait_long;

#[test]
fn an_agent_without_the_token_waits_until_somebody_lets_it_in() {
    let mut fleet = Fleet::start(&["olga"], &["web"]);
    fleet.join("guest", "");
    wait_long("the guest is known", || fleet.agents_in("pending").len() == 1);
    let id = fleet.agents_in("pending")[0].to_string();
    fleet.ok("olga", &["login"]);
    let ask = || {
        fleet.run(
            "olga",
            &["misbehave", "--deed", "none", "--ask-target", "true", "--yes"],
        )
    };
    assert_eq!(answered(&ask()), "1 of 1 host answered");
    let denied = fleet.run("olga", &["agents", "approve", &id]);
    assert!(
        denied.code == 3 && denied.stderr.contains("refuses [forbidden]"),
        "{denied:?}"
    );
    fleet.ok("admin", &["agents", "approve", &id]);
    assert_eq!(answered(&ask()), "2 of 2 hosts answered");
    fleet.ok("admin", &["agents", "reject", &id]);
    assert_eq!(answered(&ask()), "1 of 1 host answered");
    let tagged = fleet.ok("admin", &["agents", "tag", &id, "owner=nobody"]).stdout;
    assert_eq!(tagged, "owner=nobody\n");
}

/// The beginning of the last line but findings: how many hosts answered.
fn answered(ended: &Ended) -> &str {
    let is_it = |line: &&str| line.contains(" answered:");
    let line = ended.stderr.lines().find(is_it);
    line.unwrap_or_else(|| panic!("{ended:?}"))
        .split(':')
        .next()
        .unwrap()
}
