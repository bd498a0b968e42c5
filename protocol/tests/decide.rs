//! The decision, over envelopes that GnuPG signed: `testdata/make-envelopes` makes them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

use gumshoe_protocol::{
    ActionId, ContentDigest, Decision, Facts, Policy, Record, Seen, Timestamp, Verdict, decide,
};
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// One case, as `cases.json` has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    envelope: String,
    now: Timestamp,
    verdict: String,
    code: Option<String>,
    signers: Vec<String>,
    seen: BTreeMap<ActionId, ContentDigest>,
    horizon: Timestamp,
    floor: Timestamp,
}

impl Seen for Case {
    fn look_up(&self, id: &ActionId) -> Option<Record> {
        self.seen.get(id).map(|&digest| Record { digest })
    }

    fn horizon(&self) -> Timestamp {
        self.horizon
    }

    fn floor(&self) -> Timestamp {
        self.floor
    }
}

impl Case {
    fn message(&self) -> Vec<u8> {
        read(&self.envelope)
    }

    fn decide(&self, message: &[u8]) -> Decision {
        decide(message, &POLICY, &FACTS, self.now, self)
    }
}

static POLICY: LazyLock<Policy> = LazyLock::new(|| policy(&text("policy.toml")));
static FACTS: LazyLock<Facts> = LazyLock::new(|| serde_json::from_str(&text("facts.json")).unwrap());
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| serde_json::from_str(&text("cases.json")).unwrap());

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/decide")
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

fn text(name: &str) -> String {
    String::from_utf8(read(name)).unwrap()
}

fn policy(text: &str) -> Policy {
    let key_file = |name: &str| std::fs::read(folder().join(name)).map_err(|error| error.to_string());
    Policy::parse(text, &key_file).unwrap_or_else(|error| panic!("{error}"))
}

fn case(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.name == name).unwrap()
}

/// The verdict's name and code.
fn told(verdict: &Verdict) -> (&'static str, Option<&str>) {
    match verdict {
        Verdict::Run(_) => ("run", None),
        Verdict::Cancel(_) => ("cancel", None),
        Verdict::Repeated => ("repeated", None),
        Verdict::NotTarget(why) => ("not-target", why.as_ref().map(|refusal| refusal.code.as_str())),
        Verdict::Refused(refusal) => ("refused", Some(&refusal.code)),
    }
}

