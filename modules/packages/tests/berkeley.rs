//! Hash databases that Berkeley DB itself made, in several page sizes and both byte orders.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where something it needs is missing"
)]

use std::{fs, ops::ControlFlow, process::Command};

use gumshoe_packages::parse::bdb;

/// The value of a key: sizes from a few bytes to several pages.
fn value(key: u32) -> Vec<u8> {
    let size = if key.is_multiple_of(50) {
        70_000
    } else {
        key * key % 3001 + 1
    };
    (0..size).map(|place| ((key * 7 + place) % 251) as u8).collect()
}

#[test]
fn every_value_is_read_whatever_the_pages_are_like() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (page_size, order) in [(512, 1234), (4096, 1234), (4096, 4321), (65_536, 4321)] {
        let top = tempfile::tempdir().unwrap();
        let mut dump = format!(
            "VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize={page_size}\ndb_lorder={order}\nHEADER=END\n 00000000\n 07\n"
        );
        for key in 1..400_u32 {
            dump.push_str(&format!(" {}\n {}\n", hex(&key.to_le_bytes()), hex(&value(key))));
        }
        let (text, path) = (top.path().join("dump"), top.path().join("Packages"));
        fs::write(&text, dump + "DATA=END\n").unwrap();
        let load = Command::new("db_load").arg("-f").arg(text).arg(&path).output();
        let load =
            load.unwrap_or_else(|error| panic!("db_load: {error}; install the Debian package `db-util`"));
        assert!(load.status.success(), "{}", String::from_utf8_lossy(&load.stderr));
        let mut found = Vec::new();
        let lost = bdb::values(fs::read(path).unwrap().as_slice(), |value| {
            found.push(value.to_vec());
            ControlFlow::Continue(())
        });
        let mut expected: Vec<Vec<u8>> = (1..400).map(value).collect();
        expected.sort();
        found.sort();
        assert_eq!(lost, Ok(0), "{page_size} {order}");
        assert!(
            found == expected,
            "{page_size} {order}: {} of {}",
            found.len(),
            expected.len()
        );
    }
}
