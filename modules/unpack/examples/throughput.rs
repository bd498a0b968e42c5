//! Compares decoding with the formats' own tools: `throughput FILE [ROUNDS]`.
//!
//! FILE is compressed with each tool; then `TOOL -dc` and this crate decode it in turns. Printed are the best
//! times of each, which noise disturbs least, and their ratio (below 1: this crate is faster).

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use gumshoe_unpack::{Budget, Codec, Decoder, Limits};

const TOOLS: &[(Codec, &str, &str)] = &[
    (Codec::Gzip, "gzip", "-6"),
    (Codec::Bzip2, "bzip2", "-9"),
    (Codec::Xz, "xz", "-6"),
    (Codec::Zstd, "zstd", "-3"),
    (Codec::Lz4, "lz4", "-1"),
];

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().context("usage: throughput FILE [ROUNDS]")?;
    let rounds = arguments.next().map_or(Ok(5), |n| n.parse())?;
    let size = std::fs::metadata(&file)?.len();
    let folder = tempfile::tempdir()?;
    let mut out = io::stdout().lock();
    writeln!(out, "codec   tool s   ours s  ours/tool  ours MiB/s")?;
    for (codec, tool, level) in TOOLS {
        let packed = folder.path().join(tool);
        pack(tool, level, &file, &packed)?;
        let (theirs, ours) = compare(*codec, tool, &packed, size, rounds)?;
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        let rate = size as f64 / f64::from(1 << 20) / ours.as_secs_f64();
        let (theirs, ours) = (theirs.as_secs_f64(), ours.as_secs_f64());
        writeln!(out, "{tool:6} {theirs:7.3} {ours:8.3} {ratio:10.2} {rate:11.0}")?;
    }
    Ok(())
}

fn pack(tool: &str, level: &str, file: &str, packed: &Path) -> anyhow::Result<()> {
    let status = Command::new(tool)
        .args([level, "-c"])
        .stdin(File::open(file)?)
        .stdout(File::create(packed)?)
        .status()
        .with_context(|| format!("failed to run `{tool}`"))?;
    ensure!(status.success(), "`{tool}` failed");
    Ok(())
}

/// Best times of the tool and of this crate.
fn compare(
    codec: Codec,
    tool: &str,
    packed: &Path,
    size: u64,
    rounds: u32,
) -> anyhow::Result<(Duration, Duration)> {
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..rounds {
        best.0 = best.0.min(run_tool(tool, packed)?);
        best.1 = best.1.min(run_decoder(codec, packed, size)?);
    }
    Ok(best)
}

fn run_tool(tool: &str, packed: &Path) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let status = Command::new(tool)
        .arg("-dc")
        .stdin(File::open(packed)?)
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "`{tool} -dc` failed");
    Ok(start.elapsed())
}

fn run_decoder(codec: Codec, packed: &Path, size: u64) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let limits = Limits {
        file_output_bytes: u64::MAX,
        ..Limits::default()
    };
    let budget = Budget::new(limits);
    let mut decoder = Decoder::new(codec, File::open(packed)?, &budget);
    let mut block = vec![0; 256 * 1024];
    while decoder.read(&mut block)? > 0 {}
    ensure!(decoder.output() == size, "{codec:?} lost bytes");
    Ok(start.elapsed())
}
