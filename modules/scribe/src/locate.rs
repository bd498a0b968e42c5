//! Finds files by name, for many objects in one walk.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use gumshoe_document::{Location, PathPattern, Searcher};
use gumshoe_plugin_api::Skipped;
use gumshoe_walk::{Dir, Entry, FileType, Flow, Options, Root, Skip, SkipReason, Visitor, walk};

use crate::{glob, host::Host};

/// Most files of all locations of one walk.
pub(crate) const MAX_FILES: usize = 500_000;
/// Locations of one walk.
const LOCATIONS_PER_WALK: usize = 256;

/// Regular files, and links to such files, of each location; sorted.
///
/// Each folder is read once for up to [`LOCATIONS_PER_WALK`] locations. Where several of their paths lead to one
/// folder, its files are named by one of them.
pub(crate) fn locate(host: &Host<'_>, locations: &[&Location]) -> Vec<Vec<PathBuf>> {
    let chunks = locations.chunks(LOCATIONS_PER_WALK);
    chunks.flat_map(|locations| walk_once(host, locations)).collect()
}

fn walk_once(host: &Host<'_>, locations: &[&Location]) -> Vec<Vec<PathBuf>> {
    let mut starts = Starts::default();
    for (index, location) in locations.iter().enumerate() {
        starts.add(host, index, location);
    }
    let finder = Finder {
        host,
        users: &starts.users,
        names: locations
            .iter()
            .map(|location| location.name.searcher())
            .collect(),
        found: vec![Vec::new(); locations.len()],
        room: MAX_FILES,
        left_out: 0,
    };
    let stop = || host.context.stopped().is_some();
    let finders = walk(
        host.tree.base(),
        &starts.roots,
        &Options::default(),
        vec![finder],
        &stop,
    );
    let mut found = vec![Vec::new(); locations.len()];
    for finder in finders {
        finder.report();
        for (all, some) in found.iter_mut().zip(finder.found) {
            all.extend(some);
        }
    }
    for paths in &mut found {
        paths.sort_unstable();
        paths.dedup();
    }
    found
}

/// Where a walk begins, and for which locations.
#[derive(Default)]
struct Starts {
    roots: Vec<Root>,
    /// The locations of each root, by index.
    users: Vec<Vec<usize>>,
    known: HashMap<(PathBuf, u32), usize>,
}

impl Starts {
    fn add(&mut self, host: &Host<'_>, location: usize, asked: &Location) {
        let max_depth = asked.max_depth.saturating_sub(1);
        for path in &asked.paths {
            match path {
                PathPattern::Literal(path) => self.add_path(location, PathBuf::from(path), max_depth),
                PathPattern::Glob(pattern) => {
                    let paths = glob::expand(host, pattern).into_iter();
                    paths.for_each(|path| self.add_path(location, path, max_depth));
                }
            }
        }
    }

    fn add_path(&mut self, location: usize, path: PathBuf, max_depth: u32) {
        let next = self.roots.len();
        let index = *self
            .known
            .entry((path, max_depth))
            .or_insert_with_key(|(path, max_depth)| {
                self.roots.push(Root {
                    max_depth: *max_depth,
                    ..Root::new(path)
                });
                self.users.push(Vec::new());
                next
            });
        self.users[index].push(location);
    }
}

struct Finder<'a, 'c> {
    host: &'a Host<'c>,
    users: &'a [Vec<usize>],
    /// By location.
    names: Vec<Searcher<'a>>,
    /// By location.
    found: Vec<Vec<PathBuf>>,
    room: usize,
    left_out: u64,
}

impl Finder<'_, '_> {
    /// Whether what an entry stands for is a regular file.
    fn is_file(&self, file_type: FileType, path: &Path) -> bool {
        match file_type {
            FileType::RegularFile => true,
            FileType::Symlink | FileType::Unknown => matches!(self.host.tree.file(path), Ok(Some(_))),
            _ => false,
        }
    }

    /// Locations that cover a folder and whose name matches. One may come several times.
    fn matching(&mut self, dir: &Dir, name: &str) -> Vec<usize> {
        let (users, names) = (self.users, &mut self.names);
        let covering = dir
            .roots()
            .filter_map(|root| users.get(root.root))
            .flatten()
            .copied();
        covering
            .filter(|&location| {
                names
                    .get_mut(location)
                    .is_some_and(|searcher| searcher.is_match(name))
            })
            .collect()
    }

    fn take(&mut self, location: usize, path: &Path) {
        match (self.found.get_mut(location), self.room.checked_sub(1)) {
            (Some(found), Some(room)) => {
                self.room = room;
                found.push(path.to_owned());
            }
            _ => self.left_out += 1,
        }
    }

    fn report(&self) {
        if self.left_out > 0 {
            let why = format!("limit reached: {MAX_FILES} files in {LOCATIONS_PER_WALK} objects");
            self.host
                .context
                .skipped(Skipped::one("file", why).count(self.left_out));
        }
    }
}

impl Visitor for Finder<'_, '_> {
    fn entry(&mut self, dir: &Dir, entry: &Entry<'_>) -> Flow {
        if entry.file_type == FileType::Directory {
            return Flow::Continue;
        }
        let locations = self.matching(dir, &entry.name.to_string_lossy());
        if locations.is_empty() {
            return Flow::Continue;
        }
        let path = dir.path_of(entry.name);
        if self.is_file(entry.file_type, &path) {
            locations
                .into_iter()
                .for_each(|location| self.take(location, &path));
        }
        Flow::Continue
    }

    fn skipped(&mut self, skip: &Skip<'_>) {
        let (why, by_design) = match skip.reason() {
            SkipReason::AlreadyVisited => return,
            SkipReason::NotFound => ("does not exist".to_owned(), true),
            SkipReason::DepthLimit => ("deeper than maxdepth".to_owned(), true),
            SkipReason::Remote { fs } => (format!("remote file system ({fs})"), true),
            SkipReason::Pseudo { fs } => (format!("pseudo file system ({fs})"), true),
            SkipReason::PermissionDenied => ("permission denied".to_owned(), false),
            SkipReason::Vanished => ("vanished meanwhile".to_owned(), false),
            SkipReason::TooManyOpenFiles => ("too many open files".to_owned(), false),
            SkipReason::Io(errno) => (errno.to_string(), false),
            other => (format!("{other:?}"), false),
        };
        let entry = Skipped::one("folder", why).example(skip.path().display().to_string());
        self.host
            .context
            .skipped(if by_design { entry.by_design() } else { entry });
    }
}
