//! Entry points for fuzzing: hostile bytes in, nothing out, no panic and no unbounded work.

use std::ops::ControlFlow;

use crate::{
    Distro,
    parse::{
        apk, bdb, brew, cargo, dpkg, flatpak, gem, ndb, npm, pacman, python, receipt, rpm_header, snap,
        sqlite,
    },
};

/// Reads bytes as a database of the format that `selector` chooses: SQLite (the second half as its log, if the selector
/// is large), ndb, Berkeley DB.
pub fn database(selector: u8, bytes: &[u8]) {
    let header = |blob: &[u8]| {
        rpm(blob);
        ControlFlow::Continue(())
    };
    match selector % 3 {
        0 => sqlite_rows(selector, bytes),
        1 => drop(ndb::blobs(bytes, header)),
        _ => drop(bdb::values(bytes, header)),
    }
}

fn sqlite_rows(selector: u8, bytes: &[u8]) {
    let (main, log) = match selector {
        0..128 => (bytes, None),
        _ => {
            let (main, log) = bytes.split_at(bytes.len() / 2);
            (main, Some(log))
        }
    };
    // The schema may be anything, so that the tables' pages are tried as well.
    if let Ok(database) = sqlite::Database::open(main, log) {
        let table = database.table("Packages").ok().flatten();
        for root in [1, 2, 3].into_iter().chain(table) {
            let _ = database.rows(root, |row| {
                if let Some(sqlite::Value::Bytes(blob)) = row.column(1) {
                    rpm(blob);
                }
                ControlFlow::Continue(())
            });
        }
    }
}

fn rpm(blob: &[u8]) {
    let _ = rpm_header::Header::parse(blob).and_then(|header| header.to_package());
}

/// Reads bytes as a text or record of the format that `selector` chooses.
pub fn record(selector: u8, bytes: &[u8]) {
    match selector % 14 {
        0 => dpkg::paragraphs(bytes)
            .for_each(|one| drop((one.list_name(), one.state().map(|s| one.to_package(s))))),
        1 => apk::packages(bytes).for_each(drop),
        2 => drop(pacman::parse(bytes)),
        3 => drop(snap::SnapYaml::parse(bytes)),
        4 => drop(snap::State::parse(bytes)),
        5 => drop(flatpak::app_version(bytes)),
        6 => drop(brew::Receipt::parse(bytes)),
        7 => drop(receipt::parse(bytes)),
        8 => drop(python::parse(bytes)),
        9 => drop(npm::parse(bytes)),
        10 => drop(gem::parse(bytes)),
        11 => drop(cargo::parse(bytes)),
        12 => drop(Distro::parse(bytes)),
        _ => rpm(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_selector_survives_any_bytes(bytes: Vec<u8>) {
            for selector in 0..=255 {
                record(selector, &bytes);
                database(selector, &bytes);
            }
        }
    }
}
