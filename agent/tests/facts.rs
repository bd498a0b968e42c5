//! `gumshoe-agent facts`, on fixture roots and on this host.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use gumshoe_agent::facts::{Cloud, Gathered, Sources, gather};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A root with what every Linux has.
fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("proc/sys/kernel/hostname", "web-17.example.org\n"),
        ("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n"),
        ("proc/meminfo", "MemTotal:       16384 kB\nMemFree:  1 kB\n"),
        ("sys/devices/system/cpu/online", "0-7\n"),
        ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
        ("etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
    ] {
        put(root.path(), path, text);
    }
    root
}

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn gathered(root: &Path) -> Gathered {
    gather(&Sources {
        root: root.to_owned(),
        tags_dir: root.join("etc/gumshoe/tags.d"),
    })
}

#[test]
fn a_plain_host_is_described_by_its_files() {
    let root = root();
    let Gathered {
        facts,
        machine,
        cloud,
        problems,
    } = gathered(root.path());
    assert_eq!(problems, [""; 0]);
    assert_eq!(facts.os, "linux");
    assert_eq!(facts.hostname, "web-17.example.org");
    assert_eq!(facts.kernel, "6.1.0-18-amd64");
    assert_eq!((facts.cpus, facts.memory_bytes), (8, 16 << 20));
    assert_eq!(facts.os_release["version_id"], "12");
    assert_eq!(machine.as_deref(), Some("0123456789abcdef0123456789abcdef"));
    assert!(facts.cloud.is_empty() && facts.tags.is_empty() && cloud.is_none());
    assert!(facts.is_bounded());
}

#[test]
fn this_host_is_described_as_other_tools_do() {
    let facts = gathered(Path::new("/")).facts;
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(facts.hostname, said("uname", &["-n"]));
    assert_eq!(facts.kernel, said("uname", &["-r"]));
    assert_eq!(facts.cpus.to_string(), said("getconf", &["_NPROCESSORS_ONLN"]));
    let pages: u64 = said("getconf", &["_PHYS_PAGES"]).parse().unwrap();
    let page_bytes: u64 = said("getconf", &["PAGESIZE"]).parse().unwrap();
    assert_eq!(facts.memory_bytes, pages * page_bytes);
    assert!(
        facts
            .ips
            .iter()
            .all(|ip| ip.parse::<std::net::IpAddr>().is_ok_and(|ip| !ip.is_loopback()))
    );
    assert!(facts.ips.is_sorted());
}

#[test]
fn what_is_missing_is_told_and_the_rest_stays() {
    let root = root();
    fs::remove_file(root.path().join("proc/meminfo")).unwrap();
    fs::remove_file(root.path().join("etc/os-release")).unwrap();
    fs::create_dir(root.path().join("etc/os-release")).unwrap();
    put(root.path(), "usr/lib/os-release", "ID=alpine\n");
    put(root.path(), "etc/machine-id", "uninitialized\n");
    put(root.path(), "proc/sys/kernel/hostname", &"h".repeat(300_000));
    let Gathered {
        facts,
        machine,
        problems,
        ..
    } = gathered(root.path());
    assert_eq!(
        (facts.cpus, facts.memory_bytes, facts.hostname.as_str()),
        (8, 0, "")
    );
    assert_eq!(facts.os_release["id"], "alpine");
    assert_eq!(machine, None);
    for expected in [
        "`/etc/os-release` could not be read",
        "`/proc/sys/kernel/hostname` could",
        "`/proc/meminfo`",
    ] {
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{expected}: {problems:?}"
        );
    }
}

#[test]
fn tags_come_in_the_order_of_their_files_and_broken_ones_are_told() {
    let root = root();
    let tags = "etc/gumshoe/tags.d";
    put(
        root.path(),
        &format!("{tags}/10-site.toml"),
        "role = 'web'\nsite = 'ams'\n",
    );
    put(
        root.path(),
        &format!("{tags}/20-host.toml"),
        "role = 'db'\n\"a b\" = 'c'\n",
    );
    put(
        root.path(),
        &format!("{tags}/30-broken.toml"),
        "owner = 'x'\nrole = \n",
    );
    put(
        root.path(),
        &format!("{tags}/40-number.toml"),
        "tier = 1\nowner = 'x'\n",
    );
    put(
        root.path(),
        &format!("{tags}/50-long.toml"),
        &format!("long = '{}'\n", "x".repeat(1025)),
    );
    put(root.path(), &format!("{tags}/60-huge.toml"), &"#".repeat(300_000));
    put(root.path(), &format!("{tags}/README"), "owner = 'x'\n");
    let Gathered { facts, problems, .. } = gathered(root.path());
    let told: Vec<_> = facts
        .tags
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    assert_eq!(told, ["a b=c", "role=db", "site=ams"]);
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(
        problems[0].contains("30-broken.toml") && problems[0].contains("line 2"),
        "{}",
        problems[0]
    );
    assert!(
        problems[1].contains("`tier` is not a string but of type integer"),
        "{}",
        problems[1]
    );
}

