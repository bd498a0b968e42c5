//! Files and folders that are made to cause trouble, or change while they are looked at.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use gumshoe_module_file::{File, finding::Finding};
use gumshoe_plugin_api::{Report, harness::Harness};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use serde_json::json;

use crate::support::{found, gaps, paths, run, search, tree};

#[test]
fn names_that_are_not_text_are_shown_exactly_too() {
    let top = tree(&[("plain", "")]);
    let long = "é".repeat(127) + "x";
    for name in [&b"bad\xff\n"[..], long.as_bytes()] {
        fs::write(top.path().join(OsStr::from_bytes(name)), "needle").expect("file is made");
    }
    let report = search(top.path(), json!({ "contents": ["needle"] }));
    assert_eq!(report.findings.len(), 2);
    let bad = report
        .findings
        .iter()
        .find(|finding| finding.get("path_bytes").is_some())
        .expect("the odd name");
    let path = bad["path"].as_str().expect("text");
    assert!(path.ends_with("bad\u{fffd}\n"), "{path:?}");
    let exact = [top.path().as_os_str().as_bytes(), b"/bad\xff\n"].concat();
    use base64::{Engine, engine::general_purpose::STANDARD};
    assert_eq!(
        STANDARD
            .decode(bad["path_bytes"].as_str().expect("text"))
            .expect("base64"),
        exact
    );
    let line = serde_json::from_value::<Finding>(bad.clone())
        .expect("a finding")
        .to_string();
    assert!(!line.contains('\n'), "a name cannot break the line: {line}");
    assert_eq!(found(top.path(), json!({ "names": [r"\xff"] })).len(), 1);
}

#[test]
fn links_that_form_loops_are_not_followed() {
    let top = tree(&[("one/two/file", "needle")]);
    for (link, target) in [
        ("one/self", "."),
        ("one/two/up", "../.."),
        ("one/two/file2", "file2"),
        ("a", "b"),
        ("b", "a"),
    ] {
        std::os::unix::fs::symlink(target, top.path().join(link)).expect("link is made");
    }
    std::os::unix::fs::symlink(top.path(), top.path().join("one/top")).expect("link is made");
    let report = search(top.path(), json!({ "contents": ["needle"] }));
    assert_eq!(paths(&report, top.path()), ["one/two/file"]);
    assert!(report.coverage.complete, "{:?}", gaps(&report));
}

#[test]
fn paths_may_be_longer_than_the_system_allows() {
    let top = tree(&[("x", "")]);
    let name = "d".repeat(250);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut dir = openat(CWD, top.path(), flags, Mode::empty()).expect("folder opens");
    for _ in 0..20 {
        mkdirat(&dir, name.as_str(), Mode::RWXU).expect("folder is made");
        dir = openat(&dir, name.as_str(), flags, Mode::empty()).expect("folder opens");
    }
    let file = openat(&dir, "deep", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).expect("file is made");
    rustix::io::write(&file, b"needle").expect("file is written");
    let found = found(
        top.path(),
        json!({ "contents": ["needle"], "md5": ["4bf84babe76dabda6c4da4d25354704d"] }),
    );
    assert!(found[0].len() > 5000 && found[0].ends_with("/deep"), "{found:?}");
}

#[test]
fn a_hundred_thousand_files_in_one_folder_are_searched() {
    let top = tree(&[("needle-0", "")]);
    for number in 0..100_000 {
        fs::write(
            top.path().join(format!("file{number}")),
            if number % 50_000 == 7 { "needle" } else { "" },
        )
        .expect("file is made");
    }
    assert_eq!(found(top.path(), json!({ "names": ["^file9999.$"] })).len(), 10);
    assert_eq!(
        found(top.path(), json!({ "contents": ["needle"] })),
        ["file50007", "file7"]
    );
}

