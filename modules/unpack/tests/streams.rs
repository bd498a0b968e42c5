//! Compressed streams made by the formats' own tools, whole, joined, cut and broken.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::{
    cell::Cell,
    io::{self, Read},
};

use gumshoe_unpack::{Budget, Codec, Decoder, Format, Interrupt, Limits, Reason, Total, detect};
use support::filter;

/// Codec, tool and the arguments that make a stream.
const TOOLS: &[(Codec, &str, &[&str])] = &[
    (Codec::Gzip, "gzip", &["-c"]),
    (Codec::Bzip2, "bzip2", &["-c"]),
    (Codec::Xz, "xz", &["-c"]),
    (
        Codec::Xz,
        "xz",
        &["-c", "--check=sha256", "--x86", "--lzma2=preset=1"],
    ),
    (
        Codec::Xz,
        "xz",
        &["-c", "--delta=dist=4", "--lzma2=dict=1MiB", "--block-size=100KiB"],
    ),
    (Codec::Zstd, "zstd", &["-qc"]),
    (Codec::Zstd, "zstd", &["-qc", "--no-check", "-19"]),
    (Codec::Lz4, "lz4", &["-qc"]),
    (Codec::Lz4, "lz4", &["-qc", "-BD", "-B4", "-BX", "--content-size"]),
    (Codec::Lz4, "lz4", &["-qcl"]),
];

/// Text with some structure, larger than every buffer on the way.
fn sample() -> Vec<u8> {
    let lines = (0..40_000_u32).map(|i| format!("line {i} {:x}\n", i.wrapping_mul(2_654_435_761)));
    lines.collect::<String>().into_bytes()
}

fn decode(codec: Codec, input: &[u8]) -> (Vec<u8>, Result<(), Reason>) {
    decode_within(codec, input, &Budget::new(Limits::default()))
}

fn decode_within(codec: Codec, input: impl Read, budget: &Budget<'_>) -> (Vec<u8>, Result<(), Reason>) {
    let mut output = Vec::new();
    let mut decoder = Decoder::new(codec, input, budget);
    let result = decoder.read_to_end(&mut output);
    assert_eq!(decoder.output(), output.len() as u64);
    let end = decoder.end().expect("ended").map_err(Reason::clone);
    assert_eq!(result.is_ok(), end.is_ok());
    (output, end)
}

#[test]
fn streams_of_every_tool_are_recognised_and_decoded() {
    let sample = sample();
    for (codec, tool, arguments) in TOOLS {
        let stream = filter(tool, arguments, &sample);
        assert_eq!(
            detect(&stream),
            Some(Format::Compressed(*codec)),
            "{tool} {arguments:?}"
        );
        let (output, end) = decode(*codec, &stream);
        assert_eq!(end, Ok(()), "{tool} {arguments:?}");
        assert!(output == sample, "{tool} {arguments:?}");
    }
}

#[test]
fn empty_input_makes_empty_output() {
    for (codec, tool, arguments) in TOOLS {
        let stream = filter(tool, arguments, b"");
        assert_eq!(
            decode(*codec, &stream),
            (Vec::new(), Ok(())),
            "{tool} {arguments:?}"
        );
    }
}

#[test]
fn streams_that_follow_each_other_are_one() {
    for (codec, tool, arguments) in TOOLS {
        if arguments.contains(&"-qcl") {
            continue; // a legacy frame ends with the input
        }
        let joined: Vec<u8> = [&b"first "[..], b"", b"second"]
            .iter()
            .flat_map(|part| filter(tool, arguments, part))
            .collect();
        let (output, end) = decode(*codec, &joined);
        assert_eq!(
            (&output[..], end),
            (&b"first second"[..], Ok(())),
            "{tool} {arguments:?}"
        );
    }
}

#[test]
fn skippable_frames_are_skipped() {
    let skippable = b"\x5a\x2a\x4d\x18\x05\x00\x00\x00abcde";
    for (codec, tool) in [(Codec::Zstd, "zstd"), (Codec::Lz4, "lz4")] {
        let frame = filter(tool, &["-qc"], b"content");
        let stream = [&skippable[..], &frame, skippable, &frame, skippable].concat();
        let (output, end) = decode(codec, &stream);
        assert_eq!((&output[..], end), (&b"contentcontent"[..], Ok(())), "{tool}");
    }
}