#[test]
fn too_many_tags_are_cut_and_told() {
    let root = root();
    let many: String = (0..300).map(|n| format!("tag{n} = 'x'\n")).collect();
    put(root.path(), "etc/gumshoe/tags.d/many.toml", &many);
    let Gathered { facts, problems, .. } = gathered(root.path());
    assert_eq!(facts.tags.len(), 256);
    assert!(facts.is_bounded());
    assert_eq!(problems, ["`tags` has 44 entries that are too many or too long"]);
}

#[test]
fn clouds_are_known_by_their_firmware() {
    let dmi = |file: &str| format!("sys/class/dmi/id/{file}");
    for (file, text, cloud) in [
        (dmi("sys_vendor"), "Amazon EC2", Some(Cloud::Aws)),
        ("sys/hypervisor/uuid".into(), "EC2e5a3f-0000", Some(Cloud::Aws)),
        (dmi("product_name"), "Google Compute Engine", Some(Cloud::Gcp)),
        (
            dmi("chassis_asset_tag"),
            "7783-7084-3265-9085-8269-3286-77",
            Some(Cloud::Azure),
        ),
        (dmi("sys_vendor"), "Hetzner", Some(Cloud::Hetzner)),
        (dmi("product_name"), "OpenStack Nova", Some(Cloud::OpenStack)),
        (dmi("sys_vendor"), "Dell Inc.", None),
        (dmi("product_name"), "PowerEdge R640", None),
    ] {
        let root = root();
        put(root.path(), &file, &format!("{text}\n"));
        let gathered = gathered(root.path());
        assert_eq!(gathered.cloud, cloud, "{text}");
        let provider = gathered.facts.cloud.get("provider").map(String::as_str);
        assert_eq!(provider, cloud.map(Cloud::name));
    }
}

#[test]
fn cloud_init_tells_where_the_instance_is() {
    let root = root();
    put(root.path(), "sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
    put(root.path(), "sys/class/dmi/id/board_asset_tag", "i-0abc\n");
    assert_eq!(gathered(root.path()).facts.cloud["instance_id"], "i-0abc");
    let data = r#"{"v1": {"instance_id": "i-0def", "region": "eu-west-1", "availability_zone": "eu-west-1a", "x": 1},
        "ds": {"meta_data": {"instance-type": "t3.small"}, "dynamic": {"instance-identity": {"document": {"accountId": "123"}}}}}"#;
    put(root.path(), "run/cloud-init/instance-data.json", data);
    let facts = gathered(root.path()).facts;
    let expected = [
        ("account", "123"),
        ("instance_id", "i-0def"),
        ("instance_type", "t3.small"),
        ("provider", "aws"),
        ("region", "eu-west-1"),
        ("zone", "eu-west-1a"),
    ];
    assert!(
        facts
            .cloud
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .eq(expected)
    );
    put(root.path(), "run/cloud-init/instance-data.json", "{");
    let gathered = gathered(root.path());
    assert_eq!(gathered.facts.cloud["instance_id"], "i-0abc");
    assert!(
        gathered.problems[0].contains("is not JSON"),
        "{:?}",
        gathered.problems
    );
}

#[test]
fn the_command_prints_what_targets_see() {
    let root = root();
    put(root.path(), "config/tags.d/tags.toml", "role = 'web'\n");
    put(root.path(), "config/tags.d/wrong.toml", "role\n");
    put(root.path(), "config/modules.d/file.toml", "enabled = true\n");
    put(root.path(), "config/modules.d/pkg.toml", "enabled = false\n");
    let run = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gumshoe-agent"));
        command.arg("--config-dir").arg(root.path().join("config"));
        let output = command
            .arg("facts")
            .arg("--root")
            .arg(root.path())
            .args(more)
            .output()
            .unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("wrong.toml"));
        String::from_utf8(output.stdout).unwrap()
    };
    let facts: Value = serde_json::from_str(&run(&["--json"])).unwrap();
    assert_eq!(facts["tags"]["role"], "web");
    assert_eq!(facts["modules"], serde_json::json!(["file"]));
    assert_eq!(facts["protocol"], 1);
    let text = run(&[]);
    for line in [
        "os == \"linux\"",
        "cpus == 8",
        "tags.role == \"web\"",
        "modules == [\"file\"]",
        "cloud is empty",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line}: {text}");
    }
}
