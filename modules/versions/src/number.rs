//! Numbers of any length.

use std::cmp::Ordering;

/// Compares two runs of ASCII digits by their value; an empty run is 0.
pub(crate) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (without_zeros(a), without_zeros(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// The digits without leading zeros: nothing for zero.
pub(crate) fn without_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

/// Splits after the leading bytes for which `belongs` holds.
pub(crate) fn split_run(text: &[u8], belongs: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let length = text.iter().take_while(|byte| belongs(byte)).count();
    text.split_at(length)
}
