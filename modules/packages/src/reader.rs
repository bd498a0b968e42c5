//! Goes through the databases of a tree.

use std::{
    collections::HashSet,
    ffi::OsString,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use crate::{
    Distro, Gap, Kind, Package, Reason, Tree,
    homes::{self, MAX_HOMES, USUAL_HOMES},
    source,
    tree::{FileId, Folder, MAX_NAMES, OpenFile},
};

/// Most of `/etc/passwd` or `/etc/os-release` that is read.
const MAX_ETC_BYTES: u64 = 16 << 20;

/// Names that are listed in all folders of one tree together. Links can make a few folders look like very many.
const MAX_TREE_NAMES: usize = 5_000_000;
/// Bytes that are read of all records of one tree together, for the same reason.
const MAX_TREE_BYTES: u64 = 4 << 30;

/// Takes packages as they are found.
pub trait Sink {
    /// Whether a package is asked for: what costs time to find out about it is left out otherwise.
    fn wants(&self, name: &str, arch: Option<&str>, version: &str) -> bool;

    /// Takes a package that was wanted. `Break` ends the reading.
    fn package(&mut self, package: Package) -> ControlFlow<()>;

    /// Whether to end early: asked for every package, also for those that are not wanted.
    fn stopped(&self) -> bool;

    /// Takes note of something that could not be read.
    fn gap(&mut self, gap: Gap);
}

/// Reads all databases of the given kinds in a tree.
///
/// Shape: kinds in the given order; packages in the order of their database, or sorted by path. A package that is
/// installed in several places is delivered several times.
/// Limits: those of each database; what lies beyond is a [`Gap`]. `Break` when the sink wants no more.
pub fn read(tree: &Tree, kinds: &[Kind], sink: &mut dyn Sink) -> ControlFlow<()> {
    let mut reader = Reader {
        tree,
        sink,
        homes: None,
        names_left: MAX_TREE_NAMES,
        bytes_left: MAX_TREE_BYTES,
    };
    for &kind in kinds {
        source::read(&mut reader, kind)?;
    }
    ControlFlow::Continue(())
}

/// What a tree's `os-release` says of its distribution; unknown where there is none.
#[must_use]
pub fn distro(tree: &Tree) -> Distro {
    ["/etc/os-release", "/usr/lib/os-release"]
        .iter()
        .find_map(|path| tree.read(Path::new(path), MAX_ETC_BYTES).ok().flatten())
        .map(|text| Distro::parse(&text))
        .unwrap_or_default()
}

/// What the sources share: a tree, where packages and gaps go, and the tree's homes.
pub(crate) struct Reader<'a> {
    pub tree: &'a Tree,
    sink: &'a mut dyn Sink,
    homes: Option<Vec<PathBuf>>,
    names_left: usize,
    bytes_left: u64,
}

