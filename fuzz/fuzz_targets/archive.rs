//! A tar or zip archive, members nested; the first byte chooses what is read.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let [selector, data @ ..] = bytes {
        gumshoe_unpack::fuzz::archive(*selector, data);
    }
});
