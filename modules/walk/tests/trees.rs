//! Walks of trees, ordinary and hostile.

mod support;

use std::{
    collections::BTreeSet,
    ffi::{CString, OsStr},
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use gumshoe_walk::{Dir, Entry, EntryWork, Flow, Options, Root, Skip, SkipReason, Visitor, walk};
use proptest::prelude::*;
use support::{deep_tree, host, see, see_with};
use tempfile::{TempDir, tempdir};

fn tree(paths: &[&str]) -> TempDir {
    let top = tempdir().expect("a temporary folder");
    for path in paths {
        let path_buf = top.path().join(path);
        fs::create_dir_all(path_buf.parent().expect("a parent")).expect("folders are made");
        if path.ends_with('/') {
            fs::create_dir_all(path_buf).expect("folder is made");
        } else {
            fs::write(path_buf, path).expect("file is made");
        }
    }
    top
}

fn root(path: impl Into<PathBuf>, max_depth: u32) -> Root {
    Root {
        max_depth,
        ..Root::new(path)
    }
}

#[test]
fn every_entry_is_delivered_once() {
    let top = tree(&["a/b/c/file", "a/file", "empty/", "file"]);
    let seen = see(&[Root::new(top.path())]);
    assert_eq!(
        seen.below(top.path()),
        ["a", "a/b", "a/b/c", "a/b/c/file", "a/file", "empty", "file"]
    );
    assert!(seen.twice.is_empty() && seen.skipped.is_empty());
}

#[test]
fn depth_counts_directories_below_the_root() {
    let top = tree(&["d1/d2/d3/d4/file", "d1/d2/d3/file"]);
    let seen = see(&[root(top.path(), 3)]);
    assert!(seen.entries.contains_key(&top.path().join("d1/d2/d3/file")));
    assert_eq!(
        seen.gaps(),
        [(top.path().join("d1/d2/d3/d4"), SkipReason::DepthLimit)]
    );
    assert_eq!(see(&[root(top.path(), 0)]).below(top.path()), ["d1"]);
}

#[test]
fn overlapping_roots_are_walked_once_and_named() {
    let top = tree(&["a/b/c/file", "a/file"]);
    let (path, inner) = (top.path(), top.path().join("a/b"));
    let roots = [
        root(path, 2),
        Root::new(&inner),
        root(path, 1),
        Root::new(inner.join("c/file")),
    ];
    let seen = see(&roots);
    assert!(seen.twice.is_empty());
    assert_eq!(seen.entries[&path.join("a")], [(0, 0), (2, 0)]);
    assert_eq!(seen.entries[&path.join("a/file")], [(0, 1), (2, 1)]);
    assert_eq!(seen.entries[&inner.join("c")], [(0, 2), (1, 0)]);
    assert_eq!(seen.entries[&inner.join("c/file")], [(1, 1), (3, 0)]);
}

#[test]
fn equal_roots_are_walked_once_under_the_first_path() {
    let top = tree(&["real/file"]);
    let (real, link) = (top.path().join("real"), top.path().join("link"));
    symlink("real", &link).expect("link is made");
    let seen = see(&[Root::new(&link), Root::new(&real)]);
    assert_eq!(
        seen.entries.into_iter().collect::<Vec<_>>(),
        [(link.join("file"), vec![(0, 0), (1, 0)])]
    );
}

#[test]
fn a_root_may_be_a_file_or_be_missing() {
    let top = tree(&["folder/file", "folder/other"]);
    let (file, missing) = (
        top.path().join("folder/file"),
        top.path().join("folder/missing/x"),
    );
    let seen = see(&[Root::new(&file), Root::new(&missing), Root::new(file.join("x"))]);
    assert_eq!(seen.below(top.path()), ["folder/file"]);
    assert_eq!(
        seen.gaps(),
        [
            (missing, SkipReason::NotFound),
            (file.join("x"), SkipReason::NotFound)
        ]
    );
}

#[test]
fn symbolic_links_are_shown_and_not_followed() {
    let top = tree(&["folder/file"]);
    symlink("..", top.path().join("folder/loop")).expect("link is made");
    symlink("loop2", top.path().join("loop2")).expect("link is made");
    let seen = see(&[Root::new(top.path())]);
    assert_eq!(
        seen.below(top.path()),
        ["folder", "folder/file", "folder/loop", "loop2"]
    );
    let looped = see(&[Root::new(top.path().join("loop2"))]);
    assert_eq!(
        looped.gaps(),
        [(top.path().join("loop2"), SkipReason::Io(rustix::io::Errno::LOOP))]
    );
}

#[test]
fn a_base_is_not_left_by_links_or_dots() {
    let top = tree(&["base/etc/file", "etc/secret"]);
    symlink("/etc", top.path().join("base/absolute")).expect("link is made");
    symlink("../../etc", top.path().join("base/relative")).expect("link is made");
    let base = gumshoe_walk::Base::host(&top.path().join("base")).expect("base opens");
    for path in ["/absolute", "/relative", "/../etc"] {
        let seen = see_with(&base, &[Root::new(path)], &Options::default(), 1);
        assert_eq!(
            seen.entries.keys().collect::<Vec<_>>(),
            [&Path::new(path).join("file")]
        );
    }
}

#[test]
fn names_of_any_bytes_and_length_are_kept() {
    let top = tree(&[]);
    let long = "x".repeat(255);
    let bytes: Vec<u8> = (1..=255).filter(|&byte| byte != b'/').collect();
    let names = [long.as_bytes(), &bytes[..200], b"new\nline", b"\xff\xfe"];
    for name in names {
        fs::write(top.path().join(OsStr::from_bytes(name)), "").expect("file is made");
    }
    let found: BTreeSet<_> = see(&[Root::new(top.path())]).entries.into_keys().collect();
    assert_eq!(
        found,
        names
            .iter()
            .map(|name| top.path().join(OsStr::from_bytes(name)))
            .collect()
    );
}

#[test]
fn paths_may_be_longer_than_the_system_allows() {
    let top = tree(&[]);
    let name = "n".repeat(255);
    deep_tree(top.path(), &name, 40);
    let seen = see(&[Root::new(top.path())]);
    assert_eq!(seen.entries.len(), 80);
    assert!(seen.entries.keys().any(|path| path.as_os_str().len() > 10_000));
    let deep = (0..40).fold(top.path().to_owned(), |path, _| path.join(&name));
    assert!(
        see(&[Root::new(deep.parent().expect("a parent"))])
            .entries
            .contains_key(&deep)
    );
}

#[test]
fn very_deep_trees_are_walked_with_few_open_directories() {
    let top = tree(&[]);
    deep_tree(top.path(), "n", 1500);
    let options = Options {
        max_open_dirs: 4,
        ..Options::default()
    };
    let seen = see_with(&host(), &[Root::new(top.path())], &options, 2);
    assert_eq!((seen.entries.len(), seen.skipped.len()), (3000, 0));
}

#[test]
fn a_large_flat_folder_is_shared_between_threads() {
    let top = tree(&[]);
    for number in 0..100_000 {
        fs::write(top.path().join(format!("file{number}")), "").expect("file is made");
    }
    for work in [EntryWork::Light, EntryWork::Heavy] {
        let options = Options {
            work,
            ..Options::default()
        };
        let seen = see_with(&host(), &[Root::new(top.path())], &options, 3);
        assert_eq!(
            (seen.entries.len(), seen.twice.len(), seen.skipped.len()),
            (100_000, 0, 0)
        );
    }
}

#[test]
fn many_subfolders_of_one_folder_are_all_visited() {
    let top = tree(&[]);
    for number in 0..5000 {
        fs::create_dir(top.path().join(format!("folder{number}"))).expect("folder is made");
    }
    let inner = top.path().join("folder77");
    for number in 0..3000 {
        fs::create_dir(inner.join(format!("x{number}"))).expect("folder is made");
    }
    let seen = see(&[Root::new(top.path())]);
    assert_eq!(
        (seen.entries.len(), seen.twice.len(), seen.skipped.len()),
        (8000, 0, 0)
    );
}

/// A visitor whose entries wait until two threads are inside at once.
struct Meeting<'a>(&'a Barrier);

