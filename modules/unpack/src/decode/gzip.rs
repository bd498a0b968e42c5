//! gzip and raw DEFLATE, on `flate2` with its safe backend `miniz_oxide`.

use std::io::Read;

use flate2::bufread::{DeflateDecoder, GzDecoder};

use super::{Fault, only_zeros_follow};
use crate::source::Source;

/// First two bytes of each member (RFC 1952, 2.3.1).
const MEMBER_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Raw DEFLATE; what follows its end is left unread.
pub(super) struct Deflate<'b, R>(DeflateDecoder<Source<'b, R>>);

impl<'b, R: Read> Deflate<'b, R> {
    pub(super) fn new(source: Source<'b, R>) -> Self {
        Self(DeflateDecoder::new(source))
    }

    pub(super) fn source(&self) -> &Source<'b, R> {
        self.0.get_ref()
    }

    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        Ok(self.0.read(out)?)
    }
}

/// gzip members one after the other. Zeros after the last are padding (tapes), as for `gzip(1)`.
pub(super) struct Gzip<'b, R> {
    /// Empty only while the next member's decoder is made.
    member: Option<GzDecoder<Source<'b, R>>>,
}

impl<'b, R: Read> Gzip<'b, R> {
    pub(super) fn new(source: Source<'b, R>) -> Self {
        Self {
            member: Some(GzDecoder::new(source)),
        }
    }

    pub(super) fn source(&self) -> Option<&Source<'b, R>> {
        self.member.as_ref().map(GzDecoder::get_ref)
    }

    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        while let Some(member) = &mut self.member {
            let count = member.read(out)?;
            if count > 0 {
                return Ok(count);
            }
            let source = member.get_mut();
            if source.peek(MEMBER_MAGIC.len())? != MEMBER_MAGIC {
                only_zeros_follow(source)?;
                return Ok(0);
            }
            let source = self.member.take().map(GzDecoder::into_inner);
            self.member = source.map(GzDecoder::new);
        }
        Ok(0)
    }
}
