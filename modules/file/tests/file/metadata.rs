//! Filters on names and metadata, and what findings say.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt, chown, symlink},
        net::UnixListener,
    },
    time::{Duration, SystemTime},
};

use gumshoe_module_file::finding::Finding;
use nix::{
    libc::makedev,
    sys::stat::{Mode, SFlag, mknod},
};
use rustix::fs::{XattrFlags, setxattr};
use serde_json::json;

use crate::support::{found, matched, paths, run, search, tree};

#[test]
fn names_are_matched_whole_or_in_part_and_negated() {
    let top = tree(&[("a/one.txt", ""), ("a/two.log", ""), ("one", "")]);
    let names = |names: &[&str]| found(top.path(), json!({ "names": names }));
    assert_eq!(names(&["one"]), ["a/one.txt", "one"]);
    assert_eq!(names(&["^one$"]), ["one"]);
    assert_eq!(names(&["!one"]), ["a/two.log"]);
    assert_eq!(names(&["(?i)^ONE", r"\.txt$"]), ["a/one.txt"]);
    assert_eq!(
        found(
            top.path(),
            json!({ "names": ["one"], "options": { "mismatch": ["name"] } })
        ),
        ["a/two.log"]
    );
}

#[test]
fn a_search_without_filters_finds_every_file() {
    let top = tree(&[("a/one", ""), ("b/", "")]);
    assert_eq!(found(top.path(), json!({})), ["a/one"]);
    assert_eq!(
        found(top.path(), json!({ "options": { "matchall": false } })),
        ["a/one"]
    );
}

#[test]
fn sizes_form_windows() {
    let top = tree(
        &[("0", 0), ("1023", 1023), ("1024", 1024), ("1025", 1025)]
            .map(|(name, size)| (name, vec![b'x'; size])),
    );
    let sizes = |sizes: &[&str]| found(top.path(), json!({ "sizes": sizes }));
    assert_eq!(sizes(&["<1k"]), ["0", "1023"]);
    assert_eq!(sizes(&[">1k"]), ["1025"]);
    assert_eq!(sizes(&["1024"]), ["1024"]);
    assert_eq!(sizes(&[">0", "<1025"]), ["1023", "1024"]);
}

#[test]
fn without_matchall_each_filter_reports_for_itself() {
    let top = tree(&[
        ("a.txt", "needle"),
        ("b.txt", "hay"),
        ("c", "needle"),
        ("d", "hay"),
    ]);
    let report = run(
        json!({ "s": { "paths": [top.path()], "names": [r"\.txt$"], "contents": ["needle", "nowhere"] } }),
    );
    assert_eq!(paths(&report, top.path()), ["a.txt", "b.txt", "c"]);
    let of = |name: &str| {
        let finding = report
            .findings
            .iter()
            .find(|finding| finding["path"].as_str().is_some_and(|path| path.ends_with(name)));
        matched(finding.expect("a finding"))
    };
    let pair = |filter: &str, value: &str| (filter.to_owned(), value.to_owned());
    assert_eq!(of("a.txt"), [pair("name", r"\.txt$"), pair("content", "needle")]);
    assert_eq!(of("b.txt"), [pair("name", r"\.txt$")]);
    assert_eq!(of("c"), [pair("content", "needle")]);
}

#[test]
fn modes_are_matched_in_three_forms() {
    let top = tree(&[("plain", ""), ("setuid", ""), ("sticky/", "")]);
    for (name, mode) in [("plain", 0o640), ("setuid", 0o4755), ("sticky", 0o1777)] {
        fs::set_permissions(top.path().join(name), Permissions::from_mode(mode)).expect("mode is set");
    }
    let modes = |mode: &str| {
        found(
            top.path(),
            json!({ "modes": [mode], "types": ["f", "d"], "names": ["."] }),
        )
    };
    assert_eq!(modes("^-rws"), ["setuid"]);
    assert_eq!(modes("^4755$"), ["setuid"]);
    assert_eq!(modes("^urwxr-xr-x$"), ["setuid"]);
    assert_eq!(modes("^0?640$"), ["plain"]);
    assert_eq!(modes("^640$"), ["plain"]);
    assert_eq!(modes("^(drwxrwxrwt|nothing)$"), ["sticky"]);
    assert_eq!(modes("^dtrwxrwxrwx$"), ["sticky"]);
}

