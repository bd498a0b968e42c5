//! What Linux says about itself.

use crate::support::{host, put, run, true_for};
use serde_json::json;
use std::os::unix::fs::symlink;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nbin:x:2:2::/bin:/usr/sbin/nologin\n";

#[test]
fn releases_and_accounts() {
    let root = host(&[
        ("/usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
        ("/etc/passwd", PASSWD),
    ]);
    symlink("../usr/lib/os-release", root.path().join("etc/os-release")).unwrap();
    let name = json!({ "name": "^VERSION_ID$" });
    assert_eq!(
        true_for(
            root.path(),
            "osrelease",
            &name,
            &json!({ "exactmatch": { "value": "12" } })
        ),
        ["VERSION_ID"]
    );
    let shell = json!({ "name": ".", "field": "shell" });
    assert_eq!(
        true_for(
            root.path(),
            "user",
            &shell,
            &json!({ "regexp": { "value": "/bash$" } })
        ),
        ["root"]
    );
}

#[test]
fn what_the_kernel_shows() {
    let table =
        "  sl  local_address rem_address   st\n   0: 00000000:0016 00000000:0000 0A 0:0 0:0 0 0 0 1\n";
    let root = host(&[
        ("/proc/modules", "nfs 1 0 - Live 0x0\n"),
        ("/proc/self/mounts", "/dev/a /tmp ext4 rw,nosuid 0 0\n"),
        ("/proc/self/net/tcp", table),
        ("/etc/passwd", PASSWD),
        ("/proc/sys/net/ipv4/ip_forward", "1\n"),
        ("/proc/sys/net/ipv4/conf/eth0.5/forwarding", "0\n"),
    ]);
    symlink("self/mounts", root.path().join("proc/mounts")).unwrap();
    symlink("self/net", root.path().join("proc/net")).unwrap();
    for (source, object, value, expected) in [
        ("kernelmodule", json!({ "name": "^nfs$" }), "Live", "nfs"),
        (
            "mount",
            json!({ "name": "^/tmp$", "field": "options" }),
            "rw,nosuid",
            "/tmp",
        ),
        ("port", json!({ "name": "^tcp/22$" }), "0.0.0.0", "tcp/22"),
        (
            "port",
            json!({ "name": "^tcp/22$", "field": "user" }),
            "root",
            "tcp/22",
        ),
        (
            "sysctl",
            json!({ "name": "ip_forward$" }),
            "1",
            "net.ipv4.ip_forward",
        ),
        (
            "sysctl",
            json!({ "name": "eth0" }),
            "0",
            "net.ipv4.conf.eth0/5.forwarding",
        ),
    ] {
        let test = json!({ "exactmatch": { "value": value } });
        assert_eq!(
            true_for(root.path(), source, &object, &test),
            [expected],
            "{source}"
        );
    }
}

#[test]
fn units_have_states() {
    let installable = "[Service]\n[Install]\nWantedBy=multi-user.target\n";
    let root = host(&[
        ("/usr/lib/systemd/system/ssh.service", installable),
        ("/usr/lib/systemd/system/cron.service", installable),
        ("/usr/lib/systemd/system/getty@.service", installable),
        ("/usr/lib/systemd/system/telnet.socket", installable),
        ("/usr/lib/systemd/system/basic.target", "[Unit]\n"),
    ]);
    put(
        root.path(),
        "/etc/systemd/system/multi-user.target.wants/readme",
        "",
    );
    let etc = root.path().join("etc/systemd/system");
    let wants = etc.join("multi-user.target.wants");
    symlink("/usr/lib/systemd/system/ssh.service", wants.join("ssh.service")).unwrap();
    symlink(
        "/usr/lib/systemd/system/getty@.service",
        wants.join("getty@tty1.service"),
    )
    .unwrap();
    put(root.path(), "/dev/null.fifo", "");
    std::fs::create_dir(root.path().join("dev/null")).unwrap();
    symlink("/dev/null", etc.join("telnet.socket")).unwrap();
    for (name, state) in [
        ("ssh.service", "enabled"),
        ("cron.service", "disabled"),
        ("getty@.service", "enabled"),
        ("telnet.socket", "masked"),
        ("basic.target", "static"),
    ] {
        let test = json!({ "exactmatch": { "value": state } });
        let found = true_for(
            root.path(),
            "unit",
            &json!({ "name": format!("^{name}$") }),
            &test,
        );
        assert_eq!(found, [name], "{state}");
    }
}

#[test]
fn this_very_process_runs() {
    let exe = std::env::current_exe().unwrap();
    let name = format!("^{}$", exe.display());
    let document = crate::support::one("process", &json!({ "name": name }), &json!({}));
    let report = run(std::path::Path::new("/"), &document);
    assert_eq!(
        report.findings[0]["results"][0]["identifier"],
        exe.to_str().unwrap()
    );
}
