//! Units of systemd, as their files have them.
//!
//! Source: `systemd.unit(5)`, "Unit File Load Path"; `systemctl(1)`, `is-enabled`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use gumshoe_document::Fact;

use super::text;
use crate::{host::Host, parse::unit};

/// Where units lie; what stands in front wins.
const FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
/// Where links enable units.
const ENABLING: usize = 2;

/// All units that are installed: `enabled`, `disabled`, `static` (cannot be enabled), `masked` (cannot be started) or
/// `broken` (a link to nothing).
pub(super) fn all(host: &Host<'_>) -> Vec<Fact> {
    let mut units: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut wanted = BTreeSet::new();
    for (index, folder) in FOLDERS.iter().map(Path::new).enumerate() {
        for name in names(host, folder) {
            let path = folder.join(&name);
            if unit::is_unit(&name) {
                units.entry(name).or_insert(path);
            } else if index < ENABLING
                && [".wants", ".requires", ".upholds"]
                    .iter()
                    .any(|end| name.ends_with(end))
            {
                wanted.extend(names(host, &path));
            }
        }
    }
    units
        .into_iter()
        .map(|(name, path)| {
            let state = if is_wanted(&name, &wanted) {
                "enabled"
            } else {
                state(host, &path)
            };
            Fact {
                identifier: name,
                values: vec![state.to_owned()],
            }
        })
        .collect()
}

/// Whether a link enables it, or an instance of it.
fn is_wanted(name: &str, wanted: &BTreeSet<String>) -> bool {
    match name.split_once("@.") {
        Some((template, _)) => wanted.iter().any(|link| {
            link.strip_prefix(template)
                .is_some_and(|rest| rest.starts_with('@'))
        }),
        None => wanted.contains(name),
    }
}

fn state(host: &Host<'_>, path: &Path) -> &'static str {
    match path.to_str().map(|path| text(host, path)) {
        // An empty file or, below, a link to `/dev/null`, which is no file.
        Some(Ok(Some(text))) if text.is_empty() => "masked",
        Some(Ok(Some(text))) if unit::is_installable(&text) => "disabled",
        Some(Ok(Some(_))) => "static",
        Some(Ok(None)) | None => "broken",
        Some(Err(_)) => "masked",
    }
}

/// Names that are text; no unit has another.
fn names(host: &Host<'_>, folder: &Path) -> Vec<String> {
    host.names(folder)
        .into_iter()
        .filter_map(|name| name.into_string().ok())
        .collect()
}
