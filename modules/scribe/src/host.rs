//! The host as a source of what documents are about.

use std::{
    ffi::OsString,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use gumshoe_document::{Fact, FactKind, Flow, Location, Package, PackageType, SourceError, Sources};
use gumshoe_packages::{Gap, Reason, Sink, Status, Tree, read};
use gumshoe_plugin_api::{Context, Failure, Skipped};

use crate::{lines, locate, os, run::Statistics};

/// What is asked about the host, and what was found out on the way.
pub(crate) struct Host<'c> {
    pub context: &'c Context,
    pub tree: Tree,
    pub statistics: Statistics,
}

impl<'c> Host<'c> {
    /// The host of an operation.
    ///
    /// # Errors
    ///
    /// When its root folder cannot be opened.
    pub fn new(context: &'c Context) -> Result<Self, Failure> {
        Ok(Self {
            context,
            tree: Tree::host(context.root())?,
            statistics: Statistics::default(),
        })
    }

    /// The names in a folder, sorted; none where there is no such folder. Those that are missing are noted.
    pub fn names(&self, folder: &Path) -> Vec<OsString> {
        match self.tree.names(folder) {
            Ok(Some((names, is_all))) => {
                if !is_all {
                    let entry = Skipped::one("folder", "limit reached: names in a folder");
                    self.context.skipped(entry.example(folder.display().to_string()));
                }
                names
            }
            Ok(None) => Vec::new(),
            Err(reason) => {
                self.skip("folder", folder, &reason);
                Vec::new()
            }
        }
    }

    /// Notes something that was not looked at.
    pub fn skip(&self, what: &str, path: &Path, reason: &Reason) {
        let entry = Skipped::one(what, reason.to_string()).example(path.display().to_string());
        self.context.skipped(entry);
    }
}

impl Sources for Host<'_> {
    fn packages(&mut self, types: &[PackageType]) -> Result<Vec<Package>, SourceError> {
        let mut list = Packages {
            context: self.context,
            found: Vec::new(),
        };
        let _ = read(&self.tree, types, &mut list);
        self.statistics.packages = u64::try_from(list.found.len()).unwrap_or(u64::MAX);
        Ok(list.found)
    }

    fn locate(&mut self, locations: &[&Location]) -> Result<Vec<Vec<PathBuf>>, SourceError> {
        Ok(locate::locate(self, locations))
    }

    fn lines(&mut self, path: &Path, take: &mut dyn FnMut(&str) -> Flow) -> Result<(), SourceError> {
        lines::read(self, path, take)
    }

    fn facts(&mut self, kind: FactKind) -> Result<Vec<Fact>, SourceError> {
        os::facts(self, kind)
    }

    fn stopped(&mut self) -> bool {
        self.context.stopped().is_some()
    }
}

/// Collects packages that are installed.
struct Packages<'c> {
    context: &'c Context,
    found: Vec<Package>,
}

impl Sink for Packages<'_> {
    fn wants(&self, _: &str, _: Option<&str>, _: &str) -> bool {
        true
    }

    fn package(&mut self, package: gumshoe_packages::Package) -> ControlFlow<()> {
        // What is only left of a removed package is not vulnerable; what was not completely installed is.
        let there = !matches!(package.status, Status::ConfigFiles);
        if there {
            let gumshoe_packages::Package {
                kind,
                name,
                version,
                arch,
                source,
                ..
            } = package;
            self.found.push(Package {
                kind,
                name,
                version,
                arch,
                source,
            });
        }
        if self.stopped() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn stopped(&self) -> bool {
        self.context.stopped().is_some()
    }

    fn gap(&mut self, gap: Gap) {
        let entry = Skipped::one(gap.what, gap.reason.to_string())
            .count(gap.count)
            .example(gap.path.display().to_string());
        self.context.skipped(entry);
    }
}
