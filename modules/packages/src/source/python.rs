//! Python: what pip, uv, pipx and others installed, for the system and for users.

use std::{collections::HashSet, ffi::OsString, ops::ControlFlow, os::unix::ffi::OsStrExt, path::Path};

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
    // The same folder is often found under several names: `python3` and `python3.11`, `lib64` and `lib`.
    let mut seen = HashSet::new();
    for folder in reader.places(&FOLDERS) {
        let names = reader.names_once(&folder, &mut seen);
        read_folder(reader, &folder, names)?;
    }
    ControlFlow::Continue(())
}

fn read_folder(reader: &mut Reader<'_>, folder: &Path, names: Vec<OsString>) -> ControlFlow<()> {
    for name in names {
        let path = folder.join(&name);
        let records = match name.as_bytes() {
            name if name.ends_with(b".dist-info") => vec![path.join("METADATA")],
            // A folder, or, from distutils, a file.
            name if name.ends_with(b".egg-info") => vec![path.join("PKG-INFO"), path],
            name if name.ends_with(b".egg") => vec![path.join("EGG-INFO/PKG-INFO")],
            _ => continue,
        };
        for record in records {
            let Some(text) = reader.text(RECORD, &record, MAX_RECORD_BYTES) else {
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
