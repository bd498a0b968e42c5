//! What the daemon does when nothing goes wrong.

use super::{broker, host, quick, reported, slow, turn};
use gumshoe_tests::relay::{Server, wait_long};
use gumshoe_tests::signed::{People, every_module};
use gumshoe_tests::{Host, MODULES, rounds};
use rustix::process::Signal;
use serde_json::{Value, json};

#[test]
fn an_action_comes_in_and_signed_reports_go_out() {
    let _turn = turn();
    let mut server = Server::connect(broker());
    let people = People::new(&["sam"]);
    let host = Host::with_all(&MODULES);
    people.write_policy(&host, "");
    host.use_relay(broker(), "");
    let (daemon, agent) = host.connected(&mut server);
    let beat = server.heartbeats.last().unwrap().clone();
    assert_eq!(beat["facts"]["modules"], json!(MODULES));
    assert!(
        beat["modules"]
            .as_array()
            .unwrap()
            .iter()
            .all(|m| m["enabled"] == true && m["sha256"].is_string()),
        "{beat}"
    );
    std::fs::write(host.path("root/note.txt"), "").unwrap();
    let question = every_module(&host.path("root"));
    server.publish(&agent, &people.action(&question, &["sam"]));
    server.wait_for("finished", &question);
    assert_eq!(server.kinds(&question).len(), 7, "{:?}", server.kinds(&question));
    assert!(
        reported(&server, &question)
            .iter()
            .all(|status| status == "success")
    );
    assert_eq!(server.ready(&agent), 0);
    let status = host.status();
    assert_eq!(
        (&status["relay"]["phase"], &status["decisions"][0]["verdict"]),
        (&json!("connected"), &json!("run"))
    );
    let before = server.heartbeats.len();
    daemon.stop();
    server.wait_for_heartbeat("stop", before);
    assert!(host.trusting(&["status"]).stderr.contains("not running"));
    assert_eq!(host.trusting(&["log", "verify"]).code, 0);
}

#[test]
fn deliveries_may_come_twice_and_rubbish_is_answered_once() {
    let _turn = turn();
    let mut server = Server::connect(broker());
    let (people, host) = host(broker(), "");
    let (daemon, agent) = host.connected(&mut server);
    let question = quick();
    let envelope = people.action(&question, &["olga"]);
    for _ in 0..3 {
        server.publish(&agent, "rubbish");
        server.publish(&agent, &envelope);
    }
    let last = quick();
    server.publish(&agent, &people.action(&last, &["olga"]));
    server.wait_for("finished", &last);
    server.wait_for("finished", &question);
    assert_eq!(reported(&server, &question), ["success"]);
    let refused: Vec<&Value> = server
        .reports
        .iter()
        .filter(|report| report["body"]["kind"] == "refused")
        .collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0]["body"]["code"], "envelope-form");
    wait_long("nothing is left in the queue", || server.ready(&agent) == 0);
    daemon.stop();
}

#[test]
fn a_slow_action_holds_up_no_other_and_can_be_cancelled() {
    let _turn = turn();
    let mut server = Server::connect(broker());
    let (people, host) = host(broker(), "");
    let (daemon, agent) = host.connected(&mut server);
    let (slow, quick) = (slow(), quick());
    server.publish(&agent, &people.action(&slow, &["olga"]));
    server.wait_for("started", &slow);
    server.publish(&agent, &people.action(&quick, &["olga"]));
    server.wait_for("finished", &quick);
    assert_eq!(server.kinds(&slow), ["started"]);
    wait_long("status shows it", || {
        host.status()["running"][0]["action"] == slow["id"]
    });
    server.publish(&agent, &people.cancel(&slow, &["olga"]));
    server.wait_for("finished", &slow);
    let told = server.wait_for("operation", &slow);
    assert_eq!(told["body"]["report"]["status"], "cancelled");
    assert_eq!(told["body"]["report"]["findings"].as_array().unwrap().len(), 1);
    daemon.stop();
}