struct Barrier {
    inside: Mutex<usize>,
    changed: std::sync::Condvar,
}

impl Visitor for Meeting<'_> {
    fn entry(&mut self, _: &Dir, _: &Entry<'_>) -> Flow {
        let mut inside = self.0.inside.lock().expect("no panic");
        *inside += 1;
        self.0.changed.notify_all();
        let deadline = std::time::Duration::from_secs(20);
        let (inside, late) = self
            .0
            .changed
            .wait_timeout_while(inside, deadline, |inside| *inside < 2)
            .expect("no panic");
        drop(inside);
        assert!(!late.timed_out(), "no other thread came to help");
        Flow::Continue
    }

    fn skipped(&mut self, _: &Skip<'_>) {}
}

#[test]
fn heavy_work_on_two_files_of_one_folder_uses_two_threads() {
    let top = tree(&["one", "two"]);
    let barrier = Barrier {
        inside: Mutex::new(0),
        changed: std::sync::Condvar::new(),
    };
    let options = Options {
        work: EntryWork::Heavy,
        ..Options::default()
    };
    walk(
        &host(),
        &[Root::new(top.path())],
        &options,
        vec![Meeting(&barrier), Meeting(&barrier)],
        &|| false,
    );
    assert_eq!(*barrier.inside.lock().expect("no panic"), 2);
}

