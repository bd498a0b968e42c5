//! Deliveries, acknowledgements, publishes, check-ins.

use gumshoe_link::{Phase, QueueLimits, ToCourier, ToWarden};
use lapin::types::{AMQPValue, FieldTable};

use crate::support::{Courier, Server, agent, broker, configuration, plain};

#[test]
fn envelopes_come_in_and_reports_go_out() {
    let (server, agent) = (Server::start(broker()), agent());
    let mut reports = server.reports(&agent);
    let mut courier = Courier::connected(&configuration(&agent, &[plain(broker())]));

    server.publish(&format!("agent.{agent}"), b"for one");
    let (tag, bytes) = courier.wait_for_delivery();
    assert_eq!(bytes, b"for one");
    courier.say(&ToCourier::Acknowledge { tag });

    courier.publish(7, &format!("report.{agent}"), b"an answer");
    assert_eq!(courier.wait_for_fate(7), Ok(()));
    assert_eq!(reports.next(), (format!("report.{agent}"), b"an answer".to_vec()));

    courier.say(&ToCourier::Ping);
    courier.wait_for_message(&ToWarden::Pong);
    courier.stop();
    assert_eq!(server.ready(&format!("gumshoe.v1.agent.{agent}")), 0);
}

#[test]
fn what_was_not_acknowledged_comes_again() {
    let (server, agent) = (Server::start(broker()), agent());
    let configuration = configuration(&agent, &[plain(broker())]);
    let mut courier = Courier::connected(&configuration);
    for bytes in [b"1", b"2", b"3"] {
        server.publish(&format!("agent.{agent}"), bytes);
    }
    let first = courier.wait_for_delivery();
    let second = courier.wait_for_delivery();
    courier.say(&ToCourier::Acknowledge { tag: first.0 });
    courier.say(&ToCourier::Reject { tag: second.0 });
    courier.wait_for_delivery();
    // The relay has both words when it has answered what was asked after them.
    courier.publish(1, &format!("nowhere.{agent}"), b"");
    assert!(courier.wait_for_fate(1).is_err());
    drop(courier);

    let mut courier = Courier::connected(&configuration);
    assert_eq!(courier.wait_for_delivery().1, b"3");
    courier.stop();
    assert_eq!(server.ready(&format!("gumshoe.v1.agent.{agent}")), 1);
}

#[test]
fn a_thousand_waiting_envelopes_come_once_each_and_in_order() {
    let (server, agent) = (Server::start(broker()), agent());
    let configuration = configuration(&agent, &[plain(broker())]);
    Courier::connected(&configuration).stop();
    for number in 0..1000_u32 {
        server.publish(&format!("agent.{agent}"), &number.to_le_bytes());
    }
    let mut courier = Courier::start(&configuration);
    for number in 0..1000_u32 {
        let (tag, bytes) = courier.wait_for_delivery();
        assert_eq!(bytes, number.to_le_bytes());
        courier.say(&ToCourier::Acknowledge { tag });
    }
    courier.stop();
    assert_eq!(server.ready(&format!("gumshoe.v1.agent.{agent}")), 0);
}

#[test]
fn a_publish_that_no_queue_takes_has_failed_and_no_other() {
    let (server, agent) = (Server::start(broker()), agent());
    let _reports = server.reports(&agent);
    let mut courier = Courier::connected(&configuration(&agent, &[plain(broker())]));
    // Every third is unroutable; all are under way at once.
    for id in 0..12 {
        let key = if id % 3 == 0 {
            "report.nobody".to_owned()
        } else {
            format!("report.{agent}")
        };
        courier.publish(id, &key, &[0; 1000]);
    }
    for id in 0..12 {
        let fate = courier.wait_for_fate(id);
        assert_eq!(fate.is_err(), id % 3 == 0, "{id}: {fate:?}");
        if let Err(why) = fate {
            assert!(why.contains("NO_ROUTE"), "{why}");
        }
    }
    courier.stop();
}

