//! Interfaces and neighbours, of two namespaces that are connected by a pair of virtual interfaces.

use crate::support::{Net, question};
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream};

/// Two namespaces with addresses 10.77.0.1, fd77::1 and 10.77.0.2, fd77::2.
fn pair() -> (Net, Net) {
    let (one, two) = (Net::new(), Net::new());
    one.command(&format!(
        "ip link add left address 02:00:00:00:77:01 type veth peer name right address 02:00:00:00:77:02 netns {}
         ip addr add 10.77.0.1/24 dev left; ip addr add fd77::1/64 dev left nodad; ip link set left up",
        two.tid
    ));
    two.command(
        "ip addr add 10.77.0.2/24 dev right; ip addr add fd77::2/64 dev right nodad; ip link set right up",
    );
    (one, two)
}

fn shape(finding: &Value) -> String {
    let text = |key: &str| finding[key].as_str().unwrap_or("-").to_owned();
    format!(
        "{} {} {} {}",
        text("kind"),
        text("interface"),
        text("local_ip"),
        text("local_mac")
    )
}

#[test]
fn own_addresses_and_hardware_addresses_are_found() {
    let (one, _two) = pair();
    let mac = "02:00:00:00:77:01";
    for (params, expected) in [
        (
            json!({ "localip": ["10.77.0.1"] }),
            vec![format!("interface left 10.77.0.1 {mac}")],
        ),
        (
            json!({ "localip": ["10.77.0.0/16"] }),
            vec![format!("interface left 10.77.0.1 {mac}")],
        ),
        (
            json!({ "localip": ["fd77::/16"] }),
            vec![format!("interface left fd77::1 {mac}")],
        ),
        (
            json!({ "localip": ["127.0.0.1"] }),
            vec!["interface lo 127.0.0.1 00:00:00:00:00:00".to_owned()],
        ),
        (json!({ "localip": ["10.77.0.2", "192.0.2.0/24"] }), vec![]),
        (
            json!({ "localmac": ["^02:00:00:00:77:01$"] }),
            vec![format!("interface left - {mac}")],
        ),
        (
            json!({ "localmac": ["77:0[1-9]"] }),
            vec![format!("interface left - {mac}")],
        ),
        (json!({ "localmac": ["77:02", "^$"] }), vec![]),
    ] {
        assert_eq!(one.found(params.clone(), shape), expected, "{params}");
    }
    one.command("ip link set left down; ip link set left address aa:bb:cc:dd:ee:ff");
    let found = one.ask(json!({ "localmac": ["^AA:BB"] })).findings;
    assert_eq!((found.len(), &found[0]["state"]), (1, &json!("down")));
}

#[test]
fn neighbours_are_found_after_they_were_talked_to() {
    let (one, two) = pair();
    let _held = two.run(|| TcpListener::bind("[::]:4201").expect("a listener"));
    let _near = one.run(|| {
        [
            TcpStream::connect("10.77.0.2:4201"),
            TcpStream::connect("[fd77::2]:4201"),
        ]
        .map(|one| one.expect("a connection"))
    });
    for (params, expected) in [
        (
            json!({ "neighborip": ["10.77.0.0/24"] }),
            vec!["neighborip=10.77.0.0/24"],
        ),
        (json!({ "neighborip": ["fd77::2"] }), vec!["neighborip=fd77::2"]),
        (json!({ "neighborip": ["10.77.0.1", "fd78::/16"] }), vec![]),
        (
            json!({ "neighbormac": ["^02:00:00:00:77:02$"] }),
            vec!["neighbormac=^02:00:00:00:77:02$"; 2],
        ),
        (json!({ "neighbormac": ["77:01"] }), vec![]),
    ] {
        assert_eq!(one.found(params.clone(), question), expected, "{params}");
    }
    let found = one.ask(json!({ "neighborip": ["10.77.0.2"] })).findings;
    assert_eq!(
        (&found[0]["interface"], &found[0]["remote_mac"]),
        (&json!("left"), &json!("02:00:00:00:77:02"))
    );
}

#[test]
fn a_neighbour_that_does_not_answer_is_found_without_hardware_address() {
    let (one, _two) = pair();
    one.run(|| {
        let socket = std::net::UdpSocket::bind("10.77.0.1:0").expect("a socket");
        socket.send_to(b"?", "10.77.0.99:9").expect("sent");
    });
    let found = one.ask(json!({ "neighborip": ["10.77.0.99"] })).findings;
    assert_eq!((found.len(), found[0].get("remote_mac")), (1, None));
    one.command("ip neigh replace 10.77.0.98 lladdr 02:aa:00:00:00:98 dev left nud permanent");
    let found = one.ask(json!({ "neighbormac": ["^02:AA:"] })).findings;
    assert_eq!(
        (&found[0]["state"], &found[0]["remote_ip"]),
        (&json!("permanent"), &json!("10.77.0.98"))
    );
}

#[test]
fn everything_is_sockets_interfaces_and_neighbours() {
    let (one, two) = pair();
    let _held = two.run(|| TcpListener::bind("10.77.0.2:4202").expect("a listener"));
    let near = one.run(|| TcpStream::connect("10.77.0.2:4202").expect("a connection"));
    let kinds = |params: Value| {
        let mut kinds = one.found(params, |one| one["kind"].as_str().unwrap_or("?").to_owned());
        kinds.dedup();
        kinds
    };
    assert_eq!(kinds(json!({ "all": true })), ["interface", "neighbor", "socket"]);
    assert_eq!(kinds(json!({ "all": true, "protocols": ["tcp"] })), ["socket"]);
    drop(near);
}

#[test]
fn a_socket_bound_to_an_interface_names_it() {
    let (one, _two) = pair();
    let index = one
        .command("ip -o link show left | cut -d: -f1")
        .trim()
        .parse()
        .expect("a number");
    let _held = one.run(move || {
        let socket = std::net::UdpSocket::bind("[::]:4203").expect("a socket");
        let everybody = std::net::SocketAddrV6::new("ff02::1".parse().expect("an address"), 9, 0, index);
        socket.connect(everybody).expect("a route");
        socket
    });
    assert_eq!(
        one.ask(json!({ "connectedip": ["ff02::1"] })).findings[0]["interface"],
        "left"
    );
}
