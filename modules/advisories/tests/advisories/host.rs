//! A host that is made of a release and packages.

use gumshoe_document::{
    Fact, FactKind, Flow, Location, Package, PackageType, Plan, SourceError, Sources, TestResult, evaluate,
};
use serde_json::Value;
use std::path::{Path, PathBuf};

pub struct Host {
    release: (&'static str, &'static str),
    packages: Vec<Package>,
}

impl Host {
    pub fn new(id: &'static str, version: &'static str) -> Self {
        Self {
            release: (id, version),
            packages: Vec::new(),
        }
    }

    pub fn package(mut self, kind: PackageType, name: &str, version: &str, source: Option<&str>) -> Self {
        let (name, version, source) = (name.to_owned(), version.to_owned(), source.map(str::to_owned));
        self.packages.push(Package {
            kind,
            name,
            version,
            arch: None,
            source,
        });
        self
    }

    /// The results that are true, releases left out; fails when the document is odd in any way.
    pub fn affected(&mut self, document: &Value) -> Vec<TestResult> {
        let plan = Plan::from_json(document).unwrap();
        assert!(plan.warnings().is_empty(), "{}", plan.warnings());
        let mut found = Vec::new();
        let summary = evaluate(&plan, self, &mut |result| {
            if result.result && !result.test.starts_with("release:") && !result.test.ends_with(":from") {
                found.push(result);
            }
            Flow::Continue
        });
        assert_eq!(summary.errors, 0);
        found
    }
}

impl Sources for Host {
    fn packages(&mut self, types: &[PackageType]) -> Result<Vec<Package>, SourceError> {
        Ok(self
            .packages
            .iter()
            .filter(|package| types.contains(&package.kind))
            .cloned()
            .collect())
    }

    fn locate(&mut self, locations: &[&Location]) -> Result<Vec<Vec<PathBuf>>, SourceError> {
        Ok(vec![Vec::new(); locations.len()])
    }

    fn lines(&mut self, _: &Path, _: &mut dyn FnMut(&str) -> Flow) -> Result<(), SourceError> {
        Ok(())
    }

    fn facts(&mut self, kind: FactKind) -> Result<Vec<Fact>, SourceError> {
        assert_eq!(kind, FactKind::OsRelease);
        let fact = |name: &str, value: &str| Fact {
            identifier: name.into(),
            values: vec![value.into()],
        };
        Ok(vec![
            fact("ID", self.release.0),
            fact("VERSION_ID", self.release.1),
        ])
    }

    fn stopped(&mut self) -> bool {
        false
    }
}
