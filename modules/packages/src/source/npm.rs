//! npm: packages that are installed globally, and what they brought along.

use std::{
    collections::HashSet,
    ops::ControlFlow,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{MAX_RECORD_BYTES, RECORD};
use crate::{Reason, parse::npm, reader::Reader, tree::FileId};

/// Folders of global packages: by npm, by distributions, by version managers.
const FOLDERS: [&str; 10] = [
    "/usr/lib/node_modules",
    "/usr/local/lib/node_modules",
    "/usr/share/nodejs",
    "/usr/share/npm/node_modules",
    "/opt/homebrew/lib/node_modules",
    "~/.npm-global/lib/node_modules",
    "~/.local/lib/node_modules",
    "~/.nvm/versions/node/*/lib/node_modules",
    "~/.local/share/fnm/node-versions/*/installation/lib/node_modules",
    "~/.volta/tools/image/packages/*/lib/node_modules",
];
/// How deep packages may lie in packages.
const MAX_DEPTH: usize = 32;
/// Packages that are looked at, over all folders.
const MAX_PACKAGES: usize = 200_000;

pub(crate) fn read(reader: &mut Reader<'_>) -> ControlFlow<()> {
    let mut folders: Vec<(PathBuf, usize)> = reader
        .places(&FOLDERS)
        .into_iter()
        .rev()
        .map(|folder| (folder, 0))
        .collect();
    // Links make packages appear in several places, and in themselves.
    let mut seen = HashSet::new();
    let mut packages = 0;
    while let Some((folder, depth)) = folders.pop() {
        if depth > MAX_DEPTH {
            reader.gap(
                "folder",
                &folder,
                Reason::TooMany {
                    limit: MAX_DEPTH,
                    of: "folders deep",
                },
            );
            continue;
        }
        let mut below = Vec::new();
        for package in packages_in(reader, &folder, &mut seen) {
            packages += 1;
            if packages > MAX_PACKAGES {
                reader.gap(
                    "folder",
                    &folder,
                    Reason::TooMany {
                        limit: MAX_PACKAGES,
                        of: "packages",
                    },
                );
                return ControlFlow::Continue(());
            }
            if offer(reader, &package)? {
                below.push((package.join("node_modules"), depth + 1));
            }
        }
        folders.extend(below.into_iter().rev());
    }
    ControlFlow::Continue(())
}

/// Folders of packages in a folder, those in the folders of scopes included.
fn packages_in(reader: &mut Reader<'_>, folder: &Path, seen: &mut HashSet<FileId>) -> Vec<PathBuf> {
    let mut packages = Vec::new();
    for name in reader.names_once(folder, seen) {
        match name.as_bytes() {
            [b'.', ..] => {}
            [b'@', ..] => {
                let scope = folder.join(&name);
                packages.extend(reader.names(&scope).into_iter().map(|name| scope.join(name)));
            }
            _ => packages.push(folder.join(&name)),
        }
    }
    packages
}

/// Hands over a package; whether there is one.
fn offer(reader: &mut Reader<'_>, folder: &Path) -> ControlFlow<(), bool> {
    let record = folder.join("package.json");
    let Some(text) = reader.text(RECORD, &record, MAX_RECORD_BYTES) else {
        return ControlFlow::Continue(false);
    };
    match npm::parse(&text) {
        Some(mut package) => {
            package.path = Some(folder.as_os_str().as_bytes().to_vec());
            reader.offer(package)?;
        }
        // Folders without a name are parts of a package, not packages.
        None if serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_ok() => {}
        None => reader.gap(RECORD, &record, Reason::Malformed("package.json")),
    }
    ControlFlow::Continue(true)
}
