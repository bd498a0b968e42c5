//! Sockets of all kinds, each question and filter with something that answers it and something that does not.

use crate::support::{Net, line, question, settles};
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};

/// A connection within the namespace: listener, this end, that end.
fn connection(net: &Net, at: &'static str) -> (TcpListener, TcpStream, TcpStream) {
    net.run(move || {
        let listener = TcpListener::bind(at).expect("a listener");
        let near = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        let (far, _) = listener.accept().expect("a connection");
        (listener, near, far)
    })
}

#[test]
fn both_ends_of_a_connection_are_found_by_address() {
    let net = Net::new();
    for (at, ip, network, other) in [
        ("127.0.0.1:4001", "127.0.0.1", "127.0.0.0/8", "128.0.0.0/8"),
        ("[::1]:4002", "::1", "::/64", "2001:db8::/32"),
    ] {
        let (_listener, near, far) = connection(&net, at);
        let (near, far) = (
            near.local_addr().expect("an address"),
            far.local_addr().expect("an address"),
        );
        let text = |at: std::net::SocketAddr| format!("{}:{}", at.ip(), at.port());
        let mut both =
            [(near, far), (far, near)].map(|(a, b)| format!("tcp established {} {}", text(a), text(b)));
        both.sort();
        for value in [ip, network] {
            assert_eq!(
                net.found(json!({ "connectedip": [value] }), line),
                both,
                "{value}"
            );
        }
        assert_eq!(net.found(json!({ "connectedip": [other] }), line), [""; 0]);
    }
}

#[test]
fn addresses_mapped_into_ipv6_are_those_of_ipv4() {
    let net = Net::new();
    // A listener of IPv6 that takes IPv4 too; its end of the connection is a socket of IPv6.
    let (_listener, _near, far) = net.run(|| {
        let listener = TcpListener::bind("[::]:4003").expect("a listener");
        let near = TcpStream::connect("127.0.0.1:4003").expect("a connection");
        let (far, _) = listener.accept().expect("a connection");
        (listener, near, far)
    });
    assert!(far.local_addr().expect("an address").is_ipv6());
    for value in [
        "127.0.0.1",
        "::ffff:127.0.0.1",
        "127.0.0.0/8",
        "::ffff:127.0.0.0/104",
    ] {
        let found = net.found(json!({ "connectedip": [value] }), line);
        assert_eq!(found.len(), 2, "{value}: {found:?}");
        assert!(found.iter().all(|line| !line.contains("ffff")), "{found:?}");
    }
    assert_eq!(net.found(json!({ "connectedip": ["::/0"] }), line), [""; 0]);
}

#[test]
fn udp_is_connected_or_listens() {
    let net = Net::new();
    let (_bound, _connected) = net.run(|| {
        let bound = UdpSocket::bind("127.0.0.1:4004").expect("a socket");
        let connected = UdpSocket::bind("127.0.0.1:4005").expect("a socket");
        connected.connect("127.0.0.1:4004").expect("an address");
        (bound, connected)
    });
    let connected = ["udp established 127.0.0.1:4005 127.0.0.1:4004"];
    assert_eq!(
        net.found(json!({ "connectedip": ["127.0.0.1"] }), line),
        connected
    );
    assert_eq!(net.found(json!({ "connectedport": [4004] }), line), connected);
    assert_eq!(net.found(json!({ "connectedport": [4005] }), line), [""; 0]);
    let bound = ["udp unconnected 127.0.0.1:4004 -"];
    assert_eq!(net.found(json!({ "listeningport": ["4000-4010"] }), line), bound);
}