#[test]
fn a_publish_that_does_not_fit_the_queue_has_failed() {
    let (server, agent) = (Server::start(broker()), agent());
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
    arguments.insert(
        "x-overflow".into(),
        AMQPValue::LongString("reject-publish".into()),
    );
    server.declare_reports(&format!("full.{agent}"), &agent, arguments);
    let mut courier = Courier::connected(&configuration(&agent, &[plain(broker())]));
    courier.publish(1, &format!("report.{agent}"), b"fits");
    assert_eq!(courier.wait_for_fate(1), Ok(()));
    courier.publish(2, &format!("report.{agent}"), b"does not");
    let why = courier.wait_for_fate(2).unwrap_err();
    assert!(why.contains("queue is full"), "{why}");
    courier.stop();
}

#[test]
fn more_publishes_than_may_wait_are_refused_and_not_lost() {
    let (server, agent) = (Server::start(broker()), agent());
    let mut reports = server.reports(&agent);
    let mut courier = Courier::connected(&configuration(&agent, &[plain(broker())]));
    for id in 0..200 {
        courier.publish(id, &format!("report.{agent}"), &id.to_le_bytes());
    }
    let fates: Vec<_> = (0..200).map(|id| (id, courier.wait_for_fate(id))).collect();
    assert!(fates[0].1.is_ok());
    for (id, fate) in fates {
        match fate {
            Ok(()) => assert_eq!(reports.next().1.len(), 8, "{id}"),
            Err(why) => assert!(why.contains("too much waits"), "{why}"),
        }
    }
    courier.stop();
}

#[test]
fn a_message_that_is_too_large_is_dropped_and_told() {
    let (server, agent) = (Server::start(broker()), agent());
    let mut courier = Courier::connected(&configuration(&agent, &[plain(broker())]));
    server.publish(&format!("agent.{agent}"), &vec![0; 17 << 20]);
    server.publish(&format!("agent.{agent}"), &vec![1; 16 << 20]);
    let (tag, bytes) = courier.wait_for_delivery();
    assert!(bytes.len() == 16 << 20 && bytes[0] == 1);
    courier.say(&ToCourier::Acknowledge { tag });
    let length = courier.wait_for("the note", |message| match message {
        ToWarden::Discarded { bytes, .. } => Some(*bytes),
        _ => None,
    });
    assert_eq!(length, 17 << 20);
    courier.stop();
    assert_eq!(server.ready(&format!("gumshoe.v1.agent.{agent}")), 0);
}

#[test]
fn a_check_in_ends_when_the_queue_is_empty() {
    let (server, agent) = (Server::start(broker()), agent());
    let mut reports = server.reports(&agent);
    let mut configuration = configuration(&agent, &[plain(broker())]);
    Courier::connected(&configuration).stop();
    for number in 0..20_u8 {
        server.publish(&format!("agent.{agent}"), &[number]);
    }
    configuration.once = true;
    let mut courier = Courier::connected(&configuration);
    for number in 0..20_u8 {
        let (tag, bytes) = courier.wait_for_delivery();
        assert_eq!(bytes, [number]);
        assert!(!courier.heard().any(|message| *message == ToWarden::Drained));
        courier.say(&ToCourier::Acknowledge { tag });
    }
    courier.wait_for_message(&ToWarden::Drained);
    courier.publish(1, &format!("report.{agent}"), b"done");
    assert_eq!(courier.wait_for_fate(1), Ok(()));
    assert_eq!(reports.next().1, b"done");
    courier.stop();
    assert_eq!(server.ready(&format!("gumshoe.v1.agent.{agent}")), 0);
}

#[test]
fn a_missing_exchange_is_told_with_who_makes_it() {
    let mut configuration = configuration(&agent(), &[plain(broker())]);
    configuration.topology.actions = "gumshoe.v9.actions".to_owned();
    let mut courier = Courier::start(&configuration);
    let why = courier.wait_for_phase(Phase::Disconnected).unwrap();
    assert!(
        why.contains("gumshoe.v9.actions") && why.contains("gumshoe-server makes it"),
        "{why}"
    );
}

#[test]
fn a_queue_with_other_limits_keeps_its_messages_and_is_told() {
    let (server, agent) = (Server::start(broker()), agent());
    let mut configuration = configuration(&agent, &[plain(broker())]);
    Courier::connected(&configuration).stop();
    server.publish(&format!("agent.{agent}"), b"kept");
    configuration.queue = QueueLimits {
        messages: 5,
        ..QueueLimits::default()
    };
    let mut courier = Courier::start(&configuration);
    let remark = courier.wait_for_phase(Phase::Connected).unwrap();
    assert!(remark.contains("other limits"), "{remark}");
    assert_eq!(courier.wait_for_delivery().1, b"kept");
    courier.publish(1, "report.nobody", b"");
    assert!(courier.wait_for_fate(1).unwrap_err().contains("NO_ROUTE"));
    courier.stop_undisturbed();
}

