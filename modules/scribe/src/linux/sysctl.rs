//! Settings of the kernel: `/proc/sys`.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use gumshoe_document::Fact;
use gumshoe_plugin_api::Skipped;

use crate::host::Host;

const TOP: &str = "/proc/sys";
/// Longest value that is kept.
const MAX_VALUE_BYTES: u64 = 64 << 10;
/// Most settings.
const MAX_SETTINGS: usize = 100_000;
/// How deep folders lie at most.
const MAX_DEPTH: usize = 16;

/// All settings that can be read. Those that the kernel refuses to show, as some can only be written, are left out.
pub(super) fn all(host: &Host<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut folders = vec![PathBuf::from(TOP)];
    while let Some(folder) = folders.pop() {
        for name in host.names(&folder) {
            let path = folder.join(name);
            if facts.len() == MAX_SETTINGS || host.context.stopped().is_some() {
                let why = format!("limit reached: {MAX_SETTINGS} settings, or time");
                host.context
                    .skipped(Skipped::one("kernel setting", why).example(path.display().to_string()));
                return sorted(facts);
            }
            match host.tree.file(&path) {
                Ok(Some(file)) => facts.extend(value(&path, file)),
                // Not a file, then; or gone.
                Err(gumshoe_packages::Reason::NotAFile) if path.components().count() < MAX_DEPTH => {
                    folders.push(path)
                }
                Ok(None) | Err(_) => {}
            }
        }
    }
    sorted(facts)
}

fn sorted(mut facts: Vec<Fact>) -> Vec<Fact> {
    facts.sort_by(|a, b| a.identifier.cmp(&b.identifier));
    facts
}

fn value(path: &Path, file: std::fs::File) -> Option<Fact> {
    let mut bytes = Vec::new();
    file.take(MAX_VALUE_BYTES).read_to_end(&mut bytes).ok()?;
    let name = path.strip_prefix(TOP).ok()?.to_string_lossy();
    // As `sysctl` shows it: a dot in a name, such as that of a VLAN, becomes a slash.
    let identifier = name.chars().map(|c| match c {
        '/' => '.',
        '.' => '/',
        other => other,
    });
    let value = String::from_utf8_lossy(&bytes).trim_end().to_owned();
    Some(Fact {
        identifier: identifier.collect(),
        values: vec![value],
    })
}
