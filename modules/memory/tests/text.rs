//! The text that victims hold, made byte by byte so that no copy of it lies around.

/// Bytes of the text.
pub const TEXT_BYTES: usize = 24;

/// One byte of the text for `seed`: a capital letter.
pub fn byte(seed: u64, index: usize) -> u8 {
    let mixed = (seed.wrapping_mul(31) + index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    b'A' + u8::try_from((mixed >> 33) % 26).unwrap_or(0)
}
