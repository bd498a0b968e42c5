//! Whom the courier trusts, and whom it shows itself to.

use gumshoe_link::{Login, Phase, Proxy, Secret, ToCourier};
use gumshoe_test_services::{certificates::Authority, rabbitmq::User};

use crate::support::{Courier, Forwarder, Server, agent, broker, configuration, plain, tls};

fn authority() -> Option<String> {
    Some(broker().authority().unwrap().pem())
}

#[test]
fn a_client_certificate_lets_the_agent_in() {
    let (server, agent) = (Server::start(broker()), agent());
    broker()
        .add_users(&[User::external(&agent).permissions(".*", ".*", ".*")])
        .unwrap();
    let identity = broker().authority().unwrap().client(&agent).unwrap();
    let mut configuration = configuration(&agent, &[tls(broker())]);
    configuration.trust.authorities = authority();
    configuration.login = Login::Certificate {
        chain: identity.certificate,
        key: Secret::new(identity.key),
    };
    let mut courier = Courier::connected(&configuration);
    server.publish(&format!("agent.{agent}"), b"through TLS");
    let (tag, bytes) = courier.wait_for_delivery();
    assert_eq!(bytes, b"through TLS");
    courier.say(&ToCourier::Acknowledge { tag });
    courier.stop();
}

#[test]
fn a_relay_with_another_authority_is_refused() {
    let mut configuration = configuration(&agent(), &[tls(broker())]);
    configuration.trust.authorities = Some(Authority::new("somebody else").unwrap().pem());
    let why = Courier::start(&configuration)
        .wait_for_phase(Phase::Disconnected)
        .unwrap();
    assert!(why.contains("UnknownIssuer"), "{why}");
    // Nor is it trusted because nothing is configured.
    configuration.trust.authorities = None;
    let why = Courier::start(&configuration)
        .wait_for_phase(Phase::Disconnected)
        .unwrap();
    assert!(
        why.contains("UnknownIssuer") || why.contains("trusts none"),
        "{why}"
    );
}

#[test]
fn a_relay_with_another_name_is_refused() {
    let mut configuration = configuration(&agent(), &[tls(broker())]);
    configuration.trust.authorities = authority();
    configuration.trust.server_name = Some("relay.example.org".to_owned());
    let why = Courier::start(&configuration)
        .wait_for_phase(Phase::Disconnected)
        .unwrap();
    assert!(why.contains("not valid for name"), "{why}");
}

#[test]
fn plain_amqp_to_another_machine_is_refused_before_a_byte_is_sent() {
    // A documentation address (RFC 5737): nothing answers there, and nothing is asked.
    let mut courier = Courier::start(&configuration(&agent(), &["amqp://192.0.2.1".to_owned()]));
    let why = courier.wait_for_phase(Phase::Disconnected).unwrap();
    assert!(
        why.contains("loopback addresses only") && why.contains("192.0.2.1"),
        "{why}"
    );
    courier.publish(1, "report.x", b"");
    assert!(courier.wait_for_fate(1).unwrap_err().contains("no relay"));
    courier.stop();
}

#[test]
fn a_wrong_password_is_told() {
    let mut configuration = configuration(&agent(), &[plain(broker())]);
    configuration.login = Login::Password {
        user: "guest".to_owned(),
        password: Secret::new("wrong"),
    };
    let why = Courier::start(&configuration)
        .wait_for_phase(Phase::Disconnected)
        .unwrap();
    assert!(
        why.contains("did not let us in") && !why.contains("wrong"),
        "{why}"
    );
}

#[test]
fn relays_are_tried_in_their_order() {
    let _server = Server::start(broker());
    // Port 1 of loopback: nothing listens there.
    let relays = ["amqp://127.0.0.1:1".to_owned(), plain(broker())];
    let mut courier = Courier::start(&configuration(&agent(), &relays));
    assert_eq!(courier.wait_for_relay(), format!("{}/%2f", plain(broker())));
    courier.stop();
}

#[test]
fn a_relay_behind_a_proxy_is_reached_and_verified() {
    let (server, agent) = (Server::start(broker()), agent());
    // "user:secret" in base64.
    let proxy = Forwarder::proxy("dXNlcjpzZWNyZXQ=");
    let mut configuration = configuration(&agent, &[tls(broker())]);
    configuration.trust.authorities = authority();
    configuration.proxy = Some(Proxy {
        host: "127.0.0.1".to_owned(),
        port: proxy.port(),
        user: Some("user".to_owned()),
        password: Some(Secret::new("secret")),
    });
    let mut courier = Courier::connected(&configuration);
    assert_eq!(proxy.connections(), 1);
    server.publish(&format!("agent.{agent}"), b"through the proxy");
    assert_eq!(courier.wait_for_delivery().1, b"through the proxy");
    courier.stop();

    configuration.proxy.as_mut().unwrap().password = None;
    let why = Courier::start(&configuration)
        .wait_for_phase(Phase::Disconnected)
        .unwrap();
    assert!(why.contains("the proxy answers 407"), "{why}");
}