// Rights of a thread of its own are Linux's.
#[cfg(target_os = "linux")]
#[test]
fn unreadable_folders_are_reported() {
    use std::os::unix::fs::PermissionsExt;
    let top = tree(&["open/file", "closed/file"]);
    let closed = top.path().join("closed");
    fs::set_permissions(top.path(), fs::Permissions::from_mode(0o755)).expect("mode is set");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).expect("mode is set");
    let seen = std::thread::scope(|scope| scope.spawn(|| as_nobody(&[Root::new(top.path())])).join())
        .expect("no panic");
    assert_eq!(seen.below(top.path()), ["closed", "open", "open/file"]);
    assert_eq!(seen.gaps(), [(closed.clone(), SkipReason::PermissionDenied)]);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).expect("mode is set");
}

#[cfg(target_os = "linux")]
/// Walks after the calling thread gave up the rights of root, if it had them.
fn as_nobody(roots: &[Root]) -> support::Seen {
    if rustix::process::geteuid().is_root() {
        let nobody = rustix::process::Uid::from_raw(65534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).expect("this thread becomes nobody");
    }
    see_with(&host(), roots, &Options::default(), 1)
}

/// Removes a folder as soon as its parent is read.
struct Remover(PathBuf, Vec<SkipReason>);

impl Visitor for Remover {
    fn entry(&mut self, _: &Dir, entry: &Entry<'_>) -> Flow {
        if entry.name == c"victim" {
            fs::remove_dir_all(&self.0).expect("folder is removed");
        }
        Flow::Continue
    }

    fn skipped(&mut self, skip: &Skip<'_>) {
        self.1.push(skip.reason().clone());
    }
}

#[test]
fn what_vanishes_is_reported() {
    for swap in [false, true] {
        let top = tree(&["victim/file"]);
        let victim = top.path().join("victim");
        let visitors = walk(
            &host(),
            &[Root::new(top.path())],
            &Options::default(),
            vec![Swapper {
                inner: Remover(victim, Vec::new()),
                swap,
            }],
            &|| false,
        );
        assert_eq!(visitors[0].inner.1, [SkipReason::Vanished]);
    }
}

