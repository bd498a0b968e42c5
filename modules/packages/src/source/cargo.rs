//! Cargo: programs installed by `cargo install`.

use std::{ops::ControlFlow, os::unix::ffi::OsStrExt};

use super::{DATABASE, MAX_JSON_BYTES};
use crate::{Reason, parse::cargo, reader::Reader};

/// Where the list lies: in a home, in the official container image, where `--root` usually points to.
const LISTS: [&str; 4] = [
    "~/.cargo/.crates2.json",
    "/usr/local/cargo/.crates2.json",
    "/usr/local/.crates2.json",
    "/usr/.crates2.json",
];

pub(crate) fn read(reader: &mut Reader<'_>) -> ControlFlow<()> {
    for list in reader.places(&LISTS) {
        let Some(text) = reader.text(DATABASE, &list, MAX_JSON_BYTES) else {
            continue;
        };
        let Some(packages) = cargo::parse(&text) else {
            reader.gap(DATABASE, &list, Reason::Malformed("list of crates"));
            continue;
        };
        for mut package in packages {
            package.path = Some(list.as_os_str().as_bytes().to_vec());
            reader.offer(package)?;
        }
    }
    ControlFlow::Continue(())
}