#[test]
fn unreadable_files_and_folders_are_reported() {
    let top = tree(&[
        ("open", "needle"),
        ("closed", "needle"),
        ("folder/file", "needle"),
    ]);
    fs::set_permissions(top.path(), fs::Permissions::from_mode(0o755)).expect("mode is set");
    for name in ["closed", "folder"] {
        fs::set_permissions(top.path().join(name), fs::Permissions::from_mode(0o0)).expect("mode is set");
    }
    let searches =
        json!({ "s": { "paths": [top.path()], "contents": ["needle"], "options": { "maxerrors": 1 } } });
    let report = as_nobody(|| run(searches));
    assert_eq!(paths(&report, top.path()), ["open"]);
    assert_eq!(
        gaps(&report),
        ["file: permission denied = 1", "folder: permission denied = 1"]
    );
    assert!(!report.coverage.complete);
    assert_eq!(report.errors.len(), 2, "{:?}", report.errors);
    assert_eq!(report.errors[1], "1 more errors, not listed because of maxerrors");
    // What a name says is still found, and what could not be read matches nothing, negated or not.
    let searches = json!({
        "name": { "paths": [top.path()], "names": ["^closed$"], "contents": ["absent"] },
        "not": { "paths": [top.path()], "names": ["^closed$"], "contents": ["!needle"], "options": { "matchall": true } },
    });
    let report = as_nobody(|| run(searches));
    let labels: Vec<_> = report.findings.iter().map(|finding| &finding["search"]).collect();
    assert_eq!(labels, ["name"]);
    fs::set_permissions(top.path().join("folder"), fs::Permissions::from_mode(0o755)).expect("mode is set");
}

/// Runs something in a thread without the rights of root.
fn as_nobody(work: impl FnOnce() -> Report + Send) -> Report {
    let unprivileged = || {
        if rustix::process::geteuid().is_root() {
            let nobody = rustix::process::Uid::from_raw(65534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).expect("this thread becomes nobody");
        }
        work()
    };
    thread::scope(|scope| scope.spawn(unprivileged).join()).expect("no panic")
}

#[test]
fn missing_paths_are_reported_and_do_not_matter() {
    let top = tree(&[("file", "")]);
    let report = search(
        top.path(),
        json!({ "paths": [top.path().join("file"), top.path().join("missing/x")] }),
    );
    assert_eq!(paths(&report, top.path()), ["file"]);
    assert_eq!(gaps(&report), ["path: does not exist = 1"]);
    assert!(report.coverage.complete);
}

#[test]
fn files_that_change_while_they_are_read_break_nothing() {
    let top = tree(&[("keep", "needle")]);
    let busy = top.path().join("busy");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| churn(&busy, &stop));
        for _ in 0..200 {
            let report = search(
                top.path(),
                json!({ "contents": ["needle"], "options": { "returnsha256": true } }),
            );
            assert!(paths(&report, top.path()).contains(&"keep".to_owned()));
            for gap in gaps(&report) {
                let known = ["vanished", "replaced", "shrank"]
                    .iter()
                    .any(|word| gap.contains(word));
                assert!(known, "{gap}");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// Makes, grows, shrinks, replaces and removes a file until told to stop.
fn churn(path: &Path, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        fs::write(path, vec![b'x'; 300_000]).expect("file is written");
        fs::File::options()
            .write(true)
            .open(path)
            .and_then(|file| file.set_len(10))
            .expect("file is cut");
        fs::remove_file(path).expect("file is removed");
        fs::create_dir(path).expect("folder is made");
        fs::remove_dir(path).expect("folder is removed");
        std::os::unix::fs::symlink("keep", path).expect("link is made");
        fs::remove_file(path).expect("link is removed");
    }
}

#[test]
fn kernel_files_are_read_when_they_are_named() {
    let params = json!({ "searches": { "s": { "paths": ["/proc/self/status", "/proc/sys/kernel"], "names": ["^(status|ostype)$"],
        "contents": ["^(Name:|Linux$)"], "options": { "matchall": true, "maxdepth": 0 } } } });
    let report = Harness::new("/").run::<File>(&params);
    assert_eq!(
        paths(&report, Path::new("/proc")),
        ["self/status", "sys/kernel/ostype"]
    );
    // Files that tell no size, or a wrong one, are not said to shrink.
    assert!(
        gaps(&report).iter().all(|gap| !gap.contains("shrank")),
        "{:?}",
        gaps(&report)
    );
    let report = search(
        Path::new("/"),
        json!({ "names": ["^ostype$"], "options": { "maxdepth": 3, "xdev": false } }),
    );
    assert_eq!(report.findings.len(), 0);
    assert!(
        gaps(&report).contains(&"folder: pseudo file system (proc) = 1".to_owned()),
        "{:?}",
        gaps(&report)
    );
}
