//! A relay that floods, or does not take what it is given.

use super::{broker, host, quick, reported, turn};
use gumshoe_protocol::relay::HEARTBEATS_QUEUE;
use gumshoe_test_services::rabbitmq::Broker;
use gumshoe_tests::relay::{Server, wait_long};
use serde_json::Value;

#[test]
fn rubbish_without_end_leaves_the_host_log_to_those_who_signed() {
    /// What strangers may write at once, and more than that.
    const LINES: usize = 100;
    const SENT: usize = LINES + 50;
    let _turn = turn();
    let mut server = Server::connect(broker());
    let (people, host) = host(broker(), "");
    let (daemon, agent) = host.connected(&mut server);
    for number in 0..SENT {
        server.publish(&agent, &format!("rubbish number {number}"));
    }
    let question = quick();
    server.publish(&agent, &people.action(&question, &["olga"]));
    server.wait_for("finished", &question);
    assert_eq!(reported(&server, &question), ["success"]);
    wait_long("nothing waits", || {
        host.status()["spool"]["reports"] == 0 && server.ready(&agent) == 0
    });
    server.receive();
    let is_refused = |report: &&Value| report["body"]["code"] == "envelope-form";
    assert_eq!(server.reports.iter().filter(is_refused).count(), LINES);
    daemon.stop();
    let log = host.trusting(&["log", "show", "--json"]).stdout;
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let refused = lines
        .iter()
        .filter(|line| line["verdict"] == "refused" && line["event"] == "decision");
    assert_eq!(refused.count(), LINES);
    let counted: Vec<&Value> = lines.iter().filter(|line| line["event"] == "counted").collect();
    assert_eq!(counted.len(), 1, "{counted:?}");
    assert_eq!(
        (&counted[0]["count"], &counted[0]["code"], &counted[0]["signed"]),
        (&(SENT - LINES).into(), &"envelope-form".into(), &false.into())
    );
    let told = host.trusting(&["log", "show"]).stdout;
    assert!(
        told.contains("50 more messages since") && told.contains("refused [envelope-form]"),
        "{told}"
    );
    assert_eq!(host.trusting(&["log", "verify"]).code, 0);
}

#[test]
fn a_heartbeat_that_the_relay_gives_back_is_followed_soon_by_another() {
    let broker = Broker::start().unwrap();
    let (_people, host) = host(&broker, "[heartbeat]\ninterval = \"12h\"\n");
    drop(Server::connect(&broker));
    broker.control(&["delete_queue", HEARTBEATS_QUEUE]).unwrap();
    let daemon = host.daemon(&[]);
    daemon.wait_for_log("the relay did not take a heartbeat: another follows");
    let mut server = Server::connect(&broker);
    let beat = server.wait_for_heartbeat("start", 0);
    // What was given back had a number of its own.
    assert!(beat["sequence"].as_u64() > Some(1), "{beat}");
    daemon.stop();
}
