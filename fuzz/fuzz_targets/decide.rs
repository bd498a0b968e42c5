//! A message from the relay, decided under the policy of the test vectors.
#![no_main]

use gumshoe_protocol::{ActionId, Facts, Policy, Record, Seen, Timestamp, decide};
use std::sync::LazyLock;

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

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../protocol/testdata/decide");

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let text = include_str!("../../protocol/testdata/decide/policy.toml");
    let key_file = |name: &str| std::fs::read(format!("{FOLDER}/{name}")).map_err(|error| error.to_string());
    Policy::parse(text, &key_file).expect("the vectors' policy is one")
});
static FACTS: LazyLock<Facts> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../protocol/testdata/decide/facts.json")).expect("facts")
});

libfuzzer_sys::fuzz_target!(|message: &[u8]| {
    let now = Timestamp::from_timestamp(1_780_316_000, 0).unwrap_or_default();
    let _ = decide(message, &POLICY, &FACTS, now, &Nothing);
});
