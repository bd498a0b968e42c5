//! Everything that can be killed, cut, filled or repeated, is. Each test has a relay of its own if it harms it.

use super::{host, quick, reported, slow};
use gumshoe_test_services::rabbitmq::Broker;
use gumshoe_tests::relay::{Server, wait_long};
use gumshoe_tests::signed::actions;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

fn kill(pid: &Value) {
    let pid = Pid::from_raw(i32::try_from(pid.as_i64().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

/// The processes that a process started, with the beginnings of their command lines.
fn children(parent: u32) -> Vec<(u32, String)> {
    let tasks = std::fs::read_dir(format!("/proc/{parent}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let list = tasks.map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default());
    let pids: Vec<u32> = list
        .flat_map(|list| {
            list.split_whitespace()
                .map(|pid| pid.parse().unwrap())
                .collect::<Vec<_>>()
        })
        .collect();
    let name = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    pids.iter().map(|pid| (*pid, name(pid))).collect()
}

#[test]
fn whatever_is_killed_nothing_is_lost_and_nothing_runs_twice() {
    for _ in 0..gumshoe_tests::rounds(1, 5) {
        kill_everything();
    }
}

/// Kills runner, courier, relay and agent, one after the other, each while something is under way.
fn kill_everything() {
    let mut broker = Broker::start().unwrap();
    let (people, host) = host(&broker, "");
    let mut server = Server::connect(&broker);
    let (daemon, agent) = host.connected(&mut server);
    let pid = daemon.child.id();

    // A runner: one report says so, the other operation is not concerned.
    let question = actions(&[
        ("misbehave", json!({ "deed": "hang", "first": 1 })),
        ("misbehave", json!({ "deed": "none", "first": 1 })),
    ]);
    server.publish(&agent, &people.action(&question, &["olga"]));
    server.wait("the quick one", |server| {
        reported(server, &question) == ["success"]
    });
    let runner = children(pid)
        .into_iter()
        .find(|(_, name)| name.starts_with("gumshoe-runner"))
        .unwrap();
    kill(&json!(runner.0));
    server.wait_for("finished", &question);
    assert_eq!(reported(&server, &question), ["success", "failed"]);

    // The courier, while an action runs: another one is started.
    let waiting = slow();
    server.publish(&agent, &people.action(&waiting, &["olga"]));
    server.wait_for("started", &waiting);
    kill(&host.status()["courier"]);
    wait_long("another courier is connected", || {
        let status = host.status();
        status["courier_restarts"] == 1 && status["relay"]["phase"] == "connected"
    });
    server.publish(&agent, &people.cancel(&waiting, &["olga"]));
    server.wait_for("finished", &waiting);
    assert_eq!(reported(&server, &waiting), ["cancelled"]);

    // The relay, while an action runs and ends: the reports wait on disk.
    let question = actions(&[("misbehave", json!({ "deed": "wait", "first": 1 }))]);
    let mut question = question;
    question["limits"] = json!({ "timeout_ms": 3000 });
    server.publish(&agent, &people.action(&question, &["olga"]));
    server.wait_for("started", &question);
    let earlier = std::mem::take(&mut server.reports);
    broker.kill().unwrap();
    drop(server);
    wait_long("the reports wait", || host.status()["spool"]["reports"] == 2);
    // The agent too, while reports wait.
    daemon.kill();
    broker.restart().unwrap();
    let mut server = Server::connect(&broker);
    let (daemon, _) = host.connected(&mut server);
    server.wait_for("finished", &question);
    assert_eq!(reported(&server, &question), ["timeout"]);
    assert!(!earlier.is_empty() && !server.kinds(&question).contains(&"interrupted".to_owned()));

    // The agent, while an action runs: it is told which operations are missing, and it is not run again.
    let cut = slow();
    let envelope = people.action(&cut, &["olga"]);
    server.publish(&agent, &envelope);
    server.wait_for("started", &cut);
    daemon.kill();
    let (daemon, _) = host.connected(&mut server);
    let told = server.wait_for("interrupted", &cut);
    assert_eq!(told["body"]["missing"], json!([0]));
    server.publish(&agent, &envelope);
    let last = quick();
    server.publish(&agent, &people.action(&last, &["olga"]));
    server.wait_for("finished", &last);
    assert_eq!(reported(&server, &cut), [""; 0]);

    // In the end nothing is left anywhere.
    wait_long("nothing waits", || {
        host.status()["spool"]["reports"] == 0 && server.ready(&agent) == 0
    });
    daemon.stop();
    assert_eq!(host.trusting(&["log", "verify"]).code, 0);
}

#[test]
fn beyond_its_bound_the_spool_drops_the_oldest_and_every_heartbeat_says_so() {
    let mut broker = Broker::start().unwrap();
    let (people, host) = host(&broker, "[spool]\nreports = 3\n");
    let mut server = Server::connect(&broker);
    let (daemon, agent) = host.connected(&mut server);
    // Twenty reports while the relay is away.
    let mut question = actions(&vec![("misbehave", json!({ "deed": "wait" })); 20]);
    question["limits"] = json!({ "timeout_ms": 2000 });
    server.publish(&agent, &people.action(&question, &["olga"]));
    server.wait_for("started", &question);
    broker.kill().unwrap();
    drop(server);
    wait_long("everything has ended", || {
        host.status()["running"] == json!([]) && host.status()["spool"]["lost"] == 18
    });
    daemon.wait_for_log("the spool is full");
    broker.restart().unwrap();
    let mut server = Server::connect(&broker);
    wait_long("it is connected again", || {
        host.status()["relay"]["phase"] == "connected"
    });
    // A relay that was killed may give again what was taken from it: `started`. The last three were kept.
    server.wait_for("finished", &question);
    assert_eq!(reported(&server, &question).len(), 2);
    let before = server.heartbeats.len();
    daemon.stop();
    let beat = server.wait_for_heartbeat("stop", before);
    assert_eq!(beat["spool"]["lost"], 18);
}

#[test]
fn a_courier_that_cannot_be_believed_is_replaced_and_gets_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let _turn = super::turn();
    let broker = super::broker();
    let (_people, host) = host(broker, "");
    // It says what no courier says, and cannot read the agent's memory.
    let script = format!(
        "#!/bin/sh\ncat {state}/identity {state}/journal 2>&1 | head -c 200 >&2\nid -u >&2\nprintf '\\377\\377\\377\\377\\377' >&0\nsleep 60\n",
        state = host.state().display()
    );
    std::fs::write(host.path("gumshoe-courier"), script).unwrap();
    std::fs::set_permissions(host.path("gumshoe-courier"), PermissionsExt::from_mode(0o755)).unwrap();
    let daemon = host.daemon(&[]);
    daemon.wait_for_log("another will be started");
    wait_long("it is tried again", || {
        host.status()["courier_restarts"].as_u64() >= Some(1)
    });
    let log = daemon.log();
    assert!(
        log.contains("does not keep to the protocol") && log.contains("Permission denied"),
        "{log}"
    );
    assert!(
        !log.contains("seed") && !log.lines().any(|line| line == "0"),
        "{log}"
    );
    std::fs::set_permissions(host.path("gumshoe-courier"), PermissionsExt::from_mode(0o777)).unwrap();
    daemon.wait_for_log("the courier's program is refused");
    daemon.stop();
}

#[test]
fn on_a_full_disk_actions_are_refused_and_the_daemon_goes_on() {
    let _turn = super::turn();
    let broker = super::broker();
    let (people, host) = host(broker, "");
    let disk = gumshoe_tests::Disk::mount(&host.state(), "512k");
    let mut server = Server::connect(broker);
    let (daemon, agent) = host.connected(&mut server);
    let ask = |server: &mut Server| {
        let question = quick();
        server.publish(&agent, &people.action(&question, &["olga"]));
        let is_answer = |report: &Value| {
            report["action"] == question["id"]
                && ["finished", "refused"].contains(&report["body"]["kind"].as_str().unwrap())
        };
        server.wait("an answer", |server| server.reports.iter().any(is_answer));
        reported(server, &question)
    };
    assert_eq!(ask(&mut server), ["success"]);
    disk.fill();
    // What is left of the last pages is used up; then nothing is recorded, and so nothing runs.
    let refused = (0..100).any(|_| ask(&mut server).is_empty());
    assert!(refused, "{}", daemon.log());
    let told = |report: &Value| report["body"]["code"] == "not-recorded";
    assert!(server.reports.iter().any(told));
    disk.make_room();
    assert_eq!(ask(&mut server), ["success"]);
    daemon.stop();
}
