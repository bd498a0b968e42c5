//! Mounts and containers.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    thread,
};

use rustix::{
    mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change},
    thread::UnshareFlags,
};
use serde_json::json;

use crate::support::{found, gaps, paths, search, tree};

/// Runs something in a thread with a mount namespace of its own, which ends with it.
fn with_own_mounts<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let isolated = || {
        // SAFETY: unsharing the mount namespace concerns this thread only, and no other thread relies on its view.
        #[allow(unsafe_code, reason = "a namespace that ends with the thread")]
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }
            .expect("these tests need root, to mount");
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).expect("mounts become private");
        work()
    };
    thread::scope(|scope| scope.spawn(isolated).join()).expect("no panic")
}

#[test]
fn files_that_are_mounted_twice_are_found_once() {
    let top = tree(&[("real/file", "needle"), ("bound/", "")]);
    let found = with_own_mounts(|| {
        mount_bind(top.path().join("real"), top.path().join("bound")).expect("bind mount");
        found(top.path(), json!({ "contents": ["needle"] }))
    });
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn other_devices_are_left_out_when_asked() {
    let top = tree(&[("file", "needle"), ("other/", "")]);
    let (all, same) = with_own_mounts(|| {
        mount(
            "none",
            top.path().join("other"),
            "tmpfs",
            MountFlags::empty(),
            None,
        )
        .expect("tmpfs is mounted");
        fs::write(top.path().join("other/file"), "needle").expect("file is made");
        let of = |xdev: bool| {
            search(
                top.path(),
                json!({ "contents": ["needle"], "options": { "xdev": xdev } }),
            )
        };
        (of(false), of(true))
    });
    assert_eq!(paths(&all, top.path()), ["file", "other/file"]);
    assert_eq!(paths(&same, top.path()), ["file"]);
    assert_eq!(gaps(&same), ["folder: other device = 1"]);
    assert!(same.coverage.complete);
}

/// A process with another root directory, as those in containers have.
struct Contained(Child);

impl Contained {
    fn new(root: &std::path::Path) -> Self {
        let script = "import os, sys; os.chroot(sys.argv[1]); os.chdir('/'); print('ready', flush=True); sys.stdin.read()";
        let mut child = Command::new("python3")
            .args(["-c", script])
            .arg(root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test needs python3");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("its output"))
            .read_line(&mut line)
            .expect("a line");
        assert_eq!(
            line, "ready\n",
            "this test needs root, to change a process's root"
        );
        Self(child)
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        // Its input ends with the process handle; it may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_roots_of_containers_are_searched_and_not_left() {
    let top = tree(&[
        ("etc/passwd", "inner:x:0:0::/:\n"),
        ("inside/file", "needle-in-container"),
        ("inside/sub/", ""),
    ]);
    std::os::unix::fs::symlink("/inside/file", top.path().join("inside/sub/link")).expect("link is made");
    std::os::unix::fs::symlink("/etc/hostname", top.path().join("inside/out")).expect("link is made");
    let process = Contained::new(top.path());
    let filters = |containers: bool| json!({ "paths": ["/inside"], "contents": ["^needle-in-container$"], "options": { "containers": containers } });
    let report = search(top.path(), filters(true));
    let ours: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding["container"]["pid"] == process.0.id())
        .collect();
    let mut found: Vec<_> = ours
        .iter()
        .map(|finding| finding["path"].as_str().expect("text"))
        .collect();
    found.sort_unstable();
    assert_eq!(found, ["/inside/file", "/inside/sub/link"]);
    assert_eq!(
        (&ours[0]["owner"], &ours[0]["container"]["runtime"]),
        (&json!("inner"), &json!("unknown"))
    );
    assert!(
        report.statistics["containers"]
            .as_u64()
            .is_some_and(|count| count >= 1)
    );
    assert!(search(top.path(), filters(false)).findings.is_empty());
}
