//! The manifest of a plugin: the section's bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = gumshoe_plugin_api::manifest::Manifest::parse(bytes);
});
