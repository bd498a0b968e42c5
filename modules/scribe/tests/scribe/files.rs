//! Files of the host.

use crate::support::{host, one, put, run, true_for};
use serde_json::json;
use std::os::unix::fs::symlink;

fn lines(path: &str, file: &str) -> serde_json::Value {
    json!({ "path": path, "file": file, "expression": "^v=(.*)$" })
}

#[test]
fn files_are_sorted_and_links_to_files_count() {
    let root = host(&[
        ("/a/z/conf", "v=1"),
        ("/a/conf", "v=1\r\n"),
        ("/b/target", "v=1"),
        ("/b/conf", "v=1"),
    ]);
    symlink("/b/target", root.path().join("a/conf-link")).unwrap();
    symlink("/nowhere", root.path().join("a/aaa-conf-dangling")).unwrap();
    symlink("/b", root.path().join("a/conf-folder")).unwrap();
    std::os::unix::net::UnixListener::bind(root.path().join("a/conf-socket")).unwrap();
    let found = true_for(
        root.path(),
        "filecontent",
        &lines("/a", "conf"),
        &json!({ "exactmatch": { "value": "1" } }),
    );
    assert_eq!(found, ["/a/conf", "/a/conf-link", "/a/z/conf"]);
}

#[test]
fn depth_is_counted_from_the_path() {
    let deep: String = (1..=10).map(|n| format!("/{n}")).collect();
    let root = host(&[(&format!("/t{deep}/f"), "v=1"), ("/t/1/2/3/4/5/6/7/8/9/f", "v=1")]);
    let mut object = lines("/t", "^f$");
    assert_eq!(
        true_for(root.path(), "filecontent", &object, &json!({})),
        ["/t/1/2/3/4/5/6/7/8/9/f"]
    );
    object["maxdepth"] = 11.into();
    assert_eq!(true_for(root.path(), "filecontent", &object, &json!({})).len(), 2);
}

#[test]
fn a_path_may_be_a_file_and_may_not_exist() {
    let root = host(&[("/etc/release", "v=1")]);
    for (path, count) in [("/etc/release", 1), ("/etc/nothing", 0)] {
        let report = run(
            root.path(),
            &one("filecontent", &lines(path, "^release$"), &json!({})),
        );
        assert_eq!(report.findings[0]["results"].as_array().unwrap().len(), count);
        assert!(report.coverage.complete, "{:?}", report.coverage);
    }
}

#[test]
fn paths_may_be_many_and_patterns() {
    let root = host(&[
        ("/opt/a/etc/c", "v=1"),
        ("/opt/b/etc/c", "v=1"),
        ("/opt/.h/etc/c", "v=1"),
        ("/srv/c", "v=1"),
    ]);
    let object = json!({ "paths": ["/opt/*/etc", "/srv"], "file": "^c$", "expression": "v=(.)" });
    let found = true_for(root.path(), "filecontent", &object, &json!({}));
    assert_eq!(found, ["/opt/a/etc/c", "/opt/b/etc/c", "/srv/c"]);
}

#[test]
fn what_is_not_utf8_is_matched_all_the_same() {
    let root = host(&[]);
    put(root.path(), "/etc/latin", b"name=caf\xe9 v=7\n");
    let object = json!({ "path": "/etc", "file": ".", "expression": "^name=.* v=(.)$" });
    assert_eq!(
        true_for(root.path(), "filecontent", &object, &json!({})),
        ["/etc/latin"]
    );
}

#[test]
fn lines_beyond_all_measure_are_reported() {
    let root = host(&[("/etc/long", &format!("v={}\nv=2\n", "x".repeat(3 << 20)))]);
    let report = run(
        root.path(),
        &one(
            "filecontent",
            &lines("/etc", "."),
            &json!({ "exactmatch": { "value": "2" } }),
        ),
    );
    assert_eq!(report.findings[0]["result"], true);
    assert!(
        report.coverage.skipped[0].why.contains("1048576"),
        "{:?}",
        report.coverage
    );
}

#[test]
fn links_do_not_lead_out_of_the_root() {
    let outside = host(&[("/secret", "v=1")]);
    let root = host(&[("/etc/x", "")]);
    symlink(outside.path().join("secret"), root.path().join("etc/conf")).unwrap();
    assert_eq!(
        true_for(root.path(), "filecontent", &lines("/etc", "conf"), &json!({})),
        [""; 0]
    );
}

#[test]
fn one_walk_serves_objects_with_paths_depths_and_names_of_their_own() {
    let root = host(&[
        ("/a/x", "v=1"),
        ("/a/b/x", "v=1"),
        ("/a/b/y", "v=1"),
        ("/a/b/c/x", "v=1"),
    ]);
    let object = |path: &str, file: &str, depth: u32| json!({ "path": path, "file": file, "maxdepth": depth, "expression": "v=(.)" });
    let objects = [
        ("all", object("/a", ".", 10)),
        ("top", object("/a", "x", 1)),
        ("b", object("/a/b", "^[xy]$", 1)),
        (
            "two",
            json!({ "paths": ["/a/b/c", "/a/b"], "file": "^x$", "expression": "v=(.)" }),
        ),
    ];
    let tests: Vec<_> = objects
        .iter()
        .map(|(id, _)| json!({ "test": id, "object": id }))
        .collect();
    let objects: Vec<_> = objects
        .iter()
        .map(|(id, o)| json!({ "object": id, "filecontent": o }))
        .collect();
    let report = run(root.path(), &json!({ "objects": objects, "tests": tests }));
    let found = |index: usize| -> Vec<&str> {
        let results = report.findings[index]["results"].as_array().unwrap();
        results
            .iter()
            .map(|sub| sub["identifier"].as_str().unwrap())
            .collect()
    };
    assert_eq!(found(0), ["/a/b/c/x", "/a/b/x", "/a/b/y", "/a/x"]);
    assert_eq!(found(1), ["/a/x"]);
    assert_eq!(found(2), ["/a/b/x", "/a/b/y"]);
    assert_eq!(found(3), ["/a/b/c/x", "/a/b/x"]);
}
