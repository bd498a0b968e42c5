//! The same questions put to `ss` and `ip`.

use crate::support::{Net, line, settles};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

/// Sockets of all kinds, in states that stay.
fn sockets() -> impl Send {
    let tcp = ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"].map(|at| {
        let listener = TcpListener::bind(at).expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        let to = if at.starts_with('[') { "::1" } else { "127.0.0.1" };
        let near: Vec<TcpStream> = (0..3)
            .map(|_| TcpStream::connect((to, port)).expect("a connection"))
            .collect();
        let far = [
            listener.accept().expect("a connection"),
            listener.accept().expect("a connection"),
        ];
        near[0].shutdown(std::net::Shutdown::Write).expect("it is open");
        (listener, near, far)
    });
    let mapped = TcpListener::bind("[::]:0").expect("a listener");
    let near = TcpStream::connect(("127.0.0.1", mapped.local_addr().expect("an address").port()))
        .expect("a connection");
    let udp =
        ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"].map(|at| UdpSocket::bind(at).expect("a socket"));
    udp[0].connect("127.0.0.1:9").expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x");
    let unix = (
        UnixListener::bind(&path).expect("a listener"),
        UnixStream::connect(&path).expect("a connection"),
    );
    let datagram = (
        UnixDatagram::bind(folder.path().join("y")).expect("a socket"),
        UnixDatagram::unbound().expect("a socket"),
    );
    (tcp, mapped, near, udp, unix, datagram, folder)
}

/// `[::ffff:1.2.3.4]:80`, `*:80`, `[::1%lo]:*` as the module shows them; `-` for no end.
fn end(netid: &str, text: &str, is_local: bool) -> String {
    let (ip, port) = text.rsplit_once(':').expect("a port");
    let ip = ip.trim_matches(['[', ']']).trim_start_matches("::ffff:");
    let ip = ip.split('%').next().expect("a part");
    // For an IPv6 socket that takes IPv4 too, ss shows a star.
    let ip = if ip == "*" { "::" } else { ip };
    match (is_local, port) {
        (false, "*") => "-".to_owned(),
        _ => format!("{ip}:{port}").trim_start_matches(netid).to_owned(),
    }
}

/// The lines of `ss`: protocol, state, ends, inode.
fn by_ss(net: &Net) -> BTreeSet<String> {
    let text = net.command("ss -Htuane");
    let states = [("ESTAB", "established"), ("UNCONN", "unconnected")];
    text.lines()
        .map(|line| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let state = states
                .iter()
                .find(|row| row.0 == words[1])
                .map_or(words[1].to_lowercase(), |row| row.1.to_owned());
            let inode = words
                .iter()
                .find_map(|word| word.strip_prefix("ino:"))
                .unwrap_or("0");
            let ends = (end(words[0], words[4], true), end(words[0], words[5], false));
            format!("{} {state} {} {} {inode}", words[0], ends.0, ends.1)
        })
        .collect()
}

#[test]
fn sockets_are_those_of_ss() {
    let net = Net::new();
    let _held = net.run(sockets);
    let ours = || {
        let report = net.ask(json!({ "protocols": ["tcp", "udp"] }));
        let lines = report
            .findings
            .iter()
            .map(|one| format!("{} {}", line(one), one["inode"].as_u64().unwrap_or(0)));
        let lines: BTreeSet<String> = lines.collect();
        assert_eq!(lines.len(), report.findings.len(), "found twice");
        lines
    };
    assert!(ours().len() > 25);
    settles(ours, || by_ss(&net));
}

#[test]
fn unix_sockets_are_those_of_ss() {
    let net = Net::new();
    let _held = net.run(sockets);
    let kinds = |text: &str| match text {
        "u_str" => "stream",
        "u_dgr" => "dgram",
        _ => "seqpacket",
    };
    // Netid State Recv-Q Send-Q Path Inode Peer PeerInode
    let theirs: BTreeSet<String> = net
        .command("ss -Hxan")
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            format!("{} {} {} {}", kinds(words[0]), words[4], words[5], words[7])
        })
        .collect();
    let report = net.ask(json!({ "protocols": ["unix"] }));
    let number = |one: &Value, key: &str| one[key].as_u64().unwrap_or(0);
    let ours: BTreeSet<String> = report
        .findings
        .iter()
        .map(|one| {
            let (kind, path) = (
                one["type"].as_str().expect("a kind"),
                one["path"].as_str().unwrap_or("*"),
            );
            format!(
                "{kind} {path} {} {}",
                number(one, "inode"),
                number(one, "peer_inode")
            )
        })
        .collect();
    assert_eq!(ours, theirs);
}

#[test]
fn one_address_gives_what_ss_gives_with_a_filter() {
    let net = Net::new();
    let _held = net.run(sockets);
    for address in ["127.0.0.1", "::1", "127.0.0.0/8", "10.0.0.0/8"] {
        let bracketed = if address.contains(':') {
            format!("[{address}]")
        } else {
            address.to_owned()
        };
        let theirs = net
            .command(&format!("ss -Htan dst '{bracketed}'"))
            .lines()
            .count();
        let ours = net
            .ask(json!({ "connectedip": [address], "protocols": ["tcp"] }))
            .findings
            .len();
        assert_eq!(ours, theirs, "{address}");
    }
}

#[test]
fn interfaces_and_neighbours_are_those_of_ip() {
    let net = Net::new();
    net.command(
        "ip link add one type veth peer name two; ip link set one up; ip link set two up; ip addr add 10.78.0.1/24 dev one; ip addr add fd78::1/64 dev one nodad
         ip addr add 10.79.0.1 peer 10.79.0.2/32 dev two
         ip neigh add 10.78.0.9 lladdr 02:00:00:00:00:09 dev one nud permanent
         ip neigh add fd78::9 lladdr 02:00:00:00:00:0a dev one nud stale",
    );
    let json = |command: &str| -> Vec<Value> { serde_json::from_str(&net.command(command)).expect("JSON") };
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut theirs: Vec<String> = Vec::new();
    for link in json("ip -j addr show") {
        for address in link["addr_info"].as_array().expect("a list") {
            theirs.push(format!("{} {}", text(&link["ifname"]), text(&address["local"])));
        }
    }
    for one in json("ip -j neigh show") {
        let state = text(&one["state"][0]).to_lowercase();
        theirs.push(format!(
            "{} {} {} {state}",
            text(&one["dev"]),
            text(&one["dst"]),
            text(&one["lladdr"])
        ));
    }
    theirs.sort();
    let params = json!({ "localip": ["0.0.0.0/0", "::/0"], "neighborip": ["0.0.0.0/0", "::/0"] });
    let ours = net.found(params, |one| {
        let text = |key: &str| one[key].as_str().unwrap_or("-").to_owned();
        match one["kind"].as_str() {
            Some("interface") => format!("{} {}", text("interface"), text("local_ip")),
            _ => format!(
                "{} {} {} {}",
                text("interface"),
                text("remote_ip"),
                text("remote_mac"),
                text("state")
            ),
        }
    });
    assert_eq!(ours, theirs);
}
