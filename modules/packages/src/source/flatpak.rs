//! Flatpak: apps and runtimes, of the system and of users.

use std::{ffi::OsStr, ops::ControlFlow, os::unix::ffi::OsStrExt, path::Path};

use super::{MAX_RECORD_BYTES, RECORD};
use crate::{
    Kind, Package,
    parse::{flatpak, lossy},
    reader::Reader,
};

/// `active` leads to the version in use of an app or runtime, as `NAME/ARCH/BRANCH`.
const PLACES: [&str; 4] = [
    "/var/lib/flatpak/app/*/*/*",
    "/var/lib/flatpak/runtime/*/*/*",
    "~/.local/share/flatpak/app/*/*/*",
    "~/.local/share/flatpak/runtime/*/*/*",
];

pub(crate) fn read(reader: &mut Reader<'_>) -> ControlFlow<()> {
    for place in reader.places(&PLACES) {
        // `current` of an app is a link to its ARCH/BRANCH, which is found under its own name.
        let mut parts = place.iter().rev();
        let (branch, arch, name) = (parts.next(), parts.next(), parts.next());
        if arch == Some(OsStr::new("current")) {
            continue;
        }
        offer(reader, &place, branch, arch, name)?;
    }
    ControlFlow::Continue(())
}

fn offer(
    reader: &mut Reader<'_>,
    place: &Path,
    branch: Option<&OsStr>,
    arch: Option<&OsStr>,
    name: Option<&OsStr>,
) -> ControlFlow<()> {
    let deploy = place.join("active/deploy");
    let file = reader.tree.open(&deploy);
    let Some(file) = reader.or_gap(RECORD, &deploy, file) else {
        return ControlFlow::Continue(());
    };
    let installed = file.modified();
    let record = reader
        .content(RECORD, &deploy, file, MAX_RECORD_BYTES)
        .unwrap_or_default();
    let text = |part: Option<&OsStr>| part.map(|part| lossy(part.as_bytes())).unwrap_or_default();
    // Runtimes have no version but their branch.
    let version = flatpak::app_version(&record).unwrap_or_else(|| text(branch));
    reader.offer(Package {
        arch: Some(text(arch)),
        install_time: Some(installed),
        path: Some(place.as_os_str().as_bytes().to_vec()),
        ..Package::new(Kind::Flatpak, text(name), version)
    })
}
