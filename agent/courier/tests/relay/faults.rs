//! Relays that end, come back, hang, or lose the agent's queue.

use gumshoe_link::{Phase, Timing, ToCourier};
use gumshoe_test_services::rabbitmq::Broker;

use crate::support::{Courier, Forwarder, Server, agent, broker, configuration, plain};

/// How the broker of a test ends.
type Fault = fn(&mut Broker);

/// Publishes and deliveries around a broker that ends and comes back: what was confirmed is there, and what was not
/// acknowledged comes again. Returns what was delivered after the fault.
///
/// What was acknowledged does not come again after an orderly end. After a kill it may: the broker writes
/// acknowledgements to disk later than it takes them.
fn broker_comes_back_after(fault: Fault) -> Vec<Vec<u8>> {
    let mut broker = Broker::start().unwrap();
    let agent = agent();
    let server = Server::start(&broker);
    server.declare_reports("reports", &agent, lapin::types::FieldTable::default());
    let mut courier = Courier::connected(&configuration(&agent, &[plain(&broker)]));
    server.publish(&format!("agent.{agent}"), b"done");
    server.publish(&format!("agent.{agent}"), b"not done");
    let (tag, _) = courier.wait_for_delivery();
    courier.say(&ToCourier::Acknowledge { tag });
    let (early, _) = courier.wait_for_delivery();
    for id in 0..10 {
        courier.publish(id, &format!("report.{agent}"), &id.to_le_bytes());
    }
    // The relay has the acknowledgement when it has confirmed what came after it.
    assert_eq!(courier.wait_for_fate(9), Ok(()));
    for id in 10..20 {
        courier.publish(id, &format!("report.{agent}"), &id.to_le_bytes());
    }
    fault(&mut broker);
    drop(server);
    courier.wait_for_phase(Phase::Disconnected).expect("a reason");
    let mut confirmed = (0..9)
        .chain(10..20)
        .filter(|&id| courier.wait_for_fate(id).is_ok())
        .count()
        + 1;
    courier.publish(20, &format!("report.{agent}"), b"meanwhile");
    assert!(courier.wait_for_fate(20).is_err());
    // A word about a delivery of the lost connection is none about one of the next.
    courier.say(&ToCourier::Acknowledge { tag: early });

    broker.restart().unwrap();
    let server = Server::connect(&broker.url()).unwrap();
    courier.wait_for_phase(Phase::Connected);
    let mut delivered = vec![courier.wait_for_delivery().1];
    while delivered.last().is_some_and(|bytes| bytes != b"not done") {
        delivered.push(courier.wait_for_delivery().1);
    }
    courier.publish(21, &format!("report.{agent}"), b"after");
    assert_eq!(courier.wait_for_fate(21), Ok(()));
    confirmed += 1;
    assert!(server.ready("reports") as usize >= confirmed);
    courier.stop();
    delivered
}

#[test]
fn a_broker_that_is_stopped_loses_nothing_and_repeats_nothing() {
    let delivered = broker_comes_back_after(|broker| broker.stop().unwrap());
    assert_eq!(delivered, [b"not done"]);
}

#[test]
fn a_broker_that_is_killed_loses_nothing() {
    broker_comes_back_after(|broker| broker.kill().unwrap());
}

#[test]
fn a_connection_that_is_stuck_is_replaced() {
    let (server, agent) = (Server::start(broker()), agent());
    let _reports = server.reports(&agent);
    let forwarder = Forwarder::to(broker().port());
    let mut configuration = configuration(&agent, &[format!("amqp://127.0.0.1:{}", forwarder.port())]);
    configuration.timing = Timing {
        probe_interval_ms: 200,
        probe_timeout_ms: 1_000,
        heartbeat_s: 600,
        ..configuration.timing
    };
    let mut courier = Courier::connected(&configuration);
    forwarder.get_stuck();
    courier.publish(1, &format!("report.{agent}"), b"into the void");
    let why = courier.wait_for_phase(Phase::Disconnected).unwrap();
    assert!(why.contains("did not answer a probe"), "{why}");
    assert!(courier.wait_for_fate(1).is_err());
    courier.wait_for_phase(Phase::Connected);
    assert_eq!(forwarder.connections(), 2);
    courier.publish(2, &format!("report.{agent}"), b"again");
    assert_eq!(courier.wait_for_fate(2), Ok(()));
    courier.stop();
}

#[test]
fn a_handshake_that_is_stuck_is_given_up() {
    let forwarder = Forwarder::to(broker().port());
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut configuration = configuration(
        &agent(),
        &[
            format!("amqp://127.0.0.1:{}", silent.local_addr().unwrap().port()),
            format!("amqp://127.0.0.1:{}", forwarder.port()),
        ],
    );
    let _server = Server::start(broker());
    configuration.timing.connect_ms = 2_000;
    let mut courier = Courier::connected(&configuration);
    assert_eq!(forwarder.connections(), 1);
    courier.say(&ToCourier::Ping);
    courier.stop();
}

#[test]
fn a_queue_that_is_deleted_is_made_again() {
    let (server, agent) = (Server::start(broker()), agent());
    let mut courier = Courier::connected(&configuration(&agent, &[plain(broker())]));
    let queue = format!("gumshoe.v1.agent.{agent}");
    server
        .block_on(
            server
                .channel
                .queue_delete(queue.as_str().into(), Default::default()),
        )
        .unwrap();
    let why = courier.wait_for_phase(Phase::Disconnected).unwrap();
    assert!(why.contains("queue is gone"), "{why}");
    courier.wait_for_phase(Phase::Connected);
    server.publish(&format!("agent.{agent}"), b"as before");
    assert_eq!(courier.wait_for_delivery().1, b"as before");
    courier.stop();
}
