//! Keys and signatures with the verdicts that are right for them: `protocol/testdata/openpgp`.
use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use gumshoe_openpgp::{Certificate, Fingerprint, Message, Signature, verify};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    key: String,
    signature: String,
    message: String,
    now: DateTime<Utc>,
    expected: String,
    primary: Option<Fingerprint>,
}

fn read(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/openpgp")
        .join(path);
    fs::read(&path)
        .map_err(|error| format!("{}: {error}", path.display()))
        .expect("a test vector")
}

fn verdict(case: &Case) -> (&'static str, Option<Fingerprint>) {
    let certificate = match Certificate::parse(&read(&case.key)) {
        Ok(certificate) => certificate,
        Err(error) => return (error.code(), None),
    };
    let message = read(&case.message);
    let verified = Signature::parse(&read(&case.signature))
        .and_then(|signature| verify(&certificate, &signature, &Message::new(&message), case.now));
    match verified {
        Ok(verified) => ("valid", Some(verified.primary)),
        Err(error) => (error.code(), None),
    }
}

#[test]
fn every_case_has_its_verdict() {
    let cases: Vec<Case> = serde_json::from_slice(&read("cases.json")).unwrap();
    assert!(cases.len() > 100, "{} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let found = verdict(case);
            let right = (case.expected.as_str(), case.primary);
            (found != right).then(|| format!("{}: {found:?} instead of {right:?}", case.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
