//! A module's command line: words separated by NUL.
#![no_main]

use gumshoe_module_file::File;
use gumshoe_module_memory::Memory;
use gumshoe_module_netstat::Netstat;
use gumshoe_module_pkg::Pkg;
use gumshoe_module_scribe::Scribe;
use gumshoe_plugin_api::harness;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let words: Vec<&str> = text.split('\0').collect();
    let _ = harness::parameters::<File>(&words);
    let _ = harness::parameters::<Memory>(&words);
    let _ = harness::parameters::<Netstat>(&words);
    let _ = harness::parameters::<Pkg>(&words);
    let _ = harness::parameters::<Scribe>(&words);
});
