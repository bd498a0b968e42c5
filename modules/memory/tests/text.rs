//! The text that victims hold, made byte by byte so that no copy of it lies around.

/// Bytes of the text.
pub const TEXT_BYTES: usize = 24;

/// One byte of the text for `seed`: a capital letter.
pub fn byte(seed: u64, index: usize) -> u8 {
    // SplitMix64 of what no other seed and index give.
    let mut mixed = seed
        .wrapping_mul(TEXT_BYTES as u64)
        .wrapping_add(index as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    b'A' + u8::try_from((mixed >> 33) % 26).unwrap_or(0)
}
