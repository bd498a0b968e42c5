//! bzip2, on the `bzip2` crate over `libbz2-rs-sys` (Rust).

use std::io::Read;

use bzip2::bufread::BzDecoder;

use super::{Fault, only_zeros_follow};
use crate::source::Source;

/// First three bytes of each stream.
const STREAM_MAGIC: &[u8] = b"BZh";

/// bzip2 streams one after the other (`pbzip2` writes many).
pub(super) struct Bzip2<'b, R> {
    /// Empty only while the next stream's decoder is made.
    stream: Option<BzDecoder<Source<'b, R>>>,
}

impl<'b, R: Read> Bzip2<'b, R> {
    pub(super) fn new(source: Source<'b, R>) -> Self {
        Self {
            stream: Some(BzDecoder::new(source)),
        }
    }

    pub(super) fn source(&self) -> Option<&Source<'b, R>> {
        self.stream.as_ref().map(BzDecoder::get_ref)
    }

    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        while let Some(stream) = &mut self.stream {
            let count = stream.read(out)?;
            if count > 0 {
                return Ok(count);
            }
            let source = stream.get_mut();
            if source.peek(STREAM_MAGIC.len())? != STREAM_MAGIC {
                only_zeros_follow(source)?;
                return Ok(0);
            }
            let source = self.stream.take().map(BzDecoder::into_inner);
            self.stream = source.map(BzDecoder::new);
        }
        Ok(0)
    }
}