#[test]
fn listeners_are_found_on_any_and_on_one_address() {
    let net = Net::new();
    let _held = net.run(|| {
        let any = [TcpListener::bind("0.0.0.0:4006"), TcpListener::bind("[::]:4007")]
            .map(|one| one.expect("a listener"));
        let one = [
            TcpListener::bind("127.0.0.1:4008"),
            TcpListener::bind("[::1]:4008"),
        ]
        .map(|one| one.expect("a listener"));
        (any, one)
    });
    let connection = connection(&net, "127.0.0.1:4009");
    for (ports, expected) in [
        (json!([4006]), vec!["tcp listen 0.0.0.0:4006 -"]),
        (json!(["4007"]), vec!["tcp listen :::4007 -"]),
        (
            json!([4008]),
            vec!["tcp listen 127.0.0.1:4008 -", "tcp listen ::1:4008 -"],
        ),
        (
            json!(["4007-4008", 4009]),
            vec![
                "tcp listen 127.0.0.1:4008 -",
                "tcp listen 127.0.0.1:4009 -",
                "tcp listen ::1:4008 -",
                "tcp listen :::4007 -",
            ],
        ),
        (json!([1, "4010-65535"]), vec![]),
    ] {
        let found = net.found(json!({ "listeningport": ports }), line);
        assert_eq!(found, expected, "{ports}");
    }
    drop(connection);
}

#[test]
fn a_finding_says_which_question_it_answers() {
    let net = Net::new();
    let _held = connection(&net, "127.0.0.1:4011");
    let params = json!({ "connectedip": ["127.0.0.1", "127.0.0.0/8", "10.0.0.0/8"], "connectedport": [4011, "1-4010"],
        "listeningport": ["4011", "4000-4020", "1"] });
    let expected = [
        "connectedip=127.0.0.0/8",
        "connectedip=127.0.0.0/8",
        "connectedip=127.0.0.1",
        "connectedip=127.0.0.1",
        "connectedport=4011",
        "listeningport=4000-4020",
        "listeningport=4011",
    ];
    assert_eq!(net.found(params, question), expected);
}

#[test]
fn states_and_protocols_narrow_what_is_found() {
    let net = Net::new();
    let _held = (
        connection(&net, "127.0.0.1:4012"),
        net.run(|| UdpSocket::bind("127.0.0.1:4012").expect("a socket")),
    );
    let count = |params: Value| net.ask(params).findings.len();
    assert_eq!(count(json!({ "states": ["listen"] })), 1);
    assert_eq!(
        count(json!({ "states": ["established"], "protocols": ["tcp"] })),
        2
    );
    assert_eq!(
        count(json!({ "states": ["established"], "protocols": ["udp"] })),
        0
    );
    assert_eq!(count(json!({ "states": ["time-wait", "syn-sent"] })), 0);
    assert_eq!(count(json!({ "protocols": ["udp"] })), 1);
    assert_eq!(count(json!({ "protocols": ["tcp", "udp"] })), 4);
    assert_eq!(count(json!({ "listeningport": [4012], "protocols": ["udp"] })), 1);
    assert_eq!(
        count(json!({ "connectedip": ["127.0.0.1"], "protocols": ["udp"] })),
        0
    );
    assert_eq!(
        count(json!({ "connectedip": ["127.0.0.1"], "states": ["close-wait"] })),
        0
    );
}

#[test]
fn a_closed_connection_is_found_in_its_last_states() {
    let net = Net::new();
    let (_listener, near, far) = connection(&net, "127.0.0.1:4013");
    let states = |net: &Net| {
        net.found(json!({ "connectedip": ["127.0.0.1"] }), |one| {
            one["state"].to_string()
        })
    };
    near.shutdown(std::net::Shutdown::Write).expect("it is open");
    settles(
        || states(&net),
        || vec!["\"close-wait\"".to_owned(), "\"fin-wait-2\"".to_owned()],
    );
    drop((far, near));
    settles(|| states(&net), || vec!["\"time-wait\"".to_owned()]);
    let report = net.ask(json!({ "connectedip": ["127.0.0.1"], "owners": true }));
    assert!(
        report.coverage.complete,
        "nobody can have it any more: {:?}",
        report.coverage
    );
    assert!(report.findings[0].get("inode").is_none() && report.findings[0].get("uid").is_none());
}

#[test]
fn more_networks_than_the_kernel_is_asked_for_are_tested_all_the_same() {
    let net = Net::new();
    let _held = connection(&net, "127.0.0.1:4014");
    let mut networks: Vec<String> = (0..1000)
        .map(|n| format!("10.{}.{}.0/24", n / 256, n % 256))
        .collect();
    assert_eq!(net.found(json!({ "connectedip": networks }), line), [""; 0]);
    networks.push("127.0.0.1".to_owned());
    assert_eq!(
        net.found(json!({ "connectedip": networks }), question),
        ["connectedip=127.0.0.1"; 2]
    );
}

