//! Trees that are made to mislead or to exhaust.

use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::Path,
    process::Command,
};

use serde_json::json;

use crate::support::{found, names, put, run, text, tool, tree};

const STATUS: &str = "Package: real\nStatus: install ok installed\nVersion: 1\n";

/// `what: why` of what was not looked at, sorted.
fn gaps(root: &Path) -> Vec<String> {
    let report = run(root, &json!({}));
    let mut gaps: Vec<String> = report
        .coverage
        .skipped
        .iter()
        .map(|one| format!("{}: {}", one.what, one.why))
        .collect();
    gaps.sort();
    gaps
}

#[test]
fn links_do_not_lead_out_of_the_tree() {
    let outside = tree(&[("status", STATUS), ("lib/dpkg/status", STATUS)]);
    for (link, target) in [
        ("var/lib/dpkg/status", outside.path().join("status")),
        ("var/lib/dpkg", outside.path().join("lib/dpkg")),
        ("var", outside.path().to_owned()),
        (
            "var/lib/dpkg/status",
            Path::new("../../../../../../../..")
                .join(outside.path().join("status").strip_prefix("/").unwrap()),
        ),
    ] {
        let top = tree(&[("etc/os-release", "")]);
        fs::create_dir_all(top.path().join(link).parent().unwrap()).unwrap();
        symlink(&target, top.path().join(link)).unwrap();
        assert_eq!(
            found(top.path(), &json!({})).len(),
            0,
            "{link} -> {}",
            target.display()
        );
    }
}

#[test]
fn absolute_links_are_taken_from_the_top_of_the_tree() {
    let top = tree(&[("srv/dpkg/status", STATUS), ("var/lib/.keep", "")]);
    symlink("/srv/dpkg", top.path().join("var/lib/dpkg")).unwrap();
    assert_eq!(names(&found(top.path(), &json!({}))), ["real 1"]);
}

#[test]
fn links_in_circles_are_reported() {
    let top = tree(&[("var/lib/dpkg/.keep", "")]);
    symlink("status", top.path().join("var/lib/dpkg/status")).unwrap();
    assert_eq!(gaps(top.path()), ["package database: too many symbolic links"]);
}

#[test]
fn pipes_and_folders_are_not_read() {
    let top = tree(&[("var/lib/rpm/Packages/file", "")]);
    fs::create_dir_all(top.path().join("var/lib/dpkg")).unwrap();
    let pipe = top.path().join("var/lib/dpkg/status");
    tool("coreutils", Command::new("mkfifo").arg(pipe));
    assert_eq!(gaps(top.path()), ["package database: not a regular file"]);
    assert_eq!(run(top.path(), &json!({})).coverage.skipped[0].count, 2);
}

#[test]
fn files_beyond_a_limit_are_reported_with_it() {
    let top = tree(&[("var/lib/dpkg/.keep", "")]);
    let status = fs::File::create(top.path().join("var/lib/dpkg/status")).unwrap();
    status.set_len(1 << 40).unwrap();
    assert_eq!(
        gaps(top.path()),
        ["package database: limit reached: 268435456 bytes"]
    );
}

#[test]
fn databases_beyond_a_limit_are_reported_with_it() {
    let top = tree(&[("var/lib/rpm/.keep", "")]);
    let database = fs::File::create(top.path().join("var/lib/rpm/rpmdb.sqlite")).unwrap();
    database.set_len(17 << 30).unwrap();
    assert_eq!(
        gaps(top.path()),
        ["package database: limit reached: 17179869184 bytes"]
    );
}

#[test]
fn files_that_are_refused_do_not_count_as_read() {
    let folder = "usr/lib/python3/dist-packages";
    let top = tree(&[(
        format!("{folder}/z-1.dist-info/METADATA").as_str(),
        "Name: z\nVersion: 1\n",
    )]);
    for name in ["a", "b", "c"] {
        let path = format!("{folder}/{name}-1.dist-info/METADATA");
        put(top.path(), &path, "");
        let file = fs::File::create(top.path().join(path)).unwrap();
        file.set_len(3 << 30).unwrap();
    }
    let report = run(top.path(), &json!({}));
    assert_eq!(names(&report.findings), ["z 1"]);
    let skipped = &report.coverage.skipped[0];
    assert_eq!(
        (skipped.why.as_str(), skipped.count),
        ("limit reached: 4194304 bytes", 3)
    );
}

