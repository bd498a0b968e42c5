//! Speed of the engine as a ratio to a plain `memmem` of one absent literal over the same bytes in the same run.
//!
//! ```text
//! cargo run --release -p gumshoe-scan --example scan_bench [MEBIBYTES] [FILE]
//! ```
//!
//! With FILE, `rg` and `grep` are timed on it as well, beside this engine reading it.

use gumshoe_scan::bytes::{ByteScan, ByteSet, Pattern};
use gumshoe_scan::lines::{LineScan, LineSet};
use memchr::memmem;
use std::hint::black_box;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
const BLOCK_BYTES: usize = 256 << 10;
const SMALL_FILE_BYTES: usize = 5 << 10;

/// Searches bytes and says what it found.
type Contestant<'c> = &'c mut dyn FnMut(&[u8]) -> usize;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mebibytes: usize = arguments.next().map_or(Ok(512), |text| text.parse())?;
    for (name, data) in [
        ("random", random(mebibytes << 20)),
        ("text", text(mebibytes << 20)),
        ("zeros", vec![0; mebibytes << 20]),
    ] {
        println!("\n{mebibytes} MiB of {name}");
        let peer = |data: &[u8]| {
            data.chunks(BLOCK_BYTES)
                .map(|block| usize::from(memmem::find(block, b"gumshoe-absent").is_some()))
                .sum()
        };
        bytes(&data, &peer)?;
        lines(&data, &peer)?;
    }
    match arguments.next() {
        Some(path) => file(&path),
        None => Ok(()),
    }
}