#[test]
fn a_full_queue_loses_its_oldest_message() {
    let (server, agent) = (Server::start(broker()), agent());
    let mut configuration = configuration(&agent, &[plain(broker())]);
    configuration.queue = QueueLimits {
        messages: 2,
        ..QueueLimits::default()
    };
    Courier::connected(&configuration).stop();
    for bytes in [b"1", b"2", b"3"] {
        server.publish(&format!("agent.{agent}"), bytes);
    }
    let mut courier = Courier::connected(&configuration);
    assert_eq!(courier.wait_for_delivery().1, b"2");
    assert_eq!(courier.wait_for_delivery().1, b"3");
    courier.stop();
}

#[test]
fn another_configuration_takes_the_place_of_the_first() {
    let (server, first, second) = (Server::start(broker()), agent(), agent());
    let mut courier = Courier::connected(&configuration(&first, &[plain(broker())]));
    let next = configuration(&second, &[plain(broker())]);
    courier.say(&ToCourier::Configure(Box::new(next)));
    courier.wait_for_phase(Phase::Connected);
    server.publish(&format!("agent.{second}"), b"second");
    assert_eq!(courier.wait_for_delivery().1, b"second");
    courier.stop();
}

#[test]
fn the_courier_ends_with_its_warden_and_at_rubbish() {
    let mut courier = Courier::connected(&configuration(&agent(), &[plain(broker())]));
    courier.write(&[0xff; 100]);
    courier.wait_for_end();
    assert!(!courier.process.wait().unwrap().success());

    let mut courier = Courier::connected(&configuration(&agent(), &[plain(broker())]));
    courier.hang_up();
    assert!(courier.process.wait().unwrap().success());
}

#[test]
fn a_courier_without_configuration_answers() {
    let mut courier = Courier::start_idle();
    courier.say(&ToCourier::Ping);
    courier.wait_for_message(&ToWarden::Pong);
    courier.publish(1, "x", b"");
    assert!(courier.wait_for_fate(1).unwrap_err().contains("not configured"));
    courier.stop();
}

/// Anonymous memory of the process, in KiB: what it has written, without the program itself.
#[cfg(target_os = "linux")]
fn anonymous_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_courier_is_small_again_after_a_large_envelope() {
    let (server, agent) = (Server::start(broker()), agent());
    let mut courier = Courier::connected(&configuration(&agent, &[plain(broker())]));
    server.publish(&format!("agent.{agent}"), &vec![7; 16 << 20]);
    let (tag, bytes) = courier.wait_for_delivery();
    assert_eq!(bytes.len(), 16 << 20);
    courier.say(&ToCourier::Acknowledge { tag });
    // The answer is written after the envelope was forgotten.
    courier.say(&ToCourier::Ping);
    courier.wait_for_message(&ToWarden::Pong);
    let kib = anonymous_kib(courier.process.id());
    assert!(kib < 8 << 10, "{kib} KiB");
    courier.stop();
}

/// A metadata service that answers one question, whatever it is, with a document of Azure's form.
fn metadata_service() -> std::net::SocketAddr {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut question = Vec::new();
        while !question.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            question.push(byte[0]);
        }
        let body =
            r#"{"vmId":"vm-1","location":"westeurope","zone":"2","vmSize":"B1","subscriptionId":"s-1"}"#;
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
    });
    address
}

#[test]
fn a_cloud_is_asked_about_its_instance_from_within_the_walls() {
    let agent = agent();
    let mut asking = configuration(&agent, &[plain(broker())]);
    asking.metadata = Some(gumshoe_link::MetadataService {
        provider: "azure".to_owned(),
        address: metadata_service(),
    });
    let mut courier = Courier::start(&asking);
    let told = courier.wait_for("metadata", |message| match message {
        ToWarden::Metadata(json) => Some(String::from_utf8_lossy(json).into_owned()),
        _ => None,
    });
    assert!(
        told.contains(r#""instance_id":"vm-1""#) && told.contains("westeurope"),
        "{told}"
    );
    courier.stop();
}
