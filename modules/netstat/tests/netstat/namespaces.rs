//! Namespaces, however they are kept alive, and each of them once.

use crate::support::{Net, ask, command};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};

/// The numbers of the namespaces in which an address is found.
fn namespaces_with(address: &str) -> Vec<Value> {
    let report = ask(&json!({ "localip": [address], "namespaces": true }));
    report
        .findings
        .into_iter()
        .map(|mut one| one["namespace"].take())
        .collect()
}

/// A shell command that says `ready` and waits for its input to end.
struct Waiting(Child);

impl Waiting {
    fn start(program: &str, arguments: &[&str]) -> Waiting {
        let mut command = Command::new(program);
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a shell");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("it writes");
        assert_eq!(line, "ready\n");
        Waiting(child)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0
            .stdin
            .take()
            .expect("piped")
            .flush()
            .expect("nothing to write");
        self.0.wait().expect("it ends");
    }
}

#[test]
fn a_namespace_of_processes_is_found_once() {
    let script = "ip link set lo up; ip addr add 192.0.2.41/32 dev lo; sleep 600 & echo ready; read -r _ || true; kill $!";
    let waiting = Waiting::start("unshare", &["--net", "sh", "-ec", script]);
    let found = namespaces_with("192.0.2.41");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["pid"], waiting.0.id());
    let inode = command(&format!("readlink /proc/{}/ns/net", waiting.0.id()));
    assert_eq!(inode.trim(), format!("net:[{}]", found[0]["inode"]));
    let unasked = ask(&json!({ "localip": ["192.0.2.41"] }));
    assert!(unasked.findings.is_empty());
}

#[test]
fn a_namespace_of_a_thread_is_found() {
    let net = Net::new();
    net.command("ip addr add 192.0.2.42/32 dev lo");
    assert_eq!(namespaces_with("192.0.2.42")[0]["pid"], std::process::id());
}

#[test]
fn a_namespace_that_is_only_mounted_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("name space");
    std::fs::write(&file, "").expect("a file");
    let inner = r#"ip link set lo up; ip addr add 192.0.2.43/32 dev lo; mount --bind /proc/self/ns/net "$0""#;
    let script = r#"unshare --net sh -ec "$1" "$0"; echo ready; read -r _ || true"#;
    let arguments = [
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-ec",
        script,
        file.to_str().expect("text"),
        inner,
    ];
    // Mounted in a mount namespace of its own, too.
    let _waiting = Waiting::start("unshare", &arguments);
    let found = namespaces_with("192.0.2.43");
    assert_eq!((found.len(), &found[0]["path"]), (1, &json!(file)), "{found:?}");
}

#[test]
fn a_namespace_that_is_only_held_open_is_found() {
    let net = Net::new();
    net.command("ip addr add 192.0.2.44/32 dev lo");
    let held = net.run(|| File::open("/proc/thread-self/ns/net").expect("a namespace"));
    drop(net);
    assert_eq!(namespaces_with("192.0.2.44").len(), 1);
    drop(held);
}

#[test]
fn a_namespace_of_which_only_a_socket_is_left_is_found() {
    let net = Net::new();
    let held = net.run(|| UdpSocket::bind("127.0.0.1:4301").expect("a socket"));
    drop(net);
    let report = ask(&json!({ "listeningport": [4301], "namespaces": true, "owners": true }));
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0]["processes"][0]["pid"], std::process::id());
    drop(held);
}

#[test]
fn one_question_is_asked_in_every_namespace() {
    let nets = [Net::new(), Net::new(), Net::new()];
    let _held: Vec<UdpSocket> = nets
        .iter()
        .map(|net| net.run(|| UdpSocket::bind("127.0.0.1:4302").expect("a socket")))
        .collect();
    let report = ask(&json!({ "listeningport": [4302], "namespaces": true }));
    let inodes: BTreeSet<u64> = report
        .findings
        .iter()
        .map(|one| one["namespace"]["inode"].as_u64().expect("a number"))
        .collect();
    assert_eq!((report.findings.len(), inodes.len()), (3, 3));
    let own = nets[0].ask(json!({ "listeningport": [4302], "namespaces": true }));
    let is_own = |one: &&Value| one["namespace"]["own"] == true;
    assert_eq!(
        (own.findings.len(), own.findings.iter().filter(is_own).count()),
        (3, 1)
    );
    assert!(own.statistics["namespaces"].as_u64().expect("a number") >= 4);
}