/// Byte patterns over `data` in place, as mapped files are scanned, and through the buffer, as memory is.
fn bytes(data: &[u8], peer: &dyn Fn(&[u8]) -> usize) -> Result<(), Box<dyn std::error::Error>> {
    let twenty: Vec<String> = (0..20)
        .map(|i| format!("absent-{:x}-pattern", 0x9e37_79b9_u32.wrapping_mul(i + 1)))
        .collect();
    let twenty: Vec<Pattern<'_>> = twenty.iter().map(|text| Pattern::regex(text)).collect();
    let cases: [(&str, &[Pattern<'_>]); 7] = [
        ("literal", &[Pattern::regex("gumshoe-absent")]),
        (
            "literal + hex",
            &[
                Pattern::regex("gumshoe-absent"),
                Pattern::hex("DE AD ?? EF 1? 7F 45"),
            ],
        ),
        ("20 literals", &twenty),
        (
            "regex with literal prefix",
            &[Pattern::regex(r"gumshoe-[a-z]{3,10}\d+")],
        ),
        (
            "regex with inner literal",
            &[Pattern::regex(r"\w{1,20}-gumshoe\d+")],
        ),
        (
            "case-insensitive literal",
            &[Pattern::regex("(?i)gumshoe-absent")],
        ),
        (
            "regex without literal",
            &[Pattern::regex(r"[0-9a-f]{8}-[0-9a-f]{4}x")],
        ),
    ];
    for (name, patterns) in cases {
        let set = Arc::new(ByteSet::new(patterns)?);
        let selection = set.select(&(0..set.len()).collect::<Vec<_>>());
        let mut scan = ByteScan::new(&set);
        let [base, ours] = race(
            [&mut |data| peer(data), &mut |data| {
                let mut matches = Vec::new();
                scan.begin(&selection);
                scan.slice(0, data, &mut matches, &mut || true);
                matches.len()
            }],
            data,
        );
        report("bytes, in place", name, data, base, ours);
    }
    Ok(())
}

/// Line patterns over `data` as one file, and as many small ones.
fn lines(data: &[u8], peer: &dyn Fn(&[u8]) -> usize) -> Result<(), Box<dyn std::error::Error>> {
    let cases: [(&str, &[&str]); 6] = [
        ("literal", &["gumshoe-absent"]),
        (
            "3 patterns",
            &["gumshoe-absent", "^absent:x:0:", r"evil\d+\.example"],
        ),
        ("regex with inner literal", &[r"\w+\s+gumshoe\d$"]),
        ("case-insensitive literal", &["(?i)gumshoe-absent"]),
        ("anchored", &["^gumshoe"]),
        ("regex without literal", &[r"^[0-9]{3}-[0-9]{2}-[0-9]{4}$"]),
    ];
    for (name, patterns) in cases {
        let set = Arc::new(LineSet::new(patterns)?);
        let selection = Arc::new(set.select(&(0..set.len()).collect::<Vec<_>>(), &[]));
        for (what, size) in [
            ("lines, one file", usize::MAX),
            ("lines, 5 KiB files", SMALL_FILE_BYTES),
        ] {
            let mut scan = LineScan::new(&set);
            // Both copy the bytes as a read would.
            let mut space = vec![0; BLOCK_BYTES / 2];
            let mut copying_peer = |data: &[u8]| {
                let blocks = data.chunks(space.len().min(size));
                blocks
                    .map(|block| {
                        space[..block.len()].copy_from_slice(block);
                        peer(&space[..block.len()])
                    })
                    .sum()
            };
            let [base, ours] = race(
                [&mut copying_peer, &mut |data| {
                    data.chunks(size.min(data.len()))
                        .map(|file| scan_file(&mut scan, &selection, file))
                        .sum()
                }],
                data,
            );
            report(what, name, data, base, ours);
        }
    }
    Ok(())
}

fn scan_file(scan: &mut LineScan, selection: &Arc<gumshoe_scan::lines::Selection>, mut file: &[u8]) -> usize {
    scan.begin(selection);
    while !file.is_empty() && !scan.settled() {
        let space = scan.space();
        let count = space.len().min(file.len());
        space[..count].copy_from_slice(&file[..count]);
        black_box(scan.filled(count));
        file = &file[count..];
    }
    scan.finish();
    usize::from(scan.any(0))
}

/// The best time of each of two, taken alternately.
fn race(mut contestants: [Contestant<'_>; 2], data: &[u8]) -> [Duration; 2] {
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        for (best, contestant) in best.iter_mut().zip(contestants.iter_mut()) {
            let start = Instant::now();
            black_box(contestant(black_box(data)));
            *best = start.elapsed().min(*best);
        }
    }
    best
}

fn report(what: &str, name: &str, data: &[u8], base: Duration, ours: Duration) {
    let speed = |time: Duration| data.len() as f64 / time.as_secs_f64() / f64::from(1 << 30);
    println!(
        "{what:20} {name:26} {:6.2} GiB/s, memmem {:6.2} GiB/s, ratio {:.2}",
        speed(ours),
        speed(base),
        base.as_secs_f64() / ours.as_secs_f64()
    );
}

/// Times this engine, `rg -l` and `grep -l` on a file that lies in the page cache.
fn file(path: &str) -> Result<(), Box<dyn std::error::Error>> {
    println!("\n{path}");
    for (pattern, flag) in [("gumshoe-absent", "-c"), ("gumshoe-absent", "-ci")] {
        let written = if flag == "-ci" {
            format!("(?i){pattern}")
        } else {
            pattern.to_owned()
        };
        let set = Arc::new(LineSet::new(&[written])?);
        let selection = Arc::new(set.select(&[0], &[]));
        let mut scan = LineScan::new(&set);
        let mut best = [Duration::MAX; 3];
        for _ in 0..ROUNDS {
            let start = Instant::now();
            scan.begin(&selection);
            let mut reader = std::fs::File::open(path)?;
            while let count @ 1.. = reader.read(scan.space())? {
                scan.filled(count);
            }
            scan.finish();
            best[0] = start.elapsed().min(best[0]);
            for (best, program) in best[1..].iter_mut().zip(["rg", "grep"]) {
                let start = Instant::now();
                Command::new(program)
                    .args([flag, "-a", pattern, path])
                    .stdout(Stdio::null())
                    .status()?;
                *best = start.elapsed().min(*best);
            }
        }
        println!(
            "{pattern} {flag}: ours {:?}, rg {:?}, grep {:?}",
            best[0], best[1], best[2]
        );
    }
    Ok(())
}

fn random(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    std::iter::repeat_with(next)
        .flat_map(u64::to_le_bytes)
        .take(size)
        .collect()
}

fn text(size: usize) -> Vec<u8> {
    let words = [
        "the",
        "password",
        "user",
        "error",
        "of",
        "http",
        "connection",
        "root",
        "and",
        "kernel:",
        "0x7f3a",
        "2024-01-02",
    ];
    let mut out = Vec::with_capacity(size + 16);
    for number in random(size).chunks_exact(2) {
        if out.len() >= size {
            break;
        }
        out.extend_from_slice(words[usize::from(number[0]) % words.len()].as_bytes());
        out.push(if number[1] < 24 { b'\n' } else { b' ' });
    }
    out.truncate(size);
    out
}
