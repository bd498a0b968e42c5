//! OVAL definitions, as Debian, Ubuntu and Red Hat publish them.
//!
//! Source: OVAL 5.11. Of a definition's criteria, those are taken that say of a package (`dpkginfo_test`,
//! `rpminfo_test`) that it is older than a version; the releases come from the platforms that the definition names. The
//! packages of one definition are alternatives. Other criteria (a running kernel, an enabled module stream, who signed
//! a package) are not evaluated: they are named in the tag `unchecked`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    Affected, End, Package, Release, Skipped, Statement, Tag,
    xml::{Element, XmlError},
};

/// Most criteria that a test's tag names.
const MAX_UNCHECKED: usize = 5;

/// Why OVAL definitions were not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OvalError {
    /// It is not XML.
    #[error("not readable as XML")]
    Xml(#[from] XmlError),
    /// It is something else.
    #[error("not OVAL definitions: the first element is `{found}`")]
    Other {
        /// Name of the first element.
        found: String,
    },
}

/// Reads a file of definitions.
///
/// # Errors
///
/// [`OvalError`] when it is none.
pub fn read(text: &[u8]) -> Result<(Vec<Statement>, Skipped), OvalError> {
    let root = Element::parse(text)?;
    if root.name != "oval_definitions" {
        return Err(OvalError::Other { found: root.name });
    }
    let parts = Parts::of(&root);
    let (mut statements, mut skipped) = (Vec::new(), Skipped::default());
    for definition in root
        .child("definitions")
        .iter()
        .flat_map(|list| list.all("definition"))
    {
        match definition.attribute("class") {
            "patch" | "vulnerability" => statements.extend(parts.definition(definition, &mut skipped)),
            // What is installed: other definitions refer to it.
            "inventory" => {}
            class => skipped.add(format!("definition of class {class}")),
        }
    }
    Ok((statements, skipped))
}

/// Tests, objects, states and variables by their ids.
struct Parts<'x> {
    tests: HashMap<&'x str, &'x Element>,
    objects: HashMap<&'x str, &'x Element>,
    states: HashMap<&'x str, &'x Element>,
    variables: HashMap<&'x str, &'x Element>,
}

/// A package and the version that has the fix.
type Fixed<'x> = (Package, &'x str);

impl<'x> Parts<'x> {
    fn of(root: &'x Element) -> Self {
        let by_id = |list: &str| {
            let children = root.child(list).map_or(&[][..], |list| &list.children);
            children
                .iter()
                .map(|element| (element.attribute("id"), element))
                .collect()
        };
        Self {
            tests: by_id("tests"),
            objects: by_id("objects"),
            states: by_id("states"),
            variables: by_id("variables"),
        }
    }