#[test]
fn every_vector_is_decided_as_written() {
    let mut wrong = Vec::new();
    for case in CASES.iter() {
        let decision = case.decide(&case.message());
        let (verdict, code) = told(&decision.verdict);
        let signers: Vec<_> = decision.signers.iter().map(|one| one.name.clone()).collect();
        let any_code = case.code.as_deref() == Some("*") && code.is_some();
        if verdict != case.verdict || (code != case.code.as_deref() && !any_code) || signers != case.signers {
            wrong.push(format!(
                "{}: {:?}, expected {} {:?} by {:?}",
                case.name, decision, case.verdict, case.code, case.signers
            ));
        }
    }
    assert!(CASES.len() > 60, "the vectors are there");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn limits_are_the_smaller_of_asked_and_capped() {
    let Verdict::Run(accepted) = case("all-fields").decide(&case("all-fields").message()).verdict else {
        panic!("not accepted");
    };
    let limits = accepted.limits[0];
    assert_eq!((limits.timeout_ms, limits.findings), (Some(1000), Some(5)));
    let Verdict::Run(accepted) = case("one-signer").decide(&case("one-signer").message()).verdict else {
        panic!("not accepted");
    };
    assert_eq!(
        accepted.limits[0], POLICY.caps,
        "what is not asked for is what the policy caps"
    );
    assert_eq!(accepted.record_until, accepted.action.expires + POLICY.tolerance);
}

/// The policy of the vectors without a part of its text, or with another.
fn changed(from: &str, to: &str) -> Policy {
    let text = text("policy.toml");
    assert!(text.contains(from), "{from}");
    policy(&text.replace(from, to))
}

#[test]
fn a_weight_counts_towards_the_threshold() {
    let memory = case("memory-one-short");
    let heavy = changed("key = \"keys/sam.asc\"", "key = \"keys/sam.asc\"\nweight = 2");
    let decision = decide(&memory.message(), &heavy, &FACTS, memory.now, memory);
    assert_eq!(told(&decision.verdict), ("run", None));
}

#[test]
fn taking_a_permission_away_never_allows_more() {
    let blocks: Vec<_> = text("policy.toml")
        .split("[[permissions]]")
        .skip(1)
        .map(str::to_owned)
        .collect();
    for block in blocks {
        // The example's more precise permission for memory takes the place of a wider one: without it more is allowed.
        if block.contains("threshold = 2") {
            continue;
        }
        let end = block.find("[limits]").unwrap_or(block.len());
        let poorer = changed(&format!("[[permissions]]{}", &block[..end]), "");
        for case in CASES.iter().filter(|case| case.verdict == "refused") {
            let decision = decide(&case.message(), &poorer, &FACTS, case.now, case);
            assert_eq!(
                told(&decision.verdict).0,
                "refused",
                "{} without {block}",
                case.name
            );
        }
    }
}

#[test]
fn every_problem_of_a_policy_is_told_at_once_with_its_place() {
    let text = r#"
        [[investigators]]
        name = "a b"
        fingerprint = "12"
        key = "nowhere.asc"
        groups = ["x"]
        [[investigators]]
        name = "olga"
        fingerprint = "0000000000000000000000000000000000000000"
        key = "keys/olga.asc"
        weight = 0
        groups = ["y", "y"]
        [[permissions]]
        group = "z"
        modules = []
        [[permissions]]
        group = "x"
        modules = ["*", "file", "../x"]
        threshold = 7
        condition = "1 +"
        [limits]
        findings = 0
        [window]
        tolerance = "2d"
    "#;
    let key_file = |name: &str| std::fs::read(folder().join(name)).map_err(|error| error.to_string());
    let problems = Policy::parse(text, &key_file).unwrap_err().problems;
    let places: Vec<_> = problems.iter().map(|problem| problem.place.as_str()).collect();
    for place in [
        "investigators[0].name",
        "investigators[0].fingerprint",
        "investigators[1].fingerprint",
        "investigators[1].weight",
        "investigators[1].groups[1]",
        "permissions[0].group",
        "permissions[0].modules",
        "permissions[1].modules",
        "permissions[1].threshold",
        "permissions[1].condition",
        "limits.findings",
        "window.tolerance",
    ] {
        assert!(places.contains(&place), "{place} is missing in {problems:?}");
    }
    for (text, expected) in [("x = 1", "unknown field"), ("[[investigators]\n", "line 1")] {
        let error = Policy::parse(text, &key_file).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn every_code_is_documented() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security.md");
    let page = std::fs::read_to_string(page).unwrap();
    for code in gumshoe_protocol::refusal::codes::ALL {
        assert!(
            page.contains(&format!("`{code}`")),
            "docs/security.md lacks `{code}`"
        );
    }
    for case in CASES.iter() {
        if let Some(code) = case.code.as_deref().filter(|&code| code != "*") {
            assert!(
                page.contains(&format!("`{code}`")),
                "docs/security.md lacks `{code}`"
            );
        }
    }
}

/// What has expired does not count again where the clock was set back behind a time that is proved.
#[test]
fn a_clock_that_was_set_back_revives_no_signature() {
    let mut case = case("signature-expired").clone();
    case.floor = case.now;
    case.now = "2026-06-01T12:00:30Z".parse().unwrap();
    let decision = case.decide(&case.message());
    assert_eq!(told(&decision.verdict), ("refused", Some("signature-expired")));
    case.floor = case.now;
    let decision = case.decide(&case.message());
    assert_eq!(
        told(&decision.verdict),
        ("run", None),
        "it counted when that was the time"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Nothing that differs from what was signed is obeyed: any one bit of any accepted envelope, decoded, and written again.
    #[test]
    fn a_flipped_bit_is_never_obeyed(
        which in prop::sample::select(vec!["one-signer", "two-signers", "signing-subkey"]),
        place: prop::sample::Index,
        bit in 0..8_u8,
    ) {
        let case = case(which);
        let mut envelope = gumshoe_protocol::Envelope::parse(&case.message(), 1 << 20).unwrap();
        let at = place.index(envelope.payload.len());
        envelope.payload[at] ^= 1 << bit;
        let decision = case.decide(envelope.to_json().as_bytes());
        prop_assert_eq!(told(&decision.verdict).0, "refused");
        prop_assert!(decision.signers.is_empty(), "nobody signed that");
    }

    /// Whatever the clock says, what was seen is not run, and what has ended by the horizon is not run.
    #[test]
    fn no_clock_makes_an_action_run_twice(seconds in -4_000_000_000_i64..4_000_000_000, horizon: bool) {
        let mut case = case("one-signer").clone();
        case.now += chrono::TimeDelta::seconds(seconds);
        let message = case.message();
        let first = case.decide(&message);
        if horizon {
            case.horizon = "2026-06-01T13:00:00Z".parse().unwrap();
        } else {
            case.seen.insert(first.action.unwrap_or(ActionId::from_bytes([0; 16])), first.digest);
        }
        prop_assert_ne!(told(&case.decide(&message).verdict).0, "run");
    }

    #[test]
    fn any_bytes_are_refused(message: Vec<u8>) {
        prop_assert_eq!(told(&case("rubbish").decide(&message).verdict).0, "refused");
    }
}
