//! Homebrew: formulae and casks, on macOS and Linux.

use std::{ffi::OsStr, ops::ControlFlow, os::unix::ffi::OsStrExt, path::Path};

use super::{MAX_RECORD_BYTES, RECORD};
use crate::{
    Kind, Package, Reason,
    parse::{brew::Receipt, lossy},
    reader::Reader,
};

/// Kegs, as `NAME/VERSION`.
const KEGS: [&str; 3] = [
    "/opt/homebrew/Cellar/*/*",
    "/usr/local/Cellar/*/*",
    "/home/linuxbrew/.linuxbrew/Cellar/*/*",
];
/// Casks, as `NAME/VERSION`, beside a hidden folder with records.
const CASKS: [&str; 2] = ["/opt/homebrew/Caskroom/*/*", "/usr/local/Caskroom/*/*"];

pub(crate) fn read_formulae(reader: &mut Reader<'_>) -> ControlFlow<()> {
    for keg in reader.places(&KEGS) {
        let receipt = receipt(reader, &keg.join("INSTALL_RECEIPT.json"));
        offer(reader, Kind::Brew, &keg, receipt)?;
    }
    ControlFlow::Continue(())
}

pub(crate) fn read_casks(reader: &mut Reader<'_>) -> ControlFlow<()> {
    for cask in reader.places(&CASKS) {
        let Some(folder) = cask.parent() else { continue };
        let receipt = receipt(reader, &folder.join(".metadata/INSTALL_RECEIPT.json"));
        offer(reader, Kind::Cask, &cask, receipt)?;
    }
    ControlFlow::Continue(())
}

/// A receipt; nothing is known when there is none, as with kegs that were made by hand.
fn receipt(reader: &mut Reader<'_>, path: &Path) -> Receipt {
    let Some(text) = reader.text(RECORD, path, MAX_RECORD_BYTES) else {
        return Receipt::default();
    };
    Receipt::parse(&text).unwrap_or_else(|| {
        reader.gap(RECORD, path, Reason::Malformed("receipt of Homebrew"));
        Receipt::default()
    })
}

fn offer(reader: &mut Reader<'_>, kind: Kind, place: &Path, receipt: Receipt) -> ControlFlow<()> {
    let part = |part: Option<&OsStr>| part.map(|part| lossy(part.as_bytes())).unwrap_or_default();
    let (version, name) = (
        part(place.file_name()),
        part(place.parent().and_then(Path::file_name)),
    );
    // `.metadata`, `.DS_Store` and the like.
    if version.starts_with('.') || name.starts_with('.') {
        return ControlFlow::Continue(());
    }
    reader.offer(Package {
        install_time: receipt.seconds(),
        arch: receipt.arch,
        path: Some(place.as_os_str().as_bytes().to_vec()),
        ..Package::new(kind, name, version)
    })
}