    fn definition(&self, definition: &'x Element, skipped: &mut Skipped) -> Vec<Statement> {
        let Some(metadata) = definition.child("metadata") else {
            skipped.add("definition without metadata");
            return Vec::new();
        };
        let mut fixed: BTreeMap<Package, BTreeSet<&str>> = BTreeMap::new();
        let mut unchecked = BTreeSet::new();
        for criterion in criteria(definition) {
            let found = self.fixed(criterion);
            if found.is_empty() {
                unchecked.insert(criterion.attribute("comment"));
            }
            for (package, version) in found {
                fixed.entry(package).or_default().insert(version);
            }
        }
        if fixed.is_empty() {
            skipped.add("definition without version of a package");
            return Vec::new();
        }
        let releases = releases(metadata);
        if releases.is_empty() {
            skipped.add("platform not known");
            return Vec::new();
        }
        let tags = tags(metadata, &unchecked);
        let versions = fixed.into_iter().flat_map(|(package, versions)| {
            versions
                .into_iter()
                .map(move |version| (package.clone(), version))
        });
        let statement = |(package, version): Fixed<'_>| Statement {
            advisory: advisory(definition, metadata),
            title: metadata
                .text_of("title")
                .split_ascii_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            package,
            releases: releases.clone(),
            affected: Affected::Range {
                from: None,
                to: End::Before(version.to_owned()),
            },
            tags: tags.clone(),
        };
        versions.map(statement).collect()
    }

    /// The packages of a criterion that asks for versions before one; none when it asks for something else.
    fn fixed(&self, criterion: &'x Element) -> Vec<Fixed<'x>> {
        let Some(test) = self.tests.get(criterion.attribute("test_ref")) else {
            return Vec::new();
        };
        let kind = match test.name.as_str() {
            "dpkginfo_test" => "dpkg",
            "rpminfo_test" => "rpm",
            _ => return Vec::new(),
        };
        if criterion.attribute("negate") == "true" {
            return Vec::new();
        }
        let states = test
            .all("state")
            .filter_map(|state| self.states.get(state.attribute("state_ref")));
        let version = states
            .filter_map(|state| state.child("evr"))
            .find(|evr| evr.attribute("operation") == "less than");
        let object = test
            .child("object")
            .and_then(|object| self.objects.get(object.attribute("object_ref")));
        let (Some(version), Some(object)) = (version, object) else {
            return Vec::new();
        };
        let version = plain(version.text.trim());
        let package = |name: &str| {
            (
                Package {
                    name: name.to_owned(),
                    kind,
                    by_source: false,
                },
                version,
            )
        };
        self.names(object).into_iter().map(package).collect()
    }

    /// Names of an object's packages: its own, or those of the variable that it refers to.
    fn names(&self, object: &'x Element) -> Vec<&'x str> {
        let Some(name) = object.child("name") else {
            return Vec::new();
        };
        match self.variables.get(name.attribute("var_ref")) {
            Some(variable) => variable.all("value").map(|value| value.text.trim()).collect(),
            None => Some(name.text.trim())
                .filter(|name| !name.is_empty())
                .into_iter()
                .collect(),
        }
    }
}

/// All criteria of a definition, whatever joins them.
fn criteria(definition: &Element) -> Vec<&Element> {
    let mut found = Vec::new();
    let mut waiting: Vec<&Element> = definition.all("criteria").collect();
    while let Some(element) = waiting.pop() {
        waiting.extend(element.all("criteria"));
        found.extend(element.all("criterion"));
    }
    found
}

/// A version without the epoch 0 that OVAL always writes.
fn plain(version: &str) -> &str {
    version.strip_prefix("0:").unwrap_or(version)
}

fn releases(metadata: &Element) -> Vec<Release> {
    let platforms = metadata
        .all("affected")
        .flat_map(|affected| affected.all("platform"));
    let found: BTreeSet<Release> = platforms
        .filter_map(|platform| Release::parse(&platform.text))
        .collect();
    found.into_iter().collect()
}

/// The vendor's own id, as the references have it; else the CVE; else the id of the definition.
fn advisory(definition: &Element, metadata: &Element) -> String {
    let of = |source: &str| {
        metadata
            .all("reference")
            .find(|reference| reference.attribute("source") == source)
            .map(|r| r.attribute("ref_id"))
    };
    let known = ["RHSA", "DSA", "USN", "CVE"].into_iter().find_map(of);
    known.unwrap_or_else(|| definition.attribute("id")).to_owned()
}

fn tags(metadata: &Element, unchecked: &BTreeSet<&str>) -> Vec<Tag> {
    let cves = metadata
        .all("reference")
        .filter(|reference| reference.attribute("source") == "CVE");
    let mut tags: Vec<Tag> = cves.map(|cve| Tag::new("cve", cve.attribute("ref_id"))).collect();
    let severity = metadata
        .child("advisory")
        .map_or("", |advisory| advisory.text_of("severity"));
    if !severity.is_empty() {
        tags.push(Tag::new("severity", severity));
    }
    let told = unchecked
        .iter()
        .filter(|comment| !is_about_release_or_signature(comment));
    tags.extend(
        told.take(MAX_UNCHECKED)
            .map(|comment| Tag::new("unchecked", comment)),
    );
    tags
}

/// Criteria that the releases stand for, or that only say that the package is the vendor's own.
fn is_about_release_or_signature(comment: &str) -> bool {
    let comment = comment.to_lowercase();
    let ends = [
        "is installed",
        "must be installed",
        "is signed with red hat redhatrelease2 key",
    ];
    comment.is_empty()
        || comment.contains(" is signed with ")
        || ends.iter().any(|end| comment.ends_with(end))
}
