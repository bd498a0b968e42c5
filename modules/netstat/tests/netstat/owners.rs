//! The processes behind sockets.

use crate::support::{Net, line, settles};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

/// A process that has a socket as its standard input, and does nothing until it is dropped.
struct Holder(Child);

impl Holder {
    fn new(socket: impl Into<OwnedFd>) -> Holder {
        let mut command = Command::new("sleep");
        let child = command
            .arg("600")
            .stdin(Stdio::from(socket.into()))
            .stdout(Stdio::null())
            .spawn();
        Holder(child.expect("there is sleep"))
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.kill().expect("it is running");
        self.0.wait().expect("it ends");
    }
}

/// The programs of the processes named, each once: another test may just be starting a process, which has all
/// sockets of this one until it runs its program.
fn exes(finding: &Value) -> Vec<String> {
    let processes = finding["processes"].as_array().cloned().unwrap_or_default();
    let exes: BTreeSet<&str> = processes
        .iter()
        .map(|one| one["exe"].as_str().unwrap_or("?"))
        .collect();
    exes.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_process_that_has_a_socket_is_named() {
    let net = Net::new();
    let socket = net.run(|| UdpSocket::bind("127.0.0.1:4101").expect("a socket"));
    let child = Holder::new(socket.try_clone().expect("a copy"));
    let report = net.ask(json!({ "listeningport": [4101], "owners": true }));
    let own = std::env::current_exe().expect("a program");
    let sleep = crate::support::command("readlink -f \"$(command -v sleep)\"");
    let mut expected = vec![own.to_str().expect("text").to_owned(), sleep.trim().to_owned()];
    let mut found = exes(&report.findings[0]);
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    let process = &report.findings[0]["processes"].as_array().expect("a list")[0];
    assert_eq!((&process["uid"], &process["user"]), (&json!(0), &json!("root")));
    assert!(report.coverage.complete, "{:?}", report.coverage);
    let unasked = net.ask(json!({ "listeningport": [4101] }));
    assert!(unasked.findings[0].get("processes").is_none());
    drop(child);
}

#[test]
fn sockets_are_found_by_program() {
    let net = Net::new();
    let (mine, other) = net.run(|| {
        (
            UdpSocket::bind("127.0.0.1:4102").expect("a socket"),
            UdpSocket::bind("127.0.0.1:4103").expect("a socket"),
        )
    });
    let child = Holder::new(other);
    let found = |program: &str| net.found(json!({ "processes": [program], "protocols": ["udp"] }), line);
    assert_eq!(found("/sleep$"), ["udp unconnected 127.0.0.1:4103 -"]);
    assert_eq!(found("/coreutils$|/sleep$"), ["udp unconnected 127.0.0.1:4103 -"]);
    assert_eq!(found("^/absent$"), [""; 0]);
    assert_eq!(
        net.ask(json!({ "listeningport": [4102], "processes": ["/sleep$"] }))
            .findings
            .len(),
        0
    );
    drop(child);
    drop(mine);
}

#[test]
fn a_connection_outlives_its_owner() {
    let net = Net::new();
    let (listener, near) = net.run(|| {
        let listener = TcpListener::bind("127.0.0.1:4104").expect("a listener");
        let near = TcpStream::connect("127.0.0.1:4104").expect("a connection");
        (listener, near)
    });
    let (far, _) = listener.accept().expect("a connection");
    let child = Holder::new(near);
    let asked = json!({ "connectedport": [4104], "owners": true });
    let before = net.ask(asked.clone());
    assert!(
        exes(&before.findings[0])[0].ends_with("/sleep")
            || exes(&before.findings[0])[0].ends_with("/coreutils")
    );
    drop(child);
    let state = || net.ask(asked.clone()).findings[0]["state"].clone();
    settles(state, || json!("fin-wait-2"));
    let after = net.ask(asked.clone());
    assert_eq!(exes(&after.findings[0]).len(), 0);
    assert!(after.coverage.complete, "nobody has it: {:?}", after.coverage);
    drop(far);
}

#[test]
fn a_socket_whose_holder_cannot_be_seen_is_coverage() {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use std::os::fd::AsFd;
    let net = Net::new();
    let socket = net.run(|| UdpSocket::bind("127.0.0.1:4105").expect("a socket"));
    // On its way from one process to another, a socket is nobody's.
    let (one, _other) = std::os::unix::net::UnixStream::pair().expect("a pair");
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let sockets = [socket.as_fd()];
    assert!(control.push(SendAncillaryMessage::ScmRights(&sockets)));
    sendmsg(
        &one,
        &[std::io::IoSlice::new(b"x")],
        &mut control,
        SendFlags::empty(),
    )
    .expect("it is sent");
    drop(socket);
    for params in [
        json!({ "listeningport": [4105], "owners": true }),
        json!({ "protocols": ["udp"], "processes": ["."], "owners": true }),
    ] {
        let report = net.ask(params);
        let skipped = &report.coverage.skipped;
        assert_eq!(
            (skipped.len(), skipped[0].count, report.coverage.complete),
            (1, 1, false)
        );
        assert!(skipped[0].examples[0].contains("127.0.0.1:4105"), "{skipped:?}");
    }
}

#[test]
fn a_question_about_a_program_looks_at_that_program_only() {
    let net = Net::new();
    let socket = net.run(|| UdpSocket::bind("127.0.0.1:4106").expect("a socket"));
    let child = Holder::new(socket.try_clone().expect("a copy"));
    let asked = json!({ "protocols": ["udp"], "processes": ["/(sleep|coreutils)$"] });
    let names = |params: &Value| exes(&net.ask(params.clone()).findings[0]).len();
    let mut with_owners = asked.clone();
    with_owners["owners"] = json!(true);
    assert_eq!((names(&asked), names(&with_owners)), (1, 2));
    drop(child);
    let report = net.ask(asked);
    let is_unresolved = |one: &gumshoe_plugin_api::Skipped| one.what == "process of a socket";
    assert!(report.findings.is_empty());
    assert!(
        !report.coverage.skipped.iter().any(is_unresolved),
        "{:?}",
        report.coverage
    );
    drop(socket);
}