#[test]
fn unix_sockets_are_found_by_path_and_by_abstract_name() {
    let net = Net::new();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("needle.sock");
    let bound = path.clone();
    let (_listener, _near, _far, _abstract) = net.run(move || {
        use std::os::linux::net::SocketAddrExt;
        let listener = UnixListener::bind(&bound).expect("a listener");
        let near = UnixStream::connect(&bound).expect("a connection");
        let (far, _) = listener.accept().expect("a connection");
        let name = std::os::unix::net::SocketAddr::from_abstract_name(b"gumshoe-\xffneedle").expect("a name");
        (
            listener,
            near,
            far,
            UnixListener::bind_addr(&name).expect("a listener"),
        )
    });
    let shape = |one: &Value| {
        format!(
            "{} {} {}",
            one["path"].as_str().unwrap_or("-"),
            one["type"],
            one["state"]
        )
    };
    let text = path.to_str().expect("text");
    let found = net.found(json!({ "unixpaths": [r"/needle\.sock$"] }), shape);
    assert_eq!(
        found,
        [
            format!("{text} \"stream\" \"established\""),
            format!("{text} \"stream\" \"listen\"")
        ]
    );
    let report = net.ask(json!({ "unixpaths": [r"^@gumshoe-\xffneedle$"] }));
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0]["path"], "@gumshoe-\u{fffd}needle");
    assert_eq!(report.findings[0]["path_bytes"], "QGd1bXNob2Ut/25lZWRsZQ==");
    assert_eq!(net.ask(json!({ "unixpaths": ["^/absent$"] })).findings.len(), 0);
    let far = net.ask(json!({ "unixpaths": [r"needle\.sock$"], "states": ["established"] }));
    let peers = net.ask(json!({ "protocols": ["unix"], "states": ["established"] }));
    let peer = far.findings[0]["peer_inode"].as_u64().expect("connected");
    assert!(
        peers
            .findings
            .iter()
            .any(|one| one["inode"].as_u64() == Some(peer)),
        "{peers:?}"
    );
}

#[test]
fn sniffers_are_found() {
    use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, socket_with};
    let net = Net::new();
    let _held = net.run(|| {
        let open = |family, kind, protocol: u32| {
            let protocol = Protocol::from_raw(protocol.try_into().expect("not zero"));
            socket_with(family, kind, SocketFlags::CLOEXEC, Some(protocol)).expect("this test needs root")
        };
        let every_frame = u32::from(3_u16.to_be());
        (
            open(AddressFamily::PACKET, SocketType::RAW, every_frame),
            open(AddressFamily::INET, SocketType::RAW, 1),
        )
    });
    let found = net.ask(json!({ "protocols": ["packet"] })).findings;
    assert_eq!((found.len(), &found[0]["ethertype"]), (1, &json!("0x0003")));
    let found = net.ask(json!({ "protocols": ["raw"] })).findings;
    assert_eq!((found.len(), &found[0]["ip_protocol"]), (1, &json!(1)));
    assert_eq!(
        net.ask(json!({ "protocols": ["sctp", "dccp"] })).findings.len(),
        0
    );
}

#[test]
fn a_limit_on_findings_is_named_and_nothing_is_kept_beyond_it() {
    use gumshoe_plugin_api::{Limits, harness::Harness};
    let net = Net::new();
    let _held = net.run(|| {
        (5000..5020)
            .map(|port| UdpSocket::bind(("127.0.0.1", port)).expect("a socket"))
            .collect::<Vec<_>>()
    });
    let report = net.run(|| {
        let limits = Limits {
            findings: 3,
            ..Limits::default()
        };
        Harness::new("/")
            .limits(limits)
            .run::<gumshoe_module_netstat::Netstat>(&json!({ "protocols": ["udp"] }))
    });
    assert_eq!(report.findings.len(), 3);
    let skipped = &report.coverage.skipped[0];
    assert_eq!(
        (skipped.what.as_str(), skipped.why.as_str(), skipped.count),
        ("socket", "limit reached: findings = 3", 16)
    );
}