#[test]
fn a_new_configuration_is_taken_over_and_a_broken_one_is_not() {
    let _turn = turn();
    let mut server = Server::connect(broker());
    let (people, host) = host(broker(), "");
    host.configure("misbehave", "enabled = false\n");
    let (daemon, agent) = host.connected(&mut server);
    let ask = |server: &mut Server| {
        let question = quick();
        server.publish(&agent, &people.action(&question, &["olga"]));
        server.wait_for("finished", &question);
        reported(server, &question)
    };
    assert_eq!(ask(&mut server), ["refused"]);
    host.configure("misbehave", "enabled = true\n");
    let before = server.heartbeats.len();
    daemon.signal(Signal::HUP);
    let beat = server.wait_for_heartbeat("change", before);
    assert_eq!(beat["facts"]["modules"], json!(["misbehave"]));
    assert_eq!(ask(&mut server), ["success"]);
    let policy = std::fs::read_to_string(host.path("config/policy.toml")).unwrap();
    std::fs::write(host.path("config/policy.toml"), "[[permissions]]\ngroop = 1\n").unwrap();
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("the old one stays in force");
    assert!(daemon.log().contains("groop"));
    assert_eq!(ask(&mut server), ["success"]);
    wait_long("status tells", || {
        host.status()["configuration_problem"]
            .as_str()
            .is_some_and(|text| text.contains("groop"))
    });
    std::fs::write(host.path("config/policy.toml"), policy).unwrap();
    // How the daemon is can be seen while its configuration cannot be read at all.
    std::fs::write(host.path("config/agent.toml"), "[relay\n").unwrap();
    daemon.signal(Signal::HUP);
    wait_long("status tells", || {
        host.status()["configuration_problem"]
            .as_str()
            .is_some_and(|text| text.contains("agent.toml"))
    });
    let shown = host.trusting(&["status"]);
    assert!(
        shown.code == 0 && shown.stdout.contains("problem    "),
        "{shown:?}"
    );
    assert_eq!(host.trusting(&["log", "verify"]).code, 0);
    daemon.stop();
}

#[test]
fn a_check_in_answers_everything_that_waited_and_ends() {
    let _turn = turn();
    let mut server = Server::connect(broker());
    let (people, host) = host(broker(), "");
    let (daemon, agent) = host.connected(&mut server);
    daemon.stop();
    let questions: Vec<Value> = (0..30).map(|_| quick()).collect();
    for question in &questions {
        server.publish(&agent, &people.action(question, &["olga"]));
    }
    let mut visit = host.daemon(&["--once"]);
    let status = visit.wait();
    assert!(status.success(), "{status}: {}", visit.log());
    for question in &questions {
        server.wait_for("finished", question);
        assert_eq!(reported(&server, question), ["success"]);
    }
    assert_eq!(server.ready(&agent), 0);
}

/// The most memory that a process ever had, in bytes. Source: `VmHWM` of `/proc/PID/status`, proc(5).
fn most_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes: u64 = line.unwrap().trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes * 1024
}

#[test]
fn whatever_waited_while_the_agent_was_off_runs_once_in_bounded_memory() {
    /// However many actions wait.
    const MOST_BYTES: u64 = 64 << 20;
    let _turn = turn();
    let mut server = Server::connect(broker());
    let (people, host) = host(broker(), "");
    let (daemon, agent) = host.connected(&mut server);
    daemon.stop();
    let questions: Vec<Value> = (0..rounds(200, 1000)).map(|_| quick()).collect();
    for question in &questions {
        server.publish(&agent, &people.action(question, &["olga"]));
    }
    let (daemon, _) = host.connected(&mut server);
    for question in &questions {
        // Reports are on their way at the same time, and may overtake each other.
        server.wait("its three reports", |server| server.kinds(question).len() >= 3);
        assert_eq!(reported(&server, question), ["success"]);
    }
    wait_long("nothing waits", || {
        host.status()["spool"]["reports"] == 0 && server.ready(&agent) == 0
    });
    server.receive();
    assert!(questions.iter().all(|question| server.kinds(question).len() == 3));
    let most = most_memory(daemon.child.id());
    assert!(most < MOST_BYTES, "{most} bytes for {} actions", questions.len());
    daemon.stop();
    assert_eq!(host.trusting(&["log", "verify"]).code, 0);
}

#[test]
fn the_service_manager_is_told_and_the_log_can_be_json() {
    let _turn = turn();
    let mut server = Server::connect(broker());
    let (_people, host) = host(broker(), "");
    let socket = host.path("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    manager
        .set_read_timeout(Some(std::time::Duration::from_secs(60)))
        .unwrap();
    let mut command = host.trusting_agent(&["daemon", "--log-format", "json"]);
    command
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "200000");
    let child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    let mut buffer = [0; 4096];
    while !(told.contains("READY=1") && told.matches("WATCHDOG=1").count() >= 2) {
        let count = manager.recv(&mut buffer).unwrap();
        told += &String::from_utf8_lossy(&buffer[..count]);
        told += "\n";
    }
    server.wait_for_heartbeat("start", 0);
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let log = String::from_utf8(output.stderr).unwrap();
    let first: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["level"], &first["message"]),
        (&json!("info"), &json!("started"))
    );
}
