//! Python: what pip, uv, pipx and others installed, for the system and for users.

use std::{ops::ControlFlow, os::unix::ffi::OsStrExt, path::Path};

use super::{MAX_RECORD_BYTES, RECORD};
use crate::{Reason, parse::python, reader::Reader};

/// Folders that interpreters search for packages. Virtual environments elsewhere are not looked for.
const FOLDERS: [&str; 19] = [
    "/usr/lib/python3*/dist-packages",
    "/usr/lib/python3*/site-packages",
    "/usr/lib64/python3*/site-packages",
    "/usr/lib/python2*/dist-packages",
    "/usr/lib/python2*/site-packages",
    "/usr/local/lib/python*/dist-packages",
    "/usr/local/lib/python*/site-packages",
    "/usr/local/lib64/python*/site-packages",
    "/opt/pipx/venvs/*/lib/python*/site-packages",
    "/opt/homebrew/lib/python*/site-packages",
    "/Library/Python/*/site-packages",
    "/Library/Frameworks/Python.framework/Versions/*/lib/python*/site-packages",
    "~/.local/lib/python*/site-packages",
    "~/Library/Python/*/lib/python/site-packages",
    "~/.local/pipx/venvs/*/lib/python*/site-packages",
    "~/.local/share/pipx/venvs/*/lib/python*/site-packages",
    "~/.local/share/uv/tools/*/lib/python*/site-packages",
    "~/.local/share/uv/python/*/lib/python*/site-packages",
    "~/.pyenv/versions/*/lib/python*/site-packages",
];

pub(crate) fn read(reader: &mut Reader<'_>) -> ControlFlow<()> {
    let mut seen = Vec::new();
    for folder in reader.places(&FOLDERS) {
        // The same folder is often found under several names: `python3` and `python3.11`, `lib64` and `lib`.
        let opened = reader.tree.folder(&folder);
        let Some(opened) = reader.or_gap("folder", &folder, opened) else {
            continue;
        };
        match opened.id() {
            Ok(id) if seen.contains(&id) => continue,
            Ok(id) => seen.push(id),
            Err(reason) => reader.gap("folder", &folder, reason),
        }
        read_folder(reader, &folder)?;
    }
    ControlFlow::Continue(())
}

fn read_folder(reader: &mut Reader<'_>, folder: &Path) -> ControlFlow<()> {
    for name in reader.names(folder) {
        let path = folder.join(&name);
        let records = match name.as_bytes() {
            name if name.ends_with(b".dist-info") => vec![path.join("METADATA")],
            // A folder, or, from distutils, a file.
            name if name.ends_with(b".egg-info") => vec![path.join("PKG-INFO"), path],
            name if name.ends_with(b".egg") => vec![path.join("EGG-INFO/PKG-INFO")],
            _ => continue,
        };
        for record in records {
            let text = reader.tree.read(&record, MAX_RECORD_BYTES);
            let Some(text) = reader.or_gap(RECORD, &record, text) else {
                continue;
            };
            match python::parse(&text) {
                Some(mut package) => {
                    package.path = Some(record.as_os_str().as_bytes().to_vec());
                    reader.offer(package)?;
                }
                None => reader.gap(RECORD, &record, Reason::Malformed("metadata without a name")),
            }
            break;
        }
    }
    ControlFlow::Continue(())
}