#[test]
fn records_that_are_not_understood_are_reported_one_by_one() {
    let python = "usr/lib/python3/dist-packages";
    let top = tree(&[
        ("var/lib/pacman/local/a-1/desc", "%VERSION%\n1\n"),
        (&format!("{python}/a-1.dist-info/METADATA"), "Version: 1\n"),
        (&format!("{python}/b-1.egg-info"), "Name: b\nVersion: 1\n"),
        ("usr/lib/node_modules/a/package.json", "{"),
        ("usr/lib/node_modules/b/package.json", "{\"type\": \"module\"}"),
        ("var/lib/gems/3.1.0/specifications/a.gemspec", "s.name = name"),
        ("private/var/db/receipts/a.plist", "bplist00"),
        ("opt/homebrew/Cellar/a/1/INSTALL_RECEIPT.json", "["),
        ("root/.cargo/.crates2.json", "["),
        ("var/lib/snapd/state.json", "["),
    ]);
    assert_eq!(
        gaps(top.path()),
        [
            "package database: malformed: list of crates",
            "package database: malformed: state of snapd",
            "package record: malformed: desc without a name",
            "package record: malformed: gem specification",
            "package record: malformed: metadata without a name",
            "package record: malformed: package.json",
            "package record: malformed: receipt",
            "package record: malformed: receipt of Homebrew",
        ]
    );
    // A formula is there also when its receipt is damaged.
    assert_eq!(names(&run(top.path(), &json!({})).findings), ["a 1", "b 1"]);
}

#[test]
fn a_folder_in_itself_is_looked_at_once() {
    let top = tree(&[("usr/lib/node_modules/a/package.json", "{\"name\":\"a\"}")]);
    for link in ["a/node_modules", "b", "c"] {
        symlink(
            "/usr/lib/node_modules",
            top.path().join("usr/lib/node_modules").join(link),
        )
        .unwrap();
    }
    symlink("node_modules", top.path().join("usr/lib/other")).unwrap();
    assert_eq!(names(&found(top.path(), &json!({}))), ["a "]);
}

#[test]
fn packages_in_packages_end_at_a_depth() {
    let top = tree(&[("etc/os-release", "")]);
    let mut folder = "usr/lib".to_owned();
    for depth in 0..40 {
        folder.push_str("/node_modules/a");
        put(
            top.path(),
            &format!("{folder}/package.json"),
            format!("{{\"name\":\"a\",\"version\":\"{depth}\"}}"),
        );
    }
    let report = run(top.path(), &json!({}));
    assert_eq!(report.findings.len(), 33);
    assert_eq!(report.coverage.skipped[0].why, "limit reached: 32 folders deep");
}

#[test]
fn names_that_are_not_text_are_kept_exactly() {
    let top = tree(&[("var/lib/dpkg/status", b"Package: \xff\x1b[2J\nVersion: 1\n")]);
    let folder = top
        .path()
        .join("usr/lib/node_modules")
        .join(std::ffi::OsStr::from_bytes(b"\xfe"));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("package.json"), "{\"name\":\"x\"}").unwrap();
    let found = found(top.path(), &json!({}));
    assert_eq!(text(&found[0], "name"), "\u{fffd}\u{1b}[2J");
    assert_eq!(text(&found[0], "purl"), "pkg:deb/%EF%BF%BD%1B%5B2j@1");
    assert_eq!(text(&found[1], "path"), "/usr/lib/node_modules/\u{fffd}");
    assert_eq!(text(&found[1], "path_bytes"), "L3Vzci9saWIvbm9kZV9tb2R1bGVzL/4=");
}

#[test]
fn a_package_name_does_not_lead_to_other_files() {
    let status = "Package: ../../../secret\nStatus: install ok installed\nVersion: 1\n";
    let top = tree(&[
        ("var/lib/dpkg/status", status),
        ("secret.list", ""),
        ("var/lib/dpkg/info/x", ""),
    ]);
    assert_eq!(found(top.path(), &json!({}))[0].get("install_time"), None);
}
