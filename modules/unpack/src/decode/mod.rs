//! Compressed streams: one reader type over all codecs, with budget and uniform errors.

mod bzip2;
mod gzip;
mod lz4;
mod xz;
mod zstd;

use std::{
    io::{self, BufRead, Read},
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{Codec, budget::Budget, reason::Reason, source::Source};

/// Most bytes that one call asks of a codec: what is decoded between two polls.
const MAX_STEP_BYTES: usize = 256 * 1024;

/// Decodes one compressed stream.
///
/// Members, streams and frames that follow each other are decoded as one, as the tools of each
/// format do. Reads deliver what could be decoded first; then comes an error that carries a [`Reason`],
/// again and again, or `Ok(0)` if and only if the stream was complete and its checksums right.
pub struct Decoder<'b, R: Read> {
    codec: Codec,
    budget: &'b Budget<'b>,
    stage: Option<Stage<'b, R>>,
    input: u64,
    output: u64,
    end: Option<Result<(), Reason>>,
}

/// The codec at work. Each `read` returns `Ok(0)` only at the stream's proper end.
enum Stage<'b, R: Read> {
    Deflate(gzip::Deflate<'b, R>),
    Gzip(gzip::Gzip<'b, R>),
    Bzip2(bzip2::Bzip2<'b, R>),
    Xz(Box<xz::Xz<'b, R>>),
    Zstd(Box<zstd::Zstd<'b, R>>),
    Lz4(Box<lz4::Lz4<'b, R>>),
}

/// What a codec's `read` may end with.
enum Fault {
    /// An error of the library below, to be judged together with the source's state.
    Library(io::Error),
    /// The source ended in the middle.
    Early,
    /// Unknown bytes follow a complete stream.
    Trailing,
    /// Anything that is already judged.
    Known(Reason),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Library(error)
    }
}

/// Steps over a skippable frame whose magic lies ahead (RFC 8878, 3.1.2; LZ4 has the same).
fn skip_frame<R: Read>(source: &mut Source<'_, R>) -> Result<(), Fault> {
    const HEADER_BYTES: usize = 8;
    let length = match source.peek(HEADER_BYTES)? {
        [_, _, _, _, length @ ..] => <[u8; 4]>::try_from(length).map_err(|_| Fault::Early)?,
        _ => return Err(Fault::Early),
    };
    let bytes = HEADER_BYTES as u64 + u64::from(u32::from_le_bytes(length));
    match source.skip(bytes)? {
        true => Ok(()),
        false => Err(Fault::Early),
    }
}

/// Accepts zeros up to the end of input, as tapes and disk images leave them behind a stream.
fn only_zeros_follow<R: Read>(source: &mut Source<'_, R>) -> Result<(), Fault> {
    loop {
        let block = source.fill_buf()?;
        if block.is_empty() {
            return Ok(());
        }
        let zeros = block.iter().take_while(|byte| **byte == 0).count();
        let all = zeros == block.len();
        source.consume(zeros);
        if !all {
            return Err(Fault::Trailing);
        }
    }
}

impl<'b, R: Read> Decoder<'b, R> {
    /// Decodes what `inner` yields. Nothing is read before the first call of `read`.
    #[must_use]
    pub fn new(codec: Codec, inner: R, budget: &'b Budget<'b>) -> Self {
        let source = Source::new(inner, budget);
        let window = budget.limits().window_bytes;
        let stage = match codec {
            Codec::Deflate => Stage::Deflate(gzip::Deflate::new(source)),
            Codec::Gzip => Stage::Gzip(gzip::Gzip::new(source)),
            Codec::Bzip2 => Stage::Bzip2(bzip2::Bzip2::new(source)),
            Codec::Xz => Stage::Xz(Box::new(xz::Xz::new(source, window))),
            Codec::Zstd => Stage::Zstd(Box::new(zstd::Zstd::new(source, window))),
            Codec::Lz4 => Stage::Lz4(Box::new(lz4::Lz4::new(source))),
        };
        Self {
            codec,
            budget,
            stage: Some(stage),
            input: 0,
            output: 0,
            end: None,
        }
    }

    /// Compressed bytes consumed until now.
    #[must_use]
    pub fn input(&self) -> u64 {
        self.input
    }

    /// Bytes delivered until now.
    #[must_use]
    pub fn output(&self) -> u64 {
        self.output
    }

    /// How the stream ended: `None` while it has not, `Some(Ok(()))` when it was complete.
    #[must_use]
    pub fn end(&self) -> Option<Result<(), &Reason>> {
        self.end.as_ref().map(|end| end.as_ref().copied())
    }

    fn step(&mut self, out: &mut [u8]) -> Result<usize, Reason> {
        let Some(stage) = &mut self.stage else {
            return Ok(0);
        };
        let length = out.len().min(MAX_STEP_BYTES);
        let result = stage.read_guarded(&mut out[..length]);
        let Some(result) = result else {
            self.stage = None;
            return Err(Reason::Decoder {
                codec: self.codec,
                offset: self.input,
            });
        };
        self.input = stage.source().map_or(self.input, Source::consumed);
        result.map_err(|fault| self.judge(fault))
    }

    /// Checks what was decoded against the budget.
    fn account(&mut self, count: usize) -> Result<(), Reason> {
        let count = count as u64;
        self.budget.check_interrupt()?;
        self.budget.charge_output(count)?;
        self.budget.check_ratio(self.input, self.output + count)?;
        self.output += count;
        Ok(())
    }

    fn judge(&self, fault: Fault) -> Reason {
        let source = self.stage.as_ref().and_then(Stage::source);
        if let Some(reason) = source.and_then(Source::failure) {
            return reason.clone();
        }
        let (format, offset) = (self.codec.name(), self.input);
        match fault {
            Fault::Known(reason) => reason,
            Fault::Early => Reason::Truncated { format, offset },
            Fault::Trailing => Reason::Trailing { format, offset },
            Fault::Library(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Reason::Truncated { format, offset }
            }
            Fault::Library(error) if error.kind() == io::ErrorKind::OutOfMemory => Reason::Window {
                codec: self.codec,
                limit: self.budget.limits().window_bytes,
                needed: None,
            },
            Fault::Library(error) => Reason::corrupt(format, offset, error.to_string()),
        }
    }
}

impl<'b, R: Read> Stage<'b, R> {
    fn source(&self) -> Option<&Source<'b, R>> {
        match self {
            Self::Deflate(stage) => Some(stage.source()),
            Self::Gzip(stage) => stage.source(),
            Self::Bzip2(stage) => stage.source(),
            Self::Xz(stage) => Some(stage.source()),
            Self::Zstd(stage) => Some(stage.source()),
            Self::Lz4(stage) => stage.source(),
        }
    }

    fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        match self {
            Self::Deflate(stage) => stage.read(out),
            Self::Gzip(stage) => stage.read(out),
            Self::Bzip2(stage) => stage.read(out),
            Self::Xz(stage) => stage.read(out),
            Self::Zstd(stage) => stage.read(out),
            Self::Lz4(stage) => stage.read(out),
        }
    }

    /// `None` when the codec panicked. Some libraries check their own state with `assert!`, and a
    /// hostile file must cost at most itself, not the operation. The stage is dropped afterwards.
    fn read_guarded(&mut self, out: &mut [u8]) -> Option<Result<usize, Fault>> {
        catch_unwind(AssertUnwindSafe(|| self.read(out))).ok()
    }
}

impl<R: Read> Read for Decoder<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        if let Some(end) = &self.end {
            return end.clone().map(|()| 0).map_err(Reason::into_io);
        }
        let result = self
            .step(out)
            .and_then(|count| self.account(count).map(|()| count));
        match result {
            Ok(0) => self.finish(Ok(())),
            Ok(count) => Ok(count),
            Err(reason) => self.finish(Err(reason)),
        }
    }
}

impl<R: Read> Decoder<'_, R> {
    /// Remembers the end and frees the codec's memory.
    fn finish(&mut self, end: Result<(), Reason>) -> io::Result<usize> {
        self.stage = None;
        self.end = Some(end.clone());
        end.map(|()| 0).map_err(Reason::into_io)
    }
}
