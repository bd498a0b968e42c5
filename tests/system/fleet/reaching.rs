//! Hosts that are away, and a server that is reached in TLS.

use super::Fleet;
use gumshoe_test_services::certificates::Authority;
use gumshoe_tests::Ended;
use gumshoe_tests::relay::wait_long;
use serde_json::Value;

/// A question for all hosts that each answers in no time, and more arguments.
fn question(more: &[&'static str]) -> Vec<&'static str> {
    let question = [
        "misbehave",
        "--deed",
        "none",
        "--first",
        "1",
        "--ask-target",
        "true",
        "--yes",
    ];
    [&question[..], more].concat()
}

#[test]
fn a_host_that_is_away_answers_when_it_comes_back() {
    let mut fleet = Fleet::start(&["olga"], &["web", "database"]);
    fleet.ok("olga", &["login"]);
    let (host, daemon) = fleet.agents.pop().unwrap();
    daemon.stop();
    fleet.ok("olga", &question(&["--detach"]));
    let newest = || {
        let listed = fleet.ok("olga", &["action", "list", "--json"]).stdout;
        serde_json::from_str::<Value>(&listed).unwrap()[0].clone()
    };
    let id = newest()["id"].as_str().unwrap().to_owned();
    let counters = || {
        let status = fleet.ok("olga", &["action", "status", &id, "--json"]).stdout;
        serde_json::from_str::<Value>(&status).unwrap()["action"]["counters"].clone()
    };
    wait_long("the host that is there has answered", || {
        counters()["answered"] == 1
    });
    // It was sent to both: the relay keeps it for the one that is away.
    let before = counters();
    for (name, count) in [("targeted", 2), ("sent", 2), ("delivered", 1), ("waiting", 1)] {
        assert_eq!(before[name], count, "{name} of {before}");
    }
    fleet.begin(host);
    let followed = fleet.ok("olga", &["action", "follow", &id]);
    assert!(followed.stderr.contains("2 of 2 hosts answered"), "{followed:?}");
    assert_eq!(
        fleet
            .ok("olga", &["action", "results", &id, "--ndjson"])
            .stdout
            .lines()
            .count(),
        2
    );
}

#[test]
fn a_server_in_tls_is_believed_only_if_its_authority_is() {
    let (authority, stranger) = (
        Authority::new("the fleet's").unwrap(),
        Authority::new("a stranger's").unwrap(),
    );
    let fleet = Fleet::start_with(&["olga"], &["web"], Some(&authority));
    let path = |name: &str| fleet.desk.path(name).to_str().unwrap().to_owned();
    std::fs::write(path("stranger.pem"), stranger.pem()).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = fleet.command("olga", arguments);
        Ended::from(command.env_remove("GUMSHOE_CA").output().unwrap())
    };
    // Neither the system's authorities nor another one vouch for it: nothing is sent, no login and no question.
    for refused in [run(&["login"]), run(&["--ca", &path("stranger.pem"), "login"])] {
        assert_eq!(refused.code, 3, "{refused:?}");
        assert!(refused.stderr.contains("certificate"), "{refused:?}");
    }
    let missing = run(&["--ca", &path("nothing.pem"), "login"]);
    assert!(
        missing.code != 0 && missing.stderr.contains("nothing.pem"),
        "{missing:?}"
    );

    let ca = path("authority.pem");
    let welcome = run(&["--ca", &ca, "login"]);
    assert!(
        welcome.code == 0 && welcome.stderr.contains("olga is logged in"),
        "{welcome:?}"
    );
    // The whole way: sending, following the events, results.
    let mut ask = fleet.command("olga", &question(&[]));
    let answered = Ended::from(ask.env("GUMSHOE_CA", &ca).output().unwrap());
    assert!(
        answered.code == 0
            && answered
                .stderr
                .contains("1 of 1 host answered: 1 found something"),
        "{answered:?}"
    );
}
