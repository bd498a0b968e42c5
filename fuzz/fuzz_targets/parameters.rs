//! Parameters of an operation: strict JSON, the schema's shape, the module's own checks.
#![no_main]

use gumshoe_module_file::File;
use gumshoe_plugin_api::{harness, json};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(params) = json::parse(bytes) {
        let _ = harness::plan::<File>(&params);
    }
});
