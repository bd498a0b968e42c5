//! LZ4 frames, on `lz4_flex`. Frames follow each other here, because the library takes the end of input
//! inside a frame for the frame's end and keeps buffers of the frame before.

use std::io::Read;

use lz4_flex::frame::FrameDecoder;

use super::{Fault, only_zeros_follow, skip_frame};
use crate::{detect::is_skippable_frame, source::Source};

/// Little-endian 0x184D2204 (LZ4 frame format, 1.6).
const FRAME_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
/// Little-endian 0x184C2102: `lz4 -l`, the Linux kernel. Such a frame ends with the input.
const LEGACY_MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];

/// LZ4 frames one after the other.
pub(super) struct Lz4<'b, R: Read> {
    /// Empty only while the next frame's decoder is made.
    decoder: Option<FrameDecoder<Source<'b, R>>>,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    /// Between frames; holds whether there was one.
    Between { any: bool },
    /// Inside a frame with an end mark.
    Frame,
    /// Inside a frame without.
    Legacy,
}

impl<'b, R: Read> Lz4<'b, R> {
    pub(super) fn new(source: Source<'b, R>) -> Self {
        Self {
            decoder: Some(FrameDecoder::new(source)),
            state: State::Between { any: false },
        }
    }

    pub(super) fn source(&self) -> Option<&Source<'b, R>> {
        self.decoder.as_ref().map(FrameDecoder::get_ref)
    }

    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        loop {
            if let State::Between { any } = self.state
                && !self.start_frame(any)?
            {
                return Ok(0);
            }
            let Some(decoder) = &mut self.decoder else {
                return Ok(0);
            };
            let count = decoder.read(out)?;
            if count > 0 {
                return Ok(count);
            }
            // An end mark is not followed by a look at more input; a broken frame has met the end.
            if matches!(self.state, State::Frame) && decoder.get_ref().ran_dry() {
                return Err(Fault::Early);
            }
            self.state = State::Between { any: true };
        }
    }

    /// Steps over skippable frames and prepares a decoder for the next real one. False at the end.
    fn start_frame(&mut self, any: bool) -> Result<bool, Fault> {
        let Some(old) = self.decoder.take() else {
            return Ok(false);
        };
        let decoder = self.decoder.insert(FrameDecoder::new(old.into_inner()));
        let source = decoder.get_mut();
        loop {
            let head = source.peek(FRAME_MAGIC.len())?;
            if head == FRAME_MAGIC || head == LEGACY_MAGIC {
                let legacy = head == LEGACY_MAGIC;
                self.state = if legacy { State::Legacy } else { State::Frame };
                return Ok(true);
            }
            if is_skippable_frame(head) {
                skip_frame(source)?;
            } else if any || head.is_empty() {
                only_zeros_follow(source)?;
                return Ok(false);
            } else {
                return Err(Fault::Trailing);
            }
        }
    }
}