#[test]
fn ages_look_at_three_times() {
    let top = tree(&[("old", ""), ("new", "")]);
    let old = fs::File::options()
        .write(true)
        .open(top.path().join("old"))
        .expect("file opens");
    old.set_modified(SystemTime::now() - Duration::from_secs(100 * 24 * 60 * 60))
        .expect("time is set");
    let ages = |key: &str, age: &str| found(top.path(), json!({ key: [age] }));
    assert_eq!(ages("mtimes", "<90d"), ["new"]);
    assert_eq!(ages("mtimes", ">90d"), ["old"]);
    assert_eq!(ages("ctimes", "<1h"), ["new", "old"]);
    assert_eq!(ages("ctimes", ">1h"), [""; 0]);
    assert_eq!(ages("btimes", ">1h"), [""; 0]);
}

#[test]
fn owners_and_groups_have_names_or_numbers() {
    let top = tree(&[
        ("theirs", ""),
        ("ours", ""),
        ("etc/passwd", "someone:x:4242:4243::/:\n"),
        ("etc/group", "some:x:4243:\n"),
    ]);
    chown(top.path().join("theirs"), Some(4242), Some(4243)).expect("this test needs root, to change owners");
    let harness = gumshoe_plugin_api::harness::Harness::new(top.path());
    for (key, value) in [
        ("owners", "someone"),
        ("owners", "4242"),
        ("groups", "some"),
        ("groups", "4243"),
    ] {
        let params =
            json!({ "searches": { "s": { "paths": ["/"], key: [value], "options": { "matchall": true } } } });
        let report = harness.run::<gumshoe_module_file::File>(&params);
        assert_eq!(report.findings.len(), 1, "{key} {value}");
        let finding = &report.findings[0];
        assert_eq!(
            (&finding["path"], &finding["owner"], &finding["group"]),
            (&json!("/theirs"), &json!("someone"), &json!("some"))
        );
    }
}

#[test]
fn types_are_tested_as_what_they_are() {
    let top = tree(&[("file", "x"), ("folder/", "")]);
    symlink("file", top.path().join("link")).expect("link is made");
    let _socket = UnixListener::bind(top.path().join("socket")).expect("socket is made");
    for (name, kind, device) in [
        ("pipe", SFlag::S_IFIFO, 0),
        ("null", SFlag::S_IFCHR, makedev(1, 3)),
    ] {
        mknod(&top.path().join(name), kind, Mode::S_IRUSR, device)
            .expect("this test needs root, to make devices");
    }
    let types = |types: &[&str]| found(top.path(), json!({ "types": types }));
    assert_eq!(types(&["f"]), ["file"]);
    assert_eq!(types(&["d"]), ["", "folder"]);
    assert_eq!(types(&["l"]), ["link"]);
    assert_eq!(types(&["p", "s", "c"]), ["null", "pipe", "socket"]);
    assert_eq!(found(top.path(), json!({})), ["file", "link"]);
    // Only files are opened: a pipe would block, and content conditions do not hold for it, negated or not.
    let contents = json!({ "types": ["f", "p", "c", "s", "d"], "contents": ["!nothing"] });
    assert_eq!(found(top.path(), contents), ["file"]);
}

