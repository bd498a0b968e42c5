//! Patterns of all kinds: the text before the first NUL; then the rest is searched with it.
#![no_main]

use gumshoe_scan::Limits;
use gumshoe_scan::bytes::Pattern;
use gumshoe_scan::lines::{LineScan, LineSet};
use std::sync::Arc;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let (pattern, rest) = bytes.split_at(end);
    let Ok(pattern) = std::str::from_utf8(pattern) else {
        return;
    };
    let _ = Pattern::regex(pattern).check(&Limits::default());
    let _ = Pattern::hex(pattern).check(&Limits::default());
    let Ok(set) = LineSet::new(&[pattern]) else { return };
    let selection = Arc::new(set.select(&[0], &[0]));
    let mut scan = LineScan::new(&Arc::new(set));
    scan.begin(&selection);
    for piece in rest.chunks(7) {
        scan.space()[..piece.len()].copy_from_slice(piece);
        scan.filled(piece.len());
    }
    scan.finish();
    let _ = (scan.any(0), scan.every(0));
});
