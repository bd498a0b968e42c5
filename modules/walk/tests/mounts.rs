//! Mount points: bind mounts, other devices, pseudo and remote file systems.
#![cfg(target_os = "linux")]

mod support;

use std::{fs, path::Path, thread};

use gumshoe_walk::{Base, Devices, MountTable, Options, RemoteFs, Root, SkipReason};
use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change},
    thread::UnshareFlags,
};
use support::{Seen, see, see_with};
use tempfile::tempdir;

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

/// The walker's threads must see this thread's mounts, so the mount table is this thread's.
fn thread_base() -> Base {
    let table = fs::read("/proc/thread-self/mountinfo").expect("mount table is read");
    let dir = openat(CWD, "/", OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).expect("root opens");
    Base::new(dir, MountTable::parse(&table))
}

fn see_here(roots: &[Root]) -> Seen {
    see_with(&thread_base(), roots, &Options::default(), 2)
}

#[test]
fn a_directory_that_is_mounted_twice_is_visited_once_per_root() {
    let top = tempdir().expect("a temporary folder");
    let (a, b) = (top.path().join("a"), top.path().join("b"));
    fs::create_dir_all(a.join("inner/deep")).expect("folders are made");
    fs::write(a.join("inner/file"), "").expect("file is made");
    fs::create_dir_all(b.join("mounted")).expect("folders are made");
    fs::create_dir_all(a.join("inner/deep/loop")).expect("folders are made");
    let (one, two) = with_own_mounts(|| {
        mount_bind(a.join("inner"), b.join("mounted")).expect("bind mount");
        mount_bind(&a, a.join("inner/deep/loop")).expect("bind mount");
        (
            see_here(&[Root::new(top.path())]),
            see_here(&[Root::new(&a), Root::new(&b)]),
        )
    });
    let files = |seen: &Seen, root: usize| {
        let is_file = |path: &Path| path.ends_with("file");
        seen.entries
            .iter()
            .filter(|(path, roots)| is_file(path) && roots.iter().any(|&(index, _)| index == root))
            .count()
    };
    assert_eq!(files(&one, 0), 1);
    assert!(
        one.skipped
            .iter()
            .all(|(_, reason, _)| *reason == SkipReason::AlreadyVisited)
    );
    assert!(!one.skipped.is_empty());
    assert_eq!((files(&two, 0), files(&two, 1)), (1, 1));
}

#[test]
fn other_devices_are_entered_unless_refused() {
    let top = tempdir().expect("a temporary folder");
    let inner = top.path().join("inner");
    fs::create_dir(&inner).expect("folder is made");
    let (all, same) = with_own_mounts(|| {
        mount("none", &inner, "tmpfs", MountFlags::empty(), None).expect("tmpfs is mounted");
        fs::write(inner.join("file"), "").expect("file is made");
        let same = Root {
            devices: Devices::Same,
            ..Root::new(top.path())
        };
        (
            see_here(&[Root::new(top.path())]),
            see_here(&[same, Root::new(&inner)]),
        )
    });
    assert_eq!(all.below(top.path()), ["inner", "inner/file"]);
    assert_eq!(same.entries[&inner.join("file")], [(1, 0)]);
    assert_eq!(same.skipped, [(inner, SkipReason::OtherDevice, vec![0])]);
}

#[test]
fn pseudo_file_systems_are_walked_only_when_named() {
    let top = tempdir().expect("a temporary folder");
    let inner = top.path().join("inner");
    fs::create_dir(&inner).expect("folder is made");
    let seen = with_own_mounts(|| {
        mount("proc", &inner, "proc", MountFlags::empty(), None).expect("proc is mounted");
        see_here(&[Root::new(top.path())])
    });
    assert_eq!(
        seen.gaps(),
        [(
            inner,
            SkipReason::Pseudo {
                fs: "proc".to_owned()
            }
        )]
    );
    let seen = see(&[Root {
        max_depth: 1,
        ..Root::new("/proc/sys")
    }]);
    assert!(seen.entries.contains_key(Path::new("/proc/sys/kernel")));
}

#[test]
fn remote_mounts_are_left_alone_unless_asked_for() {
    let top = tempdir().expect("a temporary folder");
    fs::create_dir_all(top.path().join("mnt/share/sub")).expect("folders are made");
    fs::write(top.path().join("mnt/share/file"), "").expect("file is made");
    let table = MountTable::parse(
        b"1 0 9:9 / / rw - ext4 /dev/root rw\n2 1 9:8 / /mnt/share rw - nfs4 host:/ rw\n3 1 9:7 / /mnt/auto rw - autofs x rw\n",
    );
    let dir = openat(CWD, top.path(), OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).expect("folder opens");
    let base = Base::new(dir, table);
    let local = Root::new("/");
    let remote = Root {
        remote: RemoteFs::Walk,
        ..Root::new("/mnt")
    };
    let nfs = || SkipReason::Remote {
        fs: "nfs4".to_owned(),
    };

    let seen = see_with(&base, std::slice::from_ref(&local), &Options::default(), 1);
    assert_eq!(seen.below(Path::new("/")), ["mnt"]);
    assert_eq!(seen.gaps(), [("/mnt/share".into(), nfs())]);

    let seen = see_with(
        &base,
        &[Root::new("/mnt/share/sub"), remote],
        &Options::default(),
        1,
    );
    assert_eq!(
        seen.below(Path::new("/")),
        ["mnt/share", "mnt/share/file", "mnt/share/sub"]
    );
    assert_eq!(seen.gaps(), [("/mnt/share/sub".into(), nfs())]);
}

#[test]
fn the_whole_host_is_walked_without_touching_kernel_state() {
    let seen = see(&[Root {
        max_depth: 1,
        ..Root::new("/")
    }]);
    let proc = (
        Path::new("/proc").to_owned(),
        SkipReason::Pseudo {
            fs: "proc".to_owned(),
        },
    );
    assert!(seen.gaps().contains(&proc));
    assert!(seen.entries.contains_key(Path::new("/dev/null")));
}
