//! Policy documents, JSON and YAML.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(plan) = gumshoe_document::Plan::parse(bytes) {
        let _ = plan.warnings();
    }
});