#[test]
fn zeros_behind_a_stream_are_padding_and_anything_else_is_told() {
    for (codec, tool, arguments) in TOOLS {
        if arguments.contains(&"-qcl") {
            continue;
        }
        let stream = filter(tool, arguments, b"content");
        let padded = [&stream[..], &[0; 1024]].concat();
        assert_eq!(decode(*codec, &padded), (b"content".to_vec(), Ok(())), "{tool}");
        let (output, end) = decode(*codec, &[&stream[..], b"garbage!"].concat());
        assert_eq!(output, b"content", "{tool} {arguments:?}");
        let told = matches!(end, Err(Reason::Trailing { .. } | Reason::Corrupt { .. }));
        assert!(told, "{tool} {arguments:?}: {end:?}");
    }
}

#[test]
fn a_cut_stream_delivers_its_beginning_and_says_where_it_ends() {
    let sample = sample();
    for (codec, tool, arguments) in TOOLS {
        let stream = filter(tool, arguments, &sample);
        let cut = &stream[..stream.len() * 3 / 4];
        let (output, end) = decode(*codec, cut);
        assert!(sample.starts_with(&output), "{tool} {arguments:?}");
        let offset = cut.len() as u64;
        let format = codec.name();
        assert!(
            end == Err(Reason::Truncated { format, offset }),
            "{tool} {arguments:?}: {end:?}"
        );
        // bzip2 and lz4 decode whole blocks; theirs are larger than the sample, but for lz4's -B4.
        let large_blocks = matches!(codec, Codec::Bzip2 | Codec::Lz4) && !arguments.contains(&"-B4");
        assert!(large_blocks || !output.is_empty(), "{tool} {arguments:?}");
        if matches!(codec, Codec::Gzip | Codec::Zstd) {
            assert!(output.len() > sample.len() / 2, "{tool}: only {}", output.len());
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    let content = b"some content that is a little longer than nothing, some content";
    for (codec, tool, arguments) in TOOLS {
        let stream = filter(tool, arguments, content);
        for length in 1..stream.len() {
            let (output, end) = decode(*codec, &stream[..length]);
            let legacy_end = arguments.contains(&"-qcl") && length <= 8;
            assert!(end.is_err() || legacy_end, "{tool} {arguments:?} cut at {length}");
            assert!(content.starts_with(&output));
        }
    }
}

#[test]
fn a_flipped_bit_in_the_data_is_noticed_where_there_is_a_checksum() {
    let sample = sample();
    for (codec, tool, arguments) in TOOLS {
        if arguments.contains(&"--no-check") || arguments.contains(&"-qcl") {
            continue;
        }
        let mut stream = filter(tool, arguments, &sample);
        let middle = stream.len() / 2;
        stream[middle] ^= 4;
        let (_, end) = decode(*codec, &stream);
        assert!(end.is_err(), "{tool} {arguments:?}");
    }
}

#[test]
fn bombs_stop_at_the_ratio_with_numbers() {
    let zeros = vec![0; 64 << 20];
    for (codec, tool, arguments) in TOOLS {
        if *tool == "lz4" || arguments.contains(&"-19") {
            continue; // lz4's best ratio is 255, which takes longer to reach
        }
        let stream = filter(tool, arguments, &zeros);
        let (output, end) = decode(*codec, &stream);
        let Err(Reason::Ratio {
            limit,
            input,
            output: seen,
        }) = end
        else {
            panic!("{tool} {arguments:?}: {end:?}");
        };
        assert!(limit == 200 && seen > 200 * input, "{tool}");
        assert!(
            output.len() <= (16 << 20) + (512 << 10),
            "{tool}: {}",
            output.len()
        );
    }
}

#[test]
fn ten_gibibytes_of_zeros_cost_sixteen_mebibytes_of_work() {
    let member = filter("gzip", &["-c"], &vec![0; 1 << 20]);
    let budget = Budget::new(Limits::default());
    let mut decoder = Decoder::new(Codec::Gzip, Repeat::new(&member, 10 * 1024), &budget);
    let copied = io::copy(&mut decoder, &mut io::sink());
    let reason = Reason::of(&copied.unwrap_err());
    assert!(matches!(reason, Reason::Ratio { .. }), "{reason}");
    assert!(decoder.output() <= 17 << 20);
}

/// Yields the same bytes many times.
struct Repeat<'a> {
    bytes: &'a [u8],
    left: &'a [u8],
    times: u32,
}

impl<'a> Repeat<'a> {
    fn new(bytes: &'a [u8], times: u32) -> Self {
        Self {
            bytes,
            left: &[],
            times,
        }
    }
}

impl Read for Repeat<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left.is_empty() && self.times > 0 {
            self.times -= 1;
            self.left = self.bytes;
        }
        self.left.read(out)
    }
}

