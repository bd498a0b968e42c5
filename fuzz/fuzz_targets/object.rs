//! A plugin file: ELF or Mach-O around a manifest, read without executing it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = gumshoe_plugin_api::host::object::manifest(bytes);
});