/// The same, and puts a link to `/` in its place.
struct Swapper {
    inner: Remover,
    swap: bool,
}

impl Visitor for Swapper {
    fn entry(&mut self, dir: &Dir, entry: &Entry<'_>) -> Flow {
        let flow = self.inner.entry(dir, entry);
        if self.swap {
            symlink("/", &self.inner.0).expect("link is made");
        }
        flow
    }

    fn skipped(&mut self, skip: &Skip<'_>) {
        self.inner.skipped(skip);
    }
}

/// Counts entries and answers the same each time.
struct Answer<'a>(&'a AtomicUsize, Flow);

impl Visitor for Answer<'_> {
    fn entry(&mut self, _: &Dir, _: &Entry<'_>) -> Flow {
        self.0.fetch_add(1, Ordering::Relaxed);
        self.1
    }

    fn skipped(&mut self, _: &Skip<'_>) {}
}

#[test]
fn visitors_and_callers_can_stop_and_prune() {
    let top = tree(&["a/1", "b/2", "c/3", "d/4"]);
    let count = |flow, stop: &(dyn Fn() -> bool + Sync)| {
        let entries = AtomicUsize::new(0);
        let visitors = vec![Answer(&entries, flow)];
        walk(
            &host(),
            &[Root::new(top.path())],
            &Options::default(),
            visitors,
            stop,
        );
        entries.into_inner()
    };
    assert_eq!(count(Flow::Continue, &|| false), 8);
    assert_eq!(count(Flow::Prune, &|| false), 4);
    assert_eq!(count(Flow::Stop, &|| false), 1);
    assert_eq!(count(Flow::Continue, &|| true), 0);
}

/// All paths below a folder, the slow way.
fn list(folder: &Path, depth: u32, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).expect("folder is read") {
        let entry = entry.expect("entry is read");
        if entry.file_type().expect("type is known").is_dir() && depth > 0 {
            list(&entry.path(), depth - 1, found);
        }
        found.insert(entry.path());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn random_trees_and_roots_agree_with_a_plain_walk(
        folders in proptest::collection::vec(proptest::collection::vec(0_u8..3, 1..6), 1..25),
        roots in proptest::collection::vec((0_usize..25, 0_u32..5), 1..5),
        threads in 1_usize..4,
        heavy in any::<bool>(),
        max_open_dirs in 0_usize..3,
    ) {
        let top = tempdir().expect("a temporary folder");
        let paths: Vec<PathBuf> = folders.iter().map(|names| {
            names.iter().fold(top.path().to_owned(), |path, name| path.join(name.to_string()))
        }).collect();
        for path in &paths {
            fs::create_dir_all(path).expect("folders are made");
            fs::write(path.join("file"), "").expect("file is made");
        }
        let roots: Vec<Root> = roots.iter().map(|&(index, depth)| root(&paths[index % paths.len()], depth)).collect();
        let work = if heavy { EntryWork::Heavy } else { EntryWork::Light };
        let seen = see_with(&host(), &roots, &Options { work, max_open_dirs }, threads);
        prop_assert!(seen.twice.is_empty());
        for (index, root) in roots.iter().enumerate() {
            let mut expected = BTreeSet::new();
            list(&root.path, root.max_depth, &mut expected);
            let found = seen.entries.iter().filter(|(_, covered)| covered.iter().any(|&(root, _)| root == index));
            let found: BTreeSet<PathBuf> = found.map(|(path, _)| path.clone()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn one_name_can_be_asked_for_many_times() {
    let top = tree(&["file"]);
    let name = CString::new("file").expect("no NUL");
    let seen = see(&vec![Root::new(top.path().join(name.to_str().expect("text"))); 3]);
    assert_eq!(seen.entries[&top.path().join("file")], [(0, 0), (1, 0), (2, 0)]);
}
