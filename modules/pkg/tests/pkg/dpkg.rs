//! dpkg: this host's database, and small ones.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::support::{found, names, put, run, sorted_lines, text, tool, tree};

#[test]
fn this_host_has_the_packages_that_dpkg_lists() {
    let format = "${Package}\\t${Version}\\t${Architecture}\\t${source:Package}\\t${db:Status-Status}\\n";
    let listed = tool("dpkg", Command::new("dpkg-query").args(["-W", "-f", format]));
    let shown = |finding: &Value| {
        let name = text(finding, "name");
        let source = finding
            .get("source")
            .map_or(name, |source| source.as_str().unwrap());
        let fields = [
            name,
            text(finding, "version"),
            text(finding, "arch"),
            source,
            text(finding, "status"),
        ];
        fields.join("\t")
    };
    let mut found: Vec<String> = found(Path::new("/"), &json!({ "types": ["dpkg"] }))
        .iter()
        .map(shown)
        .collect();
    found.sort();
    assert_eq!(found, sorted_lines(&listed));
}

#[test]
fn packages_of_this_host_have_their_times() {
    for finding in found(
        Path::new("/"),
        &json!({ "types": ["dpkg"], "statuses": ["installed"] }),
    ) {
        assert!(text(&finding, "install_time").starts_with("20"), "{finding}");
    }
}

const STATUS: &str = "\
Package: libssl3
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Source: openssl
Version: 3.0.11-1

Package: old
Status: deinstall ok config-files
Architecture: all
Version: 1:2

Package: never
Status: unknown ok not-installed
Architecture: all
";

#[test]
fn names_match_with_and_without_architecture() {
    let top = tree(&[("var/lib/dpkg/status", STATUS)]);
    for (pattern, expected) in [
        ("^libssl3$", &["libssl3 3.0.11-1"][..]),
        ("^libssl3:amd64$", &["libssl3 3.0.11-1"]),
        ("^libssl$", &[]),
        ("^OLD$", &[]),
        ("(?i)^OLD$", &["old 1:2"]),
        ("", &["libssl3 3.0.11-1", "old 1:2"]),
    ] {
        let found = found(top.path(), &json!({ "pkgmatch": { "matches": [pattern] } }));
        assert_eq!(names(&found), expected, "{pattern}");
    }
}

#[test]
fn versions_match_or_must_not() {
    let top = tree(&[("var/lib/dpkg/status", STATUS)]);
    for (version, expected) in [
        (r"^3\.0\.11", &["libssl3 3.0.11-1"][..]),
        (r"!^3\.0\.11", &["old 1:2"]),
        ("^1:", &["old 1:2"]),
        ("", &["libssl3 3.0.11-1", "old 1:2"]),
        ("!", &[]),
    ] {
        let found = found(top.path(), &json!({ "vermatch": version }));
        assert_eq!(names(&found), expected, "{version}");
    }
}

#[test]
fn a_removed_package_is_not_installed() {
    let top = tree(&[
        ("var/lib/dpkg/status", STATUS),
        ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
    ]);
    let all = found(top.path(), &json!({}));
    assert_eq!(text(&all[1], "status"), "config-files");
    assert_eq!(
        text(&all[1], "purl"),
        "pkg:deb/debian/old@1:2?arch=all&distro=debian-12"
    );
    let installed = found(top.path(), &json!({ "statuses": ["installed"] }));
    assert_eq!(names(&installed), ["libssl3 3.0.11-1"]);
}

#[test]
fn the_time_is_that_of_the_list_of_files() {
    let top = tree(&[
        ("var/lib/dpkg/status", STATUS),
        ("var/lib/dpkg/info/libssl3:amd64.list", "/.\n"),
    ]);
    let list = fs::File::options()
        .write(true)
        .open(top.path().join("var/lib/dpkg/info/libssl3:amd64.list"))
        .unwrap();
    list.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_709_251_200))
        .unwrap();
    let found = found(top.path(), &json!({}));
    assert_eq!(text(&found[0], "install_time"), "2024-03-01T00:00:00.000Z");
    assert_eq!(found[1].get("install_time"), None);
}

#[test]
fn changes_that_are_not_merged_yet_count() {
    let top = tree(&[("var/lib/dpkg/status", STATUS)]);
    let update = |number: &str, name: &str, version: &str| {
        let text =
            format!("Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: {version}\n");
        put(top.path(), &format!("var/lib/dpkg/updates/{number}"), text);
    };
    update("0000", "old", "3");
    update("0001", "old", "4");
    update("0002", "new", "1");
    update("tmp.i", "half", "1");
    assert_eq!(
        names(&found(top.path(), &json!({}))),
        ["libssl3 3.0.11-1", "new 1", "old 4"]
    );
}

#[test]
fn images_without_dpkg_keep_one_file_per_package() {
    let paragraph = "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n";
    let top = tree(&[
        ("var/lib/dpkg/status.d/base", paragraph),
        ("var/lib/dpkg/status.d/base.md5sums", "Package: none\n"),
    ]);
    let found = found(top.path(), &json!({}));
    assert_eq!(names(&found), ["base-files 12.4"]);
    assert_eq!(text(&found[0], "status"), "installed");
}

#[test]
fn what_was_compared_is_counted() {
    let top = tree(&[("var/lib/dpkg/status", STATUS)]);
    let report = run(top.path(), &json!({ "pkgmatch": { "matches": ["^none$"] } }));
    assert_eq!((&report.statistics["packages"], report.found), (&json!(2), false));
}
