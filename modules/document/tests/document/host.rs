//! A host that is made of lists.

use gumshoe_document::{
    Fact, FactKind, Flow, Location, Package, PackageType, PathPattern, Plan, SourceError, Sources, Summary,
    TestResult, evaluate,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

#[derive(Default)]
pub struct Host {
    pub packages: Vec<Package>,
    pub files: BTreeMap<PathBuf, String>,
    pub facts: Vec<(FactKind, Fact)>,
    /// How often each kind of question was asked.
    pub asked: BTreeMap<&'static str, usize>,
    /// Ends the evaluation after so many questions whether to stop.
    pub patience: Option<usize>,
}

impl Host {
    pub fn with_files(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| (path.into(), (*text).to_owned()));
        Self {
            files: files.collect(),
            ..Self::default()
        }
    }

    pub fn package(mut self, kind: PackageType, name: &str, version: &str) -> Self {
        let (name, arch) = name
            .split_once(':')
            .map_or((name, None), |(name, arch)| (name, Some(arch.to_owned())));
        let (name, version) = (name.to_owned(), version.to_owned());
        self.packages.push(Package {
            kind,
            name,
            version,
            arch,
            source: None,
        });
        self
    }

    fn files_at(&self, location: &Location) -> Vec<PathBuf> {
        let below = |path: &Path, start: &PathPattern| match start {
            PathPattern::Literal(start) => path.starts_with(start),
            PathPattern::Glob(_) => panic!("this host knows no globs"),
        };
        let named = |path: &Path| {
            location
                .name
                .is_match(path.file_name().unwrap().to_str().unwrap())
        };
        let fits = |path: &&PathBuf| named(path) && location.paths.iter().any(|start| below(path, start));
        self.files.keys().filter(fits).cloned().collect()
    }

    fn count(&mut self, what: &'static str) {
        *self.asked.entry(what).or_default() += 1;
    }
}

impl Sources for Host {
    fn packages(&mut self, types: &[PackageType]) -> Result<Vec<Package>, SourceError> {
        self.count("packages");
        Ok(self
            .packages
            .iter()
            .filter(|package| types.contains(&package.kind))
            .cloned()
            .collect())
    }

    fn locate(&mut self, locations: &[&Location]) -> Result<Vec<Vec<PathBuf>>, SourceError> {
        self.count("locate");
        *self.asked.entry("locations").or_default() += locations.len();
        Ok(locations.iter().map(|location| self.files_at(location)).collect())
    }

    fn lines(&mut self, path: &Path, take: &mut dyn FnMut(&str) -> Flow) -> Result<(), SourceError> {
        self.count("lines");
        let text = self
            .files
            .get(path)
            .ok_or_else(|| SourceError("no such file".into()))?;
        let _ = text.lines().try_for_each(|line| match take(line) {
            Flow::Continue => Ok(()),
            Flow::Stop => Err(()),
        });
        Ok(())
    }

    fn facts(&mut self, kind: FactKind) -> Result<Vec<Fact>, SourceError> {
        self.count("facts");
        if kind == FactKind::Sysctl {
            return Err(SourceError("/proc/sys: permission denied".into()));
        }
        Ok(self
            .facts
            .iter()
            .filter(|(of, _)| *of == kind)
            .map(|(_, fact)| fact.clone())
            .collect())
    }

    fn stopped(&mut self) -> bool {
        match &mut self.patience {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }
}

pub fn plan(document: &Value) -> Plan {
    Plan::from_json(document).unwrap_or_else(|problems| panic!("{problems}"))
}

pub fn run(document: &Value, host: &mut Host) -> (Vec<TestResult>, Summary) {
    let mut results = Vec::new();
    let summary = evaluate(&plan(document), host, &mut |result| {
        results.push(result);
        Flow::Continue
    });
    (results, summary)
}

/// The only result of a document with one object and one test; keys of the test are merged in.
pub fn one(object: Value, test: Value, host: &mut Host) -> TestResult {
    let mut object = object;
    object["object"] = "o".into();
    let mut test = test;
    test["test"] = "t".into();
    test["object"] = "o".into();
    run(&json!({"objects": [object], "tests": [test]}), host)
        .0
        .remove(0)
}
