//! Roots and containers.
#![cfg(target_os = "linux")]

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{found, names, put, run, text, tree};

fn status(name: &str) -> String {
    format!("Package: {name}\nStatus: install ok installed\nVersion: 1\n")
}

#[test]
fn roots_are_looked_at_instead_of_the_host() {
    let top = tree(&[
        ("var/lib/dpkg/status", status("host")),
        ("srv/a/var/lib/dpkg/status", status("a")),
        ("srv/a/etc/os-release", "ID=debian\n".to_owned()),
        ("srv/b/var/lib/dpkg/status", status("b")),
    ]);
    let found = found(top.path(), &json!({ "roots": ["/srv/a", "/srv/b"] }));
    assert_eq!(names(&found), ["a 1", "b 1"]);
    let roots: Vec<&str> = found.iter().map(|finding| text(finding, "root")).collect();
    assert_eq!(roots, ["/srv/a", "/srv/b"]);
    assert_eq!(text(&found[0], "purl"), "pkg:deb/debian/a@1?distro=debian");
}

#[test]
fn a_root_is_found_without_leaving_the_host_s_tree() {
    let top = tree(&[("srv/a/var/lib/dpkg/status", status("a"))]);
    std::os::unix::fs::symlink("/srv/a", top.path().join("srv/link")).unwrap();
    std::os::unix::fs::symlink("/", top.path().join("srv/out")).unwrap();
    let found = found(top.path(), &json!({ "roots": ["/srv/link", "/srv/out"] }));
    assert_eq!(names(&found), ["a 1"]);
}

#[test]
fn a_root_that_is_not_there_is_reported_and_the_others_are_looked_at() {
    let top = tree(&[("srv/a/var/lib/dpkg/status", status("a"))]);
    let report = run(top.path(), &json!({ "roots": ["/srv/none", "/srv/a"] }));
    assert_eq!(names(&report.findings), ["a 1"]);
    assert!(!report.coverage.complete);
    let skipped = &report.coverage.skipped[0];
    assert_eq!(
        (skipped.what.as_str(), skipped.why.as_str()),
        ("root", "not found")
    );
    assert_eq!(skipped.examples, ["/srv/none"]);
}

/// A process with a root of its own, until it is dropped.
struct Contained(Child);

impl Contained {
    /// Starts a process in the folder, which must have a `/bin/sleep`.
    fn start(root: &Path) -> Self {
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--mount"])
            .arg(format!("--root={}", root.display()));
        let child = command.args(["/bin/sleep", "600"]).stdout(Stdio::null()).spawn();
        Self(
            child.unwrap_or_else(|error| panic!("unshare: {error}; install the Debian package `util-linux`")),
        )
    }

    /// Waits until it runs in its own root.
    fn wait(&self, root: &Path) {
        let link = format!("/proc/{}/root", self.0.id());
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while fs::read_link(&link).unwrap() != root {
            assert!(
                std::time::Instant::now() < end,
                "the process does not enter its root"
            );
            std::thread::yield_now();
        }
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder in which `/bin/sleep` runs.
fn small_system() -> tempfile::TempDir {
    let top = tree(&[("var/lib/dpkg/status", status("contained"))]);
    let copy = |path: &Path| {
        let inside = path.strip_prefix("/").unwrap().to_str().unwrap();
        put(top.path(), inside, "");
        fs::copy(path, top.path().join(inside)).unwrap();
    };
    copy(Path::new("/bin/sleep"));
    let maps = Command::new("ldd").arg("/bin/sleep").output().unwrap();
    let libraries = String::from_utf8(maps.stdout).unwrap();
    libraries
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
        .for_each(|library| copy(Path::new(library)));
    top
}

#[test]
fn containers_are_looked_at_when_asked_for() {
    let top = small_system();
    let process = Contained::start(top.path());
    process.wait(top.path());
    let params = json!({ "pkgmatch": { "matches": ["^contained$"] }, "types": ["dpkg"], "containers": true });
    let report = run(Path::new("/"), &params);
    let here: Vec<&Value> = report
        .findings
        .iter()
        .filter(|finding| finding["container"]["pid"] == process.0.id())
        .collect();
    assert_eq!(here.len(), 1, "{report:?}");
    assert_eq!(text(here[0], "version"), "1");
    let without = run(
        Path::new("/"),
        &json!({ "pkgmatch": { "matches": ["^contained$"] }, "types": ["dpkg"] }),
    );
    assert_eq!(without.findings.len(), 0);
}
