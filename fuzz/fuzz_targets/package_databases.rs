//! The binary databases of rpm; the first byte chooses the format.
#![no_main]

use gumshoe_packages::parse::{bdb, ndb, rpm_header::Header, sqlite::Database};
use std::ops::ControlFlow;

fn header(blob: &[u8]) -> ControlFlow<()> {
    if let Some(header) = Header::parse(blob) {
        let _ = (header.name(), header.arch(), header.source(), header.to_package());
    }
    ControlFlow::Continue(())
}

/// Reads every row of the table `Packages`.
fn rows(data: &[u8], log: Option<&[u8]>) {
    let Ok(database) = Database::open(data, log) else {
        return;
    };
    if let Ok(Some(root)) = database.table("Packages") {
        let _ = database.rows(root, |row| {
            let _ = (row.column(0), row.column(1));
            ControlFlow::Continue(())
        });
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [selector, data @ ..] = bytes else { return };
    match selector % 5 {
        0 => rows(data, None),
        1 => {
            let (database, log) = data.split_at(data.len() / 2);
            rows(database, Some(log));
        }
        2 => drop(bdb::values(data, header)),
        3 => drop(ndb::blobs(data, header)),
        _ => drop(header(data)),
    }
});
