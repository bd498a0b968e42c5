//! Twenty thousand connections.

use crate::support::{Net, command};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde_json::json;
use std::collections::HashSet;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

const CONNECTIONS: usize = 20_000;
const LISTENERS: usize = 10;
/// Descriptors that go into one message (`SCM_MAX_FD` is 253).
const BATCH: usize = 200;

/// Connections whose ends no process has open: one end waits to be accepted, the other is on its way in a message.
/// So the test stays within its limit of open files.
fn connections() -> (Vec<TcpListener>, Vec<(UnixStream, UnixStream)>) {
    command("echo 65535 > /proc/sys/net/core/somaxconn");
    let listeners: Vec<TcpListener> = (0..LISTENERS).map(|_| listener()).collect();
    let mut parked = Vec::new();
    for batch in 0..CONNECTIONS / BATCH {
        let at = listeners[batch % LISTENERS].local_addr().expect("an address");
        let streams: Vec<TcpStream> = (0..BATCH)
            .map(|_| TcpStream::connect(at).expect("a connection"))
            .collect();
        let fds: Vec<_> = streams.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
        let (from, to) = UnixStream::pair().expect("a pair");
        sendmsg(&from, &[IoSlice::new(b"x")], &mut control, SendFlags::empty()).expect("they are sent");
        parked.push((from, to));
    }
    (listeners, parked)
}

/// A listener with room for connections that nobody accepts.
fn listener() -> TcpListener {
    use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
    let fd = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&fd, &std::net::SocketAddrV4::new([127, 0, 0, 1].into(), 0)).expect("an address");
    listen(&fd, 65_535).expect("it listens");
    TcpListener::from(fd)
}

#[test]
fn every_one_of_them_is_found_once() {
    let net = Net::new();
    let (listeners, parked) = net.run(connections);
    let report = net.ask(json!({ "connectedip": ["127.0.0.1"], "states": ["established"] }));
    let ends: HashSet<(u64, u64)> = report
        .findings
        .iter()
        .map(|one| {
            (
                one["local_port"].as_u64().expect("a port"),
                one["remote_port"].as_u64().expect("a port"),
            )
        })
        .collect();
    assert_eq!(
        (report.findings.len(), ends.len()),
        (2 * CONNECTIONS, 2 * CONNECTIONS)
    );
    assert!(ends.iter().all(|&(a, b)| ends.contains(&(b, a))));
    assert!(report.coverage.complete, "{:?}", report.coverage);
    let port = listeners[0].local_addr().expect("an address").port();
    let report = net.ask(json!({ "connectedport": [port] }));
    assert_eq!(report.findings.len(), CONNECTIONS / LISTENERS);
    // The kernel left out the others.
    assert_eq!(report.statistics["sockets"], CONNECTIONS / LISTENERS);
    drop(parked);
}
