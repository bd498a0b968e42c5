//! Finds files by name.

use std::path::PathBuf;

use gumshoe_document::{Location, Searcher};
use gumshoe_plugin_api::Skipped;
use gumshoe_walk::{Dir, Entry, FileType, Flow, Options, Root, Skip, SkipReason, Visitor, walk};

use crate::host::Host;

/// Most files of one object.
pub(crate) const MAX_FILES: usize = 100_000;

/// Regular files, and links to such files, below the starts whose base names match; sorted.
pub(crate) fn locate(host: &Host<'_>, starts: &[PathBuf], location: &Location) -> Vec<PathBuf> {
    let roots: Vec<Root> = starts
        .iter()
        .map(|path| Root {
            max_depth: location.max_depth.saturating_sub(1),
            ..Root::new(path)
        })
        .collect();
    let finder = Finder {
        host,
        name: location.name.searcher(),
        found: Vec::new(),
        left_out: 0,
    };
    let stop = || host.context.stopped().is_some();
    let finders = walk(host.tree.base(), &roots, &Options::default(), vec![finder], &stop);
    let mut found = Vec::new();
    for finder in finders {
        finder.report();
        found.extend(finder.found);
    }
    found.sort_unstable();
    found.dedup();
    found
}

struct Finder<'a, 'c> {
    host: &'a Host<'c>,
    name: Searcher<'a>,
    found: Vec<PathBuf>,
    left_out: u64,
}

impl Finder<'_, '_> {
    /// Whether what an entry stands for is a regular file.
    fn is_file(&self, file_type: FileType, path: &std::path::Path) -> bool {
        match file_type {
            FileType::RegularFile => true,
            FileType::Symlink | FileType::Unknown => matches!(self.host.tree.file(path), Ok(Some(_))),
            _ => false,
        }
    }

    fn report(&self) {
        if self.left_out > 0 {
            let why = format!("limit reached: {MAX_FILES} files of one object");
            self.host
                .context
                .skipped(Skipped::one("file", why).count(self.left_out));
        }
    }
}

impl Visitor for Finder<'_, '_> {
    fn entry(&mut self, dir: &Dir, entry: &Entry<'_>) -> Flow {
        if entry.file_type == FileType::Directory || !self.name.is_match(&entry.name.to_string_lossy()) {
            return Flow::Continue;
        }
        let path = dir.path_of(entry.name);
        if !self.is_file(entry.file_type, &path) {
            return Flow::Continue;
        }
        if self.found.len() < MAX_FILES {
            self.found.push(path);
        } else {
            self.left_out += 1;
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
