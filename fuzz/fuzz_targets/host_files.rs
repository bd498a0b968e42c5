//! Small files of the host that the file module and the walker read.
#![no_main]

use gumshoe_module_file::parse::{age, capability, digest, size};
use gumshoe_walk::MountTable;
use std::path::Path;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = capability::parse(bytes);
    let _ = gumshoe_process::Names::parse(bytes).of(0);
    let _ = gumshoe_process::container(bytes);
    let _ = MountTable::parse(bytes).covering(Path::new("/x"));
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = (
            age::AgeTest::parse(text),
            size::SizeTest::parse(text),
            digest::hex(text),
        );
    }
});