#[test]
fn output_limits_of_file_and_operation_hold_across_streams() {
    let stream = support::gzip(&sample());
    let limits = Limits {
        file_output_bytes: 1_500_000,
        ..Limits::default()
    };
    let budget = Budget::new(limits);
    let (first, end) = decode_within(Codec::Gzip, &stream[..], &budget);
    assert!(end.is_ok() && first.len() < 1_500_000);
    let (_, end) = decode_within(Codec::Gzip, &stream[..], &budget);
    assert!(
        matches!(end, Err(Reason::FileOutput { limit: 1_500_000, .. })),
        "{end:?}"
    );
    let total = Total::new(100_000);
    let budget = Budget::new(Limits::default()).with_total(&total);
    let (_, end) = decode_within(Codec::Gzip, &stream[..], &budget);
    assert!(
        matches!(end, Err(Reason::TotalOutput { limit: 100_000, .. })),
        "{end:?}"
    );
}

#[test]
fn large_windows_are_refused_with_the_limit() {
    let sample = sample();
    let limits = Limits {
        window_bytes: 1 << 20,
        ..Limits::default()
    };
    let streams = [
        (Codec::Xz, filter("xz", &["-9c"], &sample)),
        (
            Codec::Zstd,
            filter("zstd", &["-qc", "--long=27", "--no-content-size"], &sample),
        ),
    ];
    for (codec, stream) in streams {
        let (output, end) = decode_within(codec, &stream[..], &Budget::new(limits));
        assert!(output.is_empty());
        assert!(
            matches!(end, Err(Reason::Window { limit: 0x10_0000, .. })),
            "{end:?}"
        );
    }
}

#[test]
fn the_poll_function_ends_decoding_even_without_output() {
    let sample = sample();
    let calls = Cell::new(0);
    let poll = || {
        calls.set(calls.get() + 1);
        (calls.get() > 3).then_some(Interrupt::Deadline)
    };
    let budget = Budget::new(Limits::default()).with_poll(&poll);
    let (output, end) = decode_within(Codec::Gzip, &support::gzip(&sample)[..], &budget);
    assert_eq!(end, Err(Reason::Interrupted(Interrupt::Deadline)));
    assert!(output.len() < sample.len());
    // An endless skippable frame makes no output, but takes input.
    calls.set(0);
    let endless = (&b"\x50\x2a\x4d\x18\xff\xff\xff\xff"[..]).chain(io::repeat(0));
    let (_, end) = decode_within(Codec::Zstd, endless, &budget);
    assert_eq!(end, Err(Reason::Interrupted(Interrupt::Deadline)));
}

#[test]
fn a_failing_source_is_told_as_such() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, "no"))
        }
    }
    let sample = sample();
    for (codec, tool, arguments) in TOOLS {
        let stream = filter(tool, arguments, &sample);
        let half = &stream[..stream.len() / 2];
        let budget = Budget::new(Limits::default());
        let (_, end) = decode_within(*codec, half.chain(Fails), &budget);
        let kind = io::ErrorKind::PermissionDenied;
        let message = "no".to_owned();
        assert_eq!(end, Err(Reason::Source { kind, message }), "{tool} {arguments:?}");
    }
}
