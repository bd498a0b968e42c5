//! Entry points for fuzzing: hostile bytes in, nothing out, no panic and no unbounded work.

use std::io::{Cursor, Read};

use crate::{Budget, Codec, Decoder, Flow, Limits, WalkOptions, detect, walk_archive};

/// Small bounds, so that a fuzzer sees them reached.
#[must_use]
pub fn limits() -> Limits {
    Limits {
        file_output_bytes: 4 << 20,
        ratio_floor_bytes: 1 << 20,
        archive_members: 200,
        file_members: 1000,
        window_bytes: 1 << 20,
        buffer_bytes: 1 << 20,
        directory_bytes: 1 << 20,
        extended_header_bytes: 1 << 16,
        ..Limits::default()
    }
}

/// Decodes `data` with the codec that `selector` chooses.
pub fn stream(selector: u8, data: &[u8]) {
    const CODECS: [Codec; 6] = [
        Codec::Deflate,
        Codec::Gzip,
        Codec::Bzip2,
        Codec::Xz,
        Codec::Zstd,
        Codec::Lz4,
    ];
    let _ = detect(data);
    let budget = Budget::new(limits());
    let codec = CODECS[usize::from(selector) % CODECS.len()];
    drain(&mut Decoder::new(codec, data, &budget));
}

/// Walks `data` as an archive. Odd values of `selector` leave members unread.
pub fn archive(selector: u8, data: &[u8]) {
    let budget = Budget::new(limits());
    let mut visit = |_: &crate::Member<'_>, content: &mut dyn Read| {
        if selector.is_multiple_of(2) {
            drain(content);
        }
        Flow::Continue
    };
    let _ = walk_archive(Cursor::new(data), &budget, WalkOptions::default(), &mut visit);
}

fn drain(reader: &mut dyn Read) {
    let mut block = vec![0; 64 * 1024];
    while matches!(reader.read(&mut block), Ok(1..)) {}
}
