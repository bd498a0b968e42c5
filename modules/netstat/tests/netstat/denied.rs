//! Where netlink is denied, tables give the same answers.
#![allow(unsafe_code, reason = "a thread denies itself netlink")]

use crate::support::{Net, line, sorted};
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixListener;

/// Makes `socket(AF_NETLINK, …)` fail with EPERM in this thread from now on, as a container's seccomp profile may.
fn deny_netlink() {
    const SYSCALL_AT: u32 = 0;
    const FIRST_ARGUMENT_AT: u32 = 16; // the lower half, on a little-endian machine
    let load = |at| (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, at);
    let unless = |value, skip| (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, skip, value);
    let give = |what| (libc::BPF_RET | libc::BPF_K, 0, 0, what);
    let number = u32::try_from(libc::SYS_socket).expect("a small number");
    let family = u32::try_from(libc::AF_NETLINK).expect("a small number");
    let denied = libc::SECCOMP_RET_ERRNO | u32::try_from(libc::EPERM).expect("a small number");
    let program = [
        load(SYSCALL_AT),
        unless(number, 3),
        load(FIRST_ARGUMENT_AT),
        unless(family, 1),
        give(denied),
        give(libc::SECCOMP_RET_ALLOW),
    ];
    let mut program = program.map(|(code, jt, jf, k)| libc::sock_filter {
        code: u16::try_from(code).expect("a small number"),
        jt,
        jf,
        k,
    });
    let filter = libc::sock_fprog {
        len: 6,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the filter points to six instructions, which the kernel copies and checks.
    let denied = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) == 0
    };
    assert!(denied, "{}", std::io::Error::last_os_error());
}

/// What both ways can tell of a finding.
fn shape(one: &Value) -> String {
    if one["kind"] == "interface" {
        return one["local_ip"].to_string();
    }
    let path = one["path"].as_str().unwrap_or("");
    let inode = one["inode"].as_u64().unwrap_or(0);
    format!(
        "{} {path} {} {} {inode}",
        line(one),
        one["type"],
        one["remote_mac"]
    )
}

#[test]
fn tables_say_what_netlink_says() {
    let net = Net::new();
    net.command("ip link add one type veth peer name two; ip link set one up; ip addr add 10.81.0.1/24 dev one; ip addr add fd81::1/64 dev one nodad
        ip neigh add 10.81.0.9 lladdr 02:00:00:00:81:09 dev one nud permanent");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("with space");
    let _held = net.run(move || {
        let listeners = ["127.0.0.1:4401", "[::]:4402"].map(|at| TcpListener::bind(at).expect("a listener"));
        let streams = [
            TcpStream::connect("127.0.0.1:4401"),
            TcpStream::connect("127.0.0.1:4402"),
        ];
        let udp = UdpSocket::bind("[::1]:4403").expect("a socket");
        udp.connect("[::1]:9").expect("an address");
        (
            listeners,
            streams.map(|one| one.expect("a connection")),
            udp,
            UnixListener::bind(path).expect("a listener"),
        )
    });
    let questions = [
        json!({ "connectedip": ["127.0.0.1", "::1"], "protocols": ["tcp", "udp"] }),
        json!({ "listeningport": ["4401-4403"], "protocols": ["tcp", "udp"] }),
        json!({ "protocols": ["tcp", "udp", "udplite", "raw", "unix", "packet"] }),
        json!({ "localip": ["10.81.0.1", "fd81::1"] }),
        json!({ "neighborip": ["10.81.0.0/24"] }),
    ];
    let by_netlink: Vec<Vec<String>> = questions
        .iter()
        .map(|one| net.found(one.clone(), shape))
        .collect();
    assert!(by_netlink.iter().all(|found| !found.is_empty()));
    net.run(deny_netlink);
    for (question, expected) in questions.iter().zip(by_netlink) {
        let report = net.ask(question.clone());
        assert_eq!(sorted(&report, shape), expected, "{question}");
        let asks_neighbours = question.get("neighborip").is_some();
        assert_eq!(
            report.coverage.complete, !asks_neighbours,
            "{:?}",
            report.coverage
        );
    }
}

#[test]
fn what_has_no_table_is_coverage() {
    let net = Net::new();
    net.run(deny_netlink);
    let report = net.ask(json!({ "neighborip": ["::/0"], "protocols": ["tcp"] }));
    let skipped: Vec<String> = report
        .coverage
        .skipped
        .iter()
        .map(|one| format!("{}: {}", one.what, one.why))
        .collect();
    assert_eq!(skipped, ["neighbors by IPv6: there is no table of them"]);
    let report = net.ask(json!({ "protocols": ["mptcp"] }));
    assert_eq!(report.coverage.skipped[0].what, "mptcp sockets");
    assert!(
        report.coverage.skipped[0].why.contains("Operation not permitted"),
        "{:?}",
        report.coverage
    );
}
