//! Parameters of an operation: strict JSON, the schema's shape, the module's own checks.
#![no_main]

use gumshoe_module_file::File;
use gumshoe_module_memory::Memory;
use gumshoe_module_netstat::Netstat;
use gumshoe_module_pkg::Pkg;
use gumshoe_module_scribe::Scribe;
use gumshoe_plugin_api::{harness, json};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(params) = json::parse(bytes) {
        let _ = harness::plan::<File>(&params);
        let _ = harness::plan::<Memory>(&params);
        let _ = harness::plan::<Netstat>(&params);
        let _ = harness::plan::<Pkg>(&params);
        let _ = harness::plan::<Scribe>(&params);
    }
});
