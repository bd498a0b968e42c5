//! Where each package manager keeps its database.

mod apk;
mod brew;
mod cargo;
mod dpkg;
mod flatpak;
mod gem;
mod npm;
mod pacman;
mod python;
mod receipt;
mod rpm;
mod snap;

use std::ops::ControlFlow;

use crate::{Kind, reader::Reader};

/// What gaps call a database.
const DATABASE: &str = "package database";
/// What gaps call the record of one package.
const RECORD: &str = "package record";
/// Most of a text database that is read: some 100 times that of a large host.
const MAX_DATABASE_BYTES: u64 = 256 << 20;
/// Most of a file that describes one package. The largest have the package's long description in them.
const MAX_RECORD_BYTES: u64 = 4 << 20;

/// Most of a database in JSON, which takes many times its size in memory.
const MAX_JSON_BYTES: u64 = 8 << 20;
/// Longest paragraph of a text database.
const MAX_PARAGRAPH_BYTES: usize = 4 << 20;

/// Reads the databases of one kind.
pub(crate) fn read(reader: &mut Reader<'_>, kind: Kind) -> ControlFlow<()> {
    match kind {
        Kind::Dpkg => dpkg::read(reader),
        Kind::Rpm => rpm::read(reader),
        Kind::Apk => apk::read(reader),
        Kind::Pacman => pacman::read(reader),
        Kind::Snap => snap::read(reader),
        Kind::Flatpak => flatpak::read(reader),
        Kind::Brew => brew::read_formulae(reader),
        Kind::Cask => brew::read_casks(reader),
        Kind::Receipt => receipt::read(reader),
        Kind::Pip => python::read(reader),
        Kind::Npm => npm::read(reader),
        Kind::Gem => gem::read(reader),
        Kind::Cargo => cargo::read(reader),
    }
}
