//! A visitor that remembers everything, and trees to walk.
#![allow(dead_code, reason = "no test file uses all of it")]

use std::{
    collections::BTreeMap,
    ffi::CString,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use gumshoe_walk::{Base, Dir, Entry, Flow, Options, Root, Skip, SkipReason, Visitor, walk};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

/// What was seen by one walk.
#[derive(Debug, Default)]
pub struct Seen {
    /// Entries with the roots (index, depth) that cover them.
    pub entries: BTreeMap<PathBuf, Vec<(usize, u32)>>,
    /// Entries that were delivered more than once.
    pub twice: Vec<PathBuf>,
    /// What was skipped, with the roots it was skipped for.
    pub skipped: Vec<(PathBuf, SkipReason, Vec<usize>)>,
}

impl Seen {
    fn merge(mut self, other: Self) -> Self {
        for (path, roots) in other.entries {
            self.add(path, roots);
        }
        self.twice.extend(other.twice);
        self.skipped.extend(other.skipped);
        self
    }

    fn add(&mut self, path: PathBuf, roots: Vec<(usize, u32)>) {
        if self.entries.insert(path.clone(), roots).is_some() {
            self.twice.push(path);
        }
    }

    /// Paths below a folder, relative to it.
    pub fn below(&self, folder: &Path) -> Vec<String> {
        let relative = |path: &PathBuf| Some(path.strip_prefix(folder).ok()?.to_str()?.to_owned());
        self.entries.keys().filter_map(relative).collect()
    }

    /// Reasons by path, without the ones that stand for nothing missing.
    pub fn gaps(&self) -> Vec<(PathBuf, SkipReason)> {
        let gaps = self.skipped.iter().filter(|(_, reason, _)| reason.is_gap());
        gaps.map(|(path, reason, _)| (path.clone(), reason.clone()))
            .collect()
    }
}

impl Visitor for Seen {
    fn entry(&mut self, dir: &Dir, entry: &Entry<'_>) -> Flow {
        let roots = dir.roots().map(|root| (root.root, root.depth)).collect();
        self.add(dir.path_of(entry.name), roots);
        Flow::Continue
    }

    fn skipped(&mut self, skip: &Skip<'_>) {
        let roots = skip.roots().map(|root| root.root).collect();
        self.skipped.push((skip.path(), skip.reason().clone(), roots));
    }
}

/// Walks with a number of threads.
pub fn see_with(base: &Base, roots: &[Root], options: &Options, threads: usize) -> Seen {
    let visitors = (0..threads).map(|_| Seen::default()).collect();
    walk(base, roots, options, visitors, &|| false)
        .into_iter()
        .fold(Seen::default(), Seen::merge)
}

/// Walks the real root with two threads.
pub fn see(roots: &[Root]) -> Seen {
    see_with(&host(), roots, &Options::default(), 2)
}

/// The files of this host.
pub fn host() -> Base {
    Base::host(Path::new("/")).expect("the root directory opens")
}

/// Makes a chain of directories that may be longer than any path, each with one sibling.
pub fn deep_tree(top: &Path, name: &str, levels: usize) {
    let name = CString::new(name).expect("no NUL");
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut dir = openat(CWD, top, flags, Mode::empty()).expect("top opens");
    for _ in 0..levels {
        for child in [c"sibling", &name] {
            mkdirat(dir.as_fd(), child, Mode::RWXU).expect("directory is made");
        }
        dir = openat(dir.as_fd(), &name, flags, Mode::empty()).expect("directory opens");
    }
}
