//! Zstandard, on `ruzstd`. The frame loop, skippable frames and the checksum are handled here.

use std::io::Read;

use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, FrameHeaderError},
};

use super::{Fault, only_zeros_follow, skip_frame};
use crate::{Codec, detect::is_skippable_frame, reason::Reason, source::Source};

/// Little-endian 0xFD2FB528 (RFC 8878, 3.1.1).
const FRAME_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A last, empty, raw block (RFC 8878, 3.1.1.2) and room for a checksum.
const EMPTY_LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// Zstandard frames one after the other.
pub(super) struct Zstd<'b, R> {
    source: Source<'b, R>,
    decoder: FrameDecoder,
    window_bytes: u64,
    state: State,
}

enum State {
    /// Between frames; holds whether there was one.
    Between { any: bool },
    /// Inside a frame.
    Frame,
    /// The frame broke off; what is in its window still has to be delivered.
    Broken(Option<Fault>),
}

impl<'b, R: Read> Zstd<'b, R> {
    pub(super) fn new(source: Source<'b, R>, window_bytes: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(window_bytes);
        Self {
            source,
            decoder,
            window_bytes,
            state: State::Between { any: false },
        }
    }

    pub(super) fn source(&self) -> &Source<'b, R> {
        &self.source
    }

    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        loop {
            match &mut self.state {
                State::Between { any } => {
                    let any = *any;
                    if !self.start_frame(any)? {
                        return Ok(0);
                    }
                }
                State::Frame => {
                    let count = self.read_frame(out)?;
                    if count > 0 {
                        return Ok(count);
                    }
                }
                State::Broken(fault) => {
                    let count = self.decoder.read(out)?;
                    return match fault.take() {
                        Some(fault) if count == 0 => Err(fault),
                        fault => {
                            self.state = State::Broken(fault);
                            Ok(count)
                        }
                    };
                }
            }
        }
    }

    /// Steps over skippable frames to the next real one. False at the end of input.
    fn start_frame(&mut self, any: bool) -> Result<bool, Fault> {
        loop {
            let head = self.source.peek(FRAME_MAGIC.len())?;
            if head == FRAME_MAGIC {
                let started = self.decoder.init(&mut self.source);
                started.map_err(|error| self.refuse(error))?;
                self.state = State::Frame;
                return Ok(true);
            }
            if is_skippable_frame(head) {
                skip_frame(&mut self.source)?;
            } else if any || head.is_empty() {
                only_zeros_follow(&mut self.source)?;
                return Ok(false);
            } else {
                return Err(Fault::Trailing);
            }
        }
    }

    fn read_frame(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let one = BlockDecodingStrategy::UptoBlocks(1);
            if let Err(error) = self.decoder.decode_blocks(&mut self.source, one) {
                self.salvage(error);
                return Ok(0);
            }
        }
        let count = self.decoder.read(out)?;
        if count == 0 {
            self.check_frame()?;
            self.state = State::Between { any: true };
        }
        Ok(count)
    }

    /// The library keeps back one window of output until a frame ends. So that this is not lost when
    /// the frame breaks off, it is ended with an empty block.
    fn salvage(&mut self, error: FrameDecoderError) {
        let fault = self.fault_of(&error);
        let all = BlockDecodingStrategy::All;
        // A failure here leaves less to deliver; the first error is reported either way.
        let _ = self.decoder.decode_blocks(&EMPTY_LAST_BLOCK[..], all);
        self.state = State::Broken(Some(fault));
    }

    fn check_frame(&self) -> Result<(), Fault> {
        let stated = self.decoder.get_checksum_from_data();
        if stated.is_some() && stated != self.decoder.get_calculated_checksum() {
            return Err(self.corrupt("checksum mismatch"));
        }
        Ok(())
    }

    fn refuse(&self, error: FrameDecoderError) -> Fault {
        let needed = match &error {
            FrameDecoderError::WindowSizeTooBig { requested, .. } => *requested,
            FrameDecoderError::FrameHeaderError(FrameHeaderError::WindowTooBig { got }) => *got,
            FrameDecoderError::DictNotProvided { .. } => {
                return Fault::Known(Reason::Unsupported {
                    format: Codec::Zstd.name(),
                    feature: "a frame that needs an external dictionary".to_owned(),
                });
            }
            other => return self.fault_of(other),
        };
        Fault::Known(Reason::Window {
            codec: Codec::Zstd,
            limit: self.window_bytes,
            needed: Some(needed),
        })
    }

    /// The library hides the kind of I/O errors in its own; the source knows whether the end was met.
    fn fault_of(&self, error: &FrameDecoderError) -> Fault {
        if let Some(reason) = self.source.failure() {
            return Fault::Known(reason.clone());
        }
        if self.source.ran_dry() {
            return Fault::Early;
        }
        self.corrupt(&error.to_string())
    }

    fn corrupt(&self, detail: &str) -> Fault {
        let offset = self.source.consumed();
        Fault::Known(Reason::corrupt(Codec::Zstd.name(), offset, detail))
    }
}