#[test]
fn links_are_followed_to_files_below_the_path_only() {
    let top = tree(&[("in/file", "needle"), ("out/file", "needle"), ("in/folder/", "")]);
    let inside = top.path().join("in");
    for (name, target) in [
        ("good", "file"),
        ("absolute", inside.join("file").to_str().expect("text")),
        ("out", "../out/file"),
        ("dangling", "nothing"),
        ("loop", "loop"),
        ("dir", "folder"),
        ("null", "/dev/null"),
    ] {
        symlink(target, inside.join(name)).expect("link is made");
    }
    let report = search(&inside, json!({ "contents": ["needle"] }));
    assert_eq!(paths(&report, &inside), ["absolute", "file", "good"]);
    let good = report
        .findings
        .iter()
        .find(|finding| finding["link"] == "file")
        .expect("the link");
    assert_eq!((&good["type"], &good["size"]), (&json!("f"), &json!(6)));
    assert!(report.coverage.complete);
    assert_eq!(
        found(&inside, json!({ "contents": ["needle"], "types": ["f"] })),
        ["file"]
    );
    // A path may be a link itself.
    assert_eq!(
        found(&inside.join("out"), json!({ "contents": ["needle"] })),
        [""]
    );
}

#[test]
fn extended_attributes_and_capabilities_are_matched() {
    let top = tree(&[("plain", ""), ("marked", ""), ("able", "")]);
    let set = |name: &str, attribute: &str, value: &[u8]| {
        setxattr(top.path().join(name), attribute, value, XattrFlags::empty())
            .expect("this test needs root and extended attributes");
    };
    set("marked", "user.origin", b"x");
    let net_raw_permitted: Vec<u8> = [0x0200_0001_u32, 1 << 13, 0, 0, 0]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    set("able", "security.capability", &net_raw_permitted);
    assert_eq!(found(top.path(), json!({ "xattrs": [r"^user\."] })), ["marked"]);
    assert_eq!(found(top.path(), json!({ "capabilities": ["any"] })), ["able"]);
    assert_eq!(
        found(top.path(), json!({ "capabilities": ["^cap_net_raw=.*e"] })),
        ["able"]
    );
    assert_eq!(
        found(top.path(), json!({ "capabilities": ["sys_admin"] })),
        [""; 0]
    );
    symlink("able", top.path().join("link")).expect("link is made");
    assert_eq!(
        found(top.path(), json!({ "capabilities": ["any"] })),
        ["able", "link"]
    );
}

#[test]
fn findings_say_what_the_file_system_says() {
    let top = tree(&[("file", "abc")]);
    let path = top.path().join("file");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("mode is set");
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789);
    fs::File::options()
        .write(true)
        .open(&path)
        .expect("file opens")
        .set_modified(time)
        .expect("time is set");
    let report = search(top.path(), json!({ "options": { "returnsha256": true } }));
    let finding = &report.findings[0];
    let expected = [
        ("search", json!("s")),
        ("path", json!(path)),
        ("type", json!("f")),
        ("size", json!(3)),
        ("mode", json!("-rw-------")),
        ("mode_octal", json!("0600")),
        ("mtime", json!("2023-11-14T22:13:20.123456789Z")),
        (
            "sha256",
            json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ),
        ("matched", json!([])),
    ];
    for (key, value) in expected {
        assert_eq!(finding[key], value, "{key}");
    }
    assert_eq!(report.statistics["findings"], 1);
    let line = serde_json::from_value::<Finding>(finding.clone())
        .expect("a finding")
        .to_string();
    assert!(
        line.starts_with("s: -rw------- ") && line.contains("2023-11-14T22:13:20"),
        "{line}"
    );
}

#[test]
fn one_walk_answers_several_searches() {
    let top = tree(&[("a/b/file", "needle"), ("a/file", "needle"), ("file", "needle")]);
    let report = run(json!({
        "deep": { "paths": [top.path().join("a/b")], "names": ["file"] },
        "flat": { "paths": [top.path()], "names": ["file"], "options": { "maxdepth": 0 } },
        "all": { "paths": [top.path(), top.path().join("a")], "contents": ["needle"] },
    }));
    let of = |label: &str| {
        report
            .findings
            .iter()
            .filter(|finding| finding["search"] == label)
            .count()
    };
    assert_eq!((of("deep"), of("flat"), of("all")), (1, 1, 3));
    assert_eq!(report.statistics["folders"], 3);
    assert_eq!(report.statistics["files_read"], 3);
}
