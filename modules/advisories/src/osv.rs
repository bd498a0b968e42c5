//! OSV: the format of osv.dev, which many distributions and language ecosystems publish.
//!
//! Source: the OSV schema, version 1.6.

use serde::Deserialize;

use crate::{Affected, End, Package, Release, Skipped, Statement, Tag};

/// Why an OSV entry was not read.
#[derive(Debug, thiserror::Error)]
#[error("not an OSV entry, nor a list of such")]
pub struct OsvError {
    /// What the parser says.
    #[from]
    source: serde_json::Error,
}

#[derive(Debug, Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    upstream: Vec<String>,
    withdrawn: Option<String>,
    #[serde(default)]
    affected: Vec<AffectedPackage>,
}

#[derive(Debug, Deserialize)]
struct AffectedPackage {
    package: Option<Name>,
    #[serde(default)]
    ranges: Vec<Range>,
    #[serde(default)]
    versions: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Name {
    ecosystem: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Range {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Debug, Default, Deserialize)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

/// Reads one entry, or a list of entries.
///
/// # Errors
///
/// [`OsvError`] when the text is neither.
pub fn read(text: &[u8]) -> Result<(Vec<Statement>, Skipped), OsvError> {
    let entries: Vec<Entry> = match text.trim_ascii_start().first() {
        Some(b'[') => serde_json::from_slice(text)?,
        _ => vec![serde_json::from_slice(text)?],
    };
    let (mut statements, mut skipped) = (Vec::new(), Skipped::default());
    for entry in &entries {
        if entry.withdrawn.is_some() {
            skipped.add("withdrawn");
            continue;
        }
        for affected in &entry.affected {
            add(entry, affected, &mut statements, &mut skipped);
        }
    }
    Ok((statements, skipped))
}

fn add(entry: &Entry, affected: &AffectedPackage, statements: &mut Vec<Statement>, skipped: &mut Skipped) {
    let Some(name) = &affected.package else {
        return skipped.add("no package, only a repository");
    };
    let Some((package, release)) = package(name) else {
        return skipped.add(format!("ecosystem {}", name.ecosystem));
    };
    let before = statements.len();
    let statement = |affected| Statement {
        advisory: entry.id.clone(),
        title: entry.summary.clone(),
        package: package.clone(),
        releases: release.iter().cloned().collect(),
        affected,
        tags: entry
            .aliases
            .iter()
            .chain(&entry.upstream)
            .map(|id| Tag::new("alias", id))
            .collect(),
    };
    for range in affected.ranges.iter().filter(|range| range.kind != "GIT") {
        statements.extend(intervals(&range.events).into_iter().map(statement));
    }
    if statements.len() > before {
        return;
    }
    match affected.versions.as_slice() {
        [] => skipped.add("no range of versions"),
        versions => statements.push(statement(Affected::Listed(versions.to_vec()))),
    }
}

/// Pairs of where a range begins and where it ends. Events come in the order of their versions.
fn intervals(events: &[Event]) -> Vec<Affected> {
    let mut intervals = Vec::new();
    let mut open: Option<Option<String>> = None;
    for event in events {
        let end = match (&event.fixed, &event.last_affected) {
            (Some(version), _) => Some(End::Before(version.clone())),
            (None, Some(version)) => Some(End::With(version.clone())),
            (None, None) => None,
        };
        match (end, &event.introduced) {
            (Some(to), _) => intervals.extend(open.take().map(|from| Affected::Range { from, to })),
            (None, Some(version)) => open = Some(Some(version.clone()).filter(|version| version != "0")),
            (None, None) => {}
        }
    }
    intervals.extend(open.map(|from| Affected::Range { from, to: End::Open }));
    intervals
}

/// Package and release of an ecosystem such as `Debian:12`. Distributions that build several packages from one source
/// name the source.
fn package(name: &Name) -> Option<(Package, Option<Release>)> {
    let distribution = name.ecosystem.split(':').next().unwrap_or_default();
    let (kind, by_source) = match distribution {
        "Debian" | "Ubuntu" => ("dpkg", true),
        "Alpine" => ("apk", true),
        "Red Hat" | "Rocky Linux" | "AlmaLinux" | "openSUSE" | "SUSE" | "Mageia" => ("rpm", false),
        "PyPI" => ("pip", false),
        "npm" => ("npm", false),
        "RubyGems" => ("gem", false),
        "crates.io" => ("cargo", false),
        _ => return None,
    };
    let package = Package {
        name: name.name.clone(),
        kind,
        by_source,
    };
    if !["dpkg", "apk", "rpm"].contains(&kind) {
        return Some((package, None));
    }
    Release::parse(&name.ecosystem).map(|release| (package, Some(release)))
}
