//! A compressed stream; the first byte chooses the codec.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let [selector, data @ ..] = bytes {
        gumshoe_unpack::fuzz::stream(*selector, data);
    }
});
