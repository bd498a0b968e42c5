//! xz, on `lzma-rust2`. Its dictionary grows with the output, so a large one that is merely declared costs nothing.

use std::io::Read;

use lzma_rust2::XzReader;

use super::Fault;
use crate::source::Source;

/// What the library counts on top of the dictionary (chunk buffer and state), in KiB, rounded up.
const OVERHEAD_KIB: u64 = 128;

/// xz streams one after the other, padding between them included.
pub(super) struct Xz<'b, R: Read>(XzReader<Source<'b, R>>);

impl<'b, R: Read> Xz<'b, R> {
    pub(super) fn new(source: Source<'b, R>, window_bytes: u64) -> Self {
        let limit_kib = (window_bytes / 1024).saturating_add(OVERHEAD_KIB);
        // `u32::MAX` would mean "no limit".
        let limit_kib = u32::try_from(limit_kib).unwrap_or(u32::MAX - 1);
        Self(XzReader::new_mem_limit(source, true, limit_kib))
    }

    pub(super) fn source(&self) -> &Source<'b, R> {
        self.0.inner()
    }

    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        Ok(self.0.read(out)?)
    }
}
