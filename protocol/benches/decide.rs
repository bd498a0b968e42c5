//! What a decision costs, beside what it cannot do without.
//!
//! `cargo bench -p gumshoe-protocol` prints two tables: decisions about small envelopes beside the bare verification of
//! the same signatures, and refusals of the largest message beside its SHA-256. All of a table run in turns; of each the
//! fastest of several rounds counts.

#![allow(clippy::unwrap_used, reason = "a benchmark")]

use gumshoe_openpgp::{Certificate, Message, Signature, verify};
use gumshoe_protocol::bounds::ENVELOPE_BYTES;
use gumshoe_protocol::{ActionId, ContentDigest, Envelope, Facts, Policy, Record, Seen, Timestamp, decide};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;

struct Nothing;

impl Seen for Nothing {
    fn look_up(&self, _: &ActionId) -> Option<Record> {
        None
    }

    fn horizon(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn floor(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/decide")
        .join(name)
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

/// The fastest of several rounds of each, in turns; per call.
fn race(calls: u32, racers: &mut [&mut dyn FnMut()]) -> Vec<Duration> {
    let mut best = vec![Duration::MAX; racers.len()];
    for _ in 0..ROUNDS {
        for (racer, best) in racers.iter_mut().zip(&mut best) {
            let start = Instant::now();
            (0..calls).for_each(|_| racer());
            *best = (*best).min(start.elapsed() / calls);
        }
    }
    best
}

struct Host {
    policy: Policy,
    facts: Facts,
    now: Timestamp,
}

impl Host {
    fn new() -> Self {
        let text = String::from_utf8(read("policy.toml")).unwrap();
        let key_file = |name: &str| std::fs::read(path(name)).map_err(|error| error.to_string());
        Self {
            policy: Policy::parse(&text, &key_file).unwrap(),
            facts: serde_json::from_slice(&read("facts.json")).unwrap(),
            now: "2026-06-01T12:30:00Z".parse().unwrap(),
        }
    }

    fn decide(&self, message: &[u8]) {
        black_box(decide(message, &self.policy, &self.facts, self.now, &Nothing));
    }
}

/// The bare verification of an envelope's signatures: what any verifier has to do.
fn bare(envelope: &Envelope, keys: &[Certificate], now: Timestamp) {
    let pae = envelope.pae();
    let message = Message::new(&pae);
    for (one, key) in envelope.signatures.iter().zip(keys) {
        let signature = Signature::parse(&one.signature).unwrap();
        black_box(verify(key, &signature, &message, now).unwrap());
    }
}

fn small(host: &Host) {
    println!("| decision | per second | time, relative to the bare verification of its signatures |");
    println!("| --- | --- | --- |");
    let cases: [(&str, &str, &[&str]); 5] = [
        ("one-signer", "accepted, Ed25519", &["olga"]),
        ("two-signers", "accepted, RSA-3072 and P-256", &["sam", "sina"]),
        ("target-other-host", "not a target, Ed25519", &["olga"]),
        ("memory-by-ops", "not permitted, Ed25519", &["olga"]),
        ("params-too-deep", "parameters too deep, Ed25519", &["olga"]),
    ];
    for (name, what, signers) in cases {
        let message = read(&format!("{name}.json"));
        let envelope = Envelope::parse(&message, ENVELOPE_BYTES).unwrap();
        let keys: Vec<_> = (signers.iter())
            .map(|name| Certificate::parse(&read(&format!("keys/{name}.asc"))).unwrap())
            .collect();
        let times = race(
            50,
            &mut [&mut || host.decide(&message), &mut || {
                bare(&envelope, &keys, host.now)
            }],
        );
        report(what, &times);
    }
}

fn report(what: &str, times: &[Duration]) {
    let rate = 1.0 / times[0].as_secs_f64();
    println!(
        "| {what} | {rate:.0} | {:.2} |",
        times[0].as_secs_f64() / times[1].as_secs_f64()
    );
}

/// Messages of the greatest length that nobody whom the host knows has signed.
fn large(host: &Host) {
    println!("\n| message of 16 MiB | per second | time, relative to its SHA-256 |");
    println!("| --- | --- | --- |");
    let unknown = read("unknown-key.json");
    let mut stranger = Envelope::parse(&unknown, ENVELOPE_BYTES).unwrap();
    stranger.payload = vec![b'x'; ENVELOPE_BYTES / 4 * 3 - 4096];
    let nested = [b"{\"payloadType\":".as_slice(), &vec![b'['; ENVELOPE_BYTES - 20]].concat();
    for (what, message) in [
        ("rubbish", vec![b'x'; ENVELOPE_BYTES]),
        ("one byte too long", vec![b'x'; ENVELOPE_BYTES + 1]),
        ("brackets", nested),
        ("an envelope by a stranger", stranger.to_json().into_bytes()),
    ] {
        let times = race(
            1,
            &mut [&mut || host.decide(&message), &mut || {
                black_box(ContentDigest::of(&message));
            }],
        );
        report(what, &times);
    }
}

fn main() {
    let host = Host::new();
    small(&host);
    large(&host);
}
