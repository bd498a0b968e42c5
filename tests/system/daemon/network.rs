//! The network between the agent and the relay fails: the agent's host hangs on a cable that is cut and mended.

use super::cable::{Cable, RELAY};
use super::{host, quick};
use gumshoe_test_services::certificates::Authority;
use gumshoe_test_services::rabbitmq::Broker;
use gumshoe_tests::relay::{Server, wait_long};
use gumshoe_tests::signed::actions;
use gumshoe_tests::{Host, rounds};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Has the agent reach the relay by TLS over the cable.
fn use_cable(host: &Host, broker: &Broker, cable: &Cable) {
    std::fs::write(host.path("config/ca.pem"), broker.authority().unwrap().pem()).unwrap();
    let port = cable.forward(broker.tls_port().unwrap());
    let plain = format!("urls = [\"amqp://127.0.0.1:{}\"]", broker.port());
    let over_cable = format!(
        "urls = [\"amqps://{RELAY}:{port}\"]\nca = {:?}",
        host.path("config/ca.pem")
    );
    let file = host.path("config/agent.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(&plain), "{text}");
    std::fs::write(&file, text.replace(&plain, &over_cable)).unwrap();
}

/// The different messages about an action, each with the sequence numbers it came with.
fn messages<'a>(server: &'a Server, action: &Value) -> BTreeMap<(&'a str, Option<u64>), Vec<u64>> {
    let mut messages: BTreeMap<_, Vec<u64>> = BTreeMap::new();
    for report in server
        .reports
        .iter()
        .filter(|report| report["action"] == action["id"])
    {
        let body = &report["body"];
        let which = (body["kind"].as_str().unwrap(), body["index"].as_u64());
        messages
            .entry(which)
            .or_default()
            .push(report["sequence"].as_u64().unwrap());
    }
    messages
}

/// An action of two operations that end by themselves after a second.
fn brief() -> Value {
    let mut question = actions(&vec![("misbehave", json!({ "deed": "wait", "first": 1 })); 2]);
    question["limits"] = json!({ "timeout_ms": 1000 });
    question
}

#[test]
fn while_the_network_is_cut_reports_wait_and_then_all_arrive() {
    let authority = Authority::new("the relay's authority").unwrap();
    let broker = Broker::builder()
        .tls(authority)
        .reached_at(RELAY)
        .start()
        .unwrap();
    let (people, host) = host(&broker, "");
    let cable = Cable::lay();
    use_cable(&host, &broker, &cable);
    let mut server = Server::connect(&broker);
    let daemon = cable.at_agent(|| host.daemon(&[]));
    let beat = server.wait_for_heartbeat("start", 0);
    let agent = beat["agent"].as_str().unwrap().parse().unwrap();
    for _ in 0..rounds(1, 3) {
        let question = brief();
        server.publish(&agent, &people.action(&question, &["olga"]));
        server.wait_for("started", &question);
        wait_long("its start is confirmed", || {
            host.status()["spool"]["reports"] == 0
        });
        cable.cut();
        wait_long("the reports wait", || host.status()["spool"]["reports"] == 3);
        // What is asked meanwhile waits at the relay.
        let meanwhile = quick();
        server.publish(&agent, &people.action(&meanwhile, &["olga"]));
        if rounds(0, 1) == 1 {
            wait_long("the silence is noticed", || {
                host.status()["relay"]["phase"] != "connected"
            });
        }
        server.receive();
        let told = messages(&server, &question);
        assert_eq!(told.into_keys().collect::<Vec<_>>(), [("started", None)]);
        cable.mend();
        for (action, count) in [(&question, 2), (&meanwhile, 1)] {
            let mut expected = vec![("finished", None)];
            expected.extend((0..count).map(|index| ("operation", Some(index))));
            expected.push(("started", None));
            // Reports are on their way at the same time, and may overtake each other.
            server.wait("every report", |server| {
                messages(server, action)
                    .keys()
                    .copied()
                    .eq(expected.iter().copied())
            });
            let told = messages(&server, action);
            // What comes again is the same message, not that of a second run.
            let same = |numbers: &Vec<u64>| numbers.iter().all(|number| *number == numbers[0]);
            assert!(told.values().all(same), "{told:?}");
        }
        wait_long("nothing waits", || {
            host.status()["spool"]["reports"] == 0 && server.ready(&agent) == 0
        });
    }
    assert_eq!(host.status()["spool"]["lost"], 0);
    daemon.stop();
    assert_eq!(host.trusting(&["log", "verify"]).code, 0);
}