impl Reader<'_> {
    /// Whether the sink asks for such a package.
    pub fn wants(&self, name: &str, arch: Option<&str>, version: &str) -> bool {
        self.sink.wants(name, arch, version)
    }

    /// Hands over a package that is known to be wanted.
    pub fn take(&mut self, package: Package) -> ControlFlow<()> {
        self.sink.package(package)
    }

    /// Hands over a package if it is wanted.
    pub fn offer(&mut self, package: Package) -> ControlFlow<()> {
        if !self.wants(&package.name, package.arch.as_deref(), &package.version) {
            return self.go_on();
        }
        self.take(package)
    }

    /// Whether to go on after a package that was not wanted.
    pub fn go_on(&self) -> ControlFlow<()> {
        match self.sink.stopped() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// Takes note of something that could not be read.
    pub fn gap(&mut self, what: &'static str, path: &Path, reason: Reason) {
        self.sink.gap(Gap::new(what, path, reason));
    }

    /// Takes note of several things that could not be read.
    pub fn gaps(&mut self, what: &'static str, path: &Path, reason: Reason, count: u64) {
        if count > 0 {
            self.sink.gap(Gap {
                count,
                ..Gap::new(what, path, reason)
            });
        }
    }

    /// Reads a file; none, and a gap where that is due, when it cannot be read.
    pub fn text(&mut self, what: &'static str, path: &Path, max_bytes: u64) -> Option<Vec<u8>> {
        let file = self.tree.open(path);
        let file = self.or_gap(what, path, file)?;
        self.content(what, path, file, max_bytes)
    }

    /// Reads an open file as [`Reader::text`] does.
    pub fn content(
        &mut self,
        what: &'static str,
        path: &Path,
        file: OpenFile,
        max_bytes: u64,
    ) -> Option<Vec<u8>> {
        // A file that is too large is refused before any of it is read.
        let cost = Some(file.size()).filter(|&size| size <= max_bytes).unwrap_or(0);
        let Some(left) = self.bytes_left.checked_sub(cost) else {
            let limit = MAX_TREE_BYTES;
            self.gap(what, path, Reason::TooLarge { limit });
            return None;
        };
        self.bytes_left = left;
        let read = file.read(max_bytes).map(Some);
        self.or_gap(what, path, read)
    }

    /// The names in a folder, sorted; none where there is no such folder.
    pub fn names(&mut self, path: &Path) -> Vec<OsString> {
        self.open_folder(path)
            .map(|folder| self.names_in(path, &folder))
            .unwrap_or_default()
    }

    /// The same, unless the folder was seen under another name.
    pub fn names_once(&mut self, path: &Path, seen: &mut HashSet<FileId>) -> Vec<OsString> {
        let Some(folder) = self.open_folder(path) else {
            return Vec::new();
        };
        match folder.id() {
            Ok(id) if !seen.insert(id) => return Vec::new(),
            Ok(_) => {}
            Err(reason) => self.gap("folder", path, reason),
        }
        self.names_in(path, &folder)
    }

    fn open_folder(&mut self, path: &Path) -> Option<Folder> {
        let folder = self.tree.folder(path);
        self.or_gap("folder", path, folder)
    }

    fn names_in(&mut self, path: &Path, folder: &Folder) -> Vec<OsString> {
        let limit = MAX_NAMES.min(self.names_left);
        match folder.names(limit) {
            Ok((names, is_all)) => {
                self.names_left -= names.len();
                if !is_all {
                    let (limit, of) = if limit < MAX_NAMES {
                        (MAX_TREE_NAMES, "names in all folders")
                    } else {
                        (MAX_NAMES, "names in a folder")
                    };
                    self.gap("folder", path, Reason::TooMany { limit, of });
                }
                names
            }
            Err(reason) => {
                self.gap("folder", path, reason);
                Vec::new()
            }
        }
    }

    /// All places that fit any of the patterns: absolute, `*` in components, `~` in front for each home.
    pub fn places(&mut self, patterns: &[&str]) -> Vec<PathBuf> {
        let mut places = Vec::new();
        for pattern in patterns {
            let Some(rest) = pattern.strip_prefix("~/") else {
                places.extend(homes::expand(Path::new("/"), pattern, &mut |path| {
                    self.names(path)
                }));
                continue;
            };
            for home in self.homes() {
                places.extend(homes::expand(&home, rest, &mut |path| self.names(path)));
            }
        }
        places
    }

    /// Homes in this tree that exist, each once.
    pub fn homes(&mut self) -> Vec<PathBuf> {
        if let Some(homes) = &self.homes {
            return homes.clone();
        }
        let passwd = Path::new("/etc/passwd");
        let text = self
            .text("list of users", passwd, MAX_ETC_BYTES)
            .unwrap_or_default();
        let mut homes = self.places(&USUAL_HOMES);
        homes.extend(homes::in_passwd(&text).take(MAX_HOMES.saturating_add(1)));
        homes.sort_unstable();
        homes.dedup();
        if homes.len() > MAX_HOMES {
            homes.truncate(MAX_HOMES);
            let of = "home folders";
            self.gap("home folder", passwd, Reason::TooMany { limit: MAX_HOMES, of });
        }
        homes.retain(|home| self.exists(home));
        self.homes = Some(homes.clone());
        homes
    }

    fn exists(&mut self, folder: &Path) -> bool {
        match self.tree.folder(folder) {
            Ok(found) => found.is_some(),
            Err(reason) => {
                self.gap("home folder", folder, reason);
                false
            }
        }
    }

    /// The value, if there is one; an error becomes a gap.
    pub fn or_gap<T>(
        &mut self,
        what: &'static str,
        path: &Path,
        result: Result<Option<T>, Reason>,
    ) -> Option<T> {
        result.unwrap_or_else(|reason| {
            self.gap(what, path, reason);
            None
        })
    }
}
