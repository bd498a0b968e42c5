//! Links to files: tested as the file that they lead to, if that lies below a path of the search.

use std::{
    ffi::{CStr, OsStr},
    mem,
    os::{fd::AsFd, unix::ffi::OsStrExt},
    path::{Component, Path, PathBuf},
};

use gumshoe_walk::{Base, Dir, FsKind, classify_fs};
use rustix::io::Errno;

use crate::{
    engine::Gap,
    os::Target,
    params::FileKind,
    subject::Subject,
    unix,
    visit::{FileVisitor, why},
};

impl FileVisitor<'_> {
    /// Tests a link as the file that it leads to, for the searches below whose paths that lies.
    pub(crate) fn test_link(&mut self, dir: &Dir, name: &CStr) {
        let covering = mem::take(&mut self.covering);
        let mut candidates = mem::take(&mut self.candidates);
        self.by_name(
            &covering,
            name.to_bytes(),
            |search| search.kinds.follow_links(),
            &mut candidates,
        );
        self.covering = covering;
        if !candidates.is_empty()
            && let Some(target) = self.follow(dir, name, &mut candidates)
        {
            let subject = Subject {
                dir,
                name,
                target: Some(target),
                kind: FileKind::File,
            };
            self.examine(&subject, &mut candidates);
        }
        self.candidates = candidates;
    }

    /// Follows a link to a file. Links that lead nowhere, elsewhere or to anything else are passed over, as documented.
    fn follow(&self, dir: &Dir, name: &CStr, candidates: &mut Vec<usize>) -> Option<Target> {
        let path = dir.path_of(name);
        if self.leads_to_remote(dir, name, candidates) {
            return None;
        }
        let target = match Target::find(self.engine.base, &path) {
            Ok(target) => target,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV | Errno::OPNOTSUPP) => {
                return None;
            }
            Err(errno) => {
                let (why, weight) = why(errno);
                self.engine.report(
                    &Gap {
                        what: "link",
                        why,
                        path: &path,
                        count: 1,
                        bytes: 0,
                        weight,
                    },
                    candidates.iter().copied(),
                );
                return None;
            }
        };
        if target.stat().ok()?.kind != FileKind::File {
            return None;
        }
        if !dir.is_file_root() {
            let real_path = target.real_path().ok()?;
            let below = |search: usize| {
                let roots = self.engine.roots.iter().filter(|root| root.search == search);
                roots
                    .filter_map(|root| root.real_path.as_ref())
                    .any(|root| real_path.starts_with(root))
            };
            candidates.retain(|&search| below(search));
        }
        (!candidates.is_empty()).then_some(target)
    }

    /// Whether a link points, by its text, at a remote file system that no search asks for: following it may take for
    /// ever.
    fn leads_to_remote(&self, dir: &Dir, name: &CStr, searches: &[usize]) -> bool {
        if searches
            .iter()
            .any(|&search| self.engine.plan.searches[search].options.remotefs)
        {
            return false;
        }
        let Ok(text) = unix::link_text(dir.as_fd(), name) else {
            return false;
        };
        is_remote(
            self.engine.base,
            &plain(&dir.path().join(OsStr::from_bytes(&text))),
        )
    }
}

/// Whether a path lies, by the mount table, on a file system behind a network.
pub(crate) fn is_remote(base: &Base, path: &Path) -> bool {
    let mount = base.mounts().covering(path);
    mount.is_some_and(|mount| classify_fs(&mount.fs) == FsKind::Remote || mount.fs == "autofs")
}

/// The path without `.` and `..`, judged by its text alone.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}
