//! Patterns and digests.

use std::{fs, io::Write, os::unix::fs::FileExt};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::support::{found, gaps, paths, run, search, tree};

fn contents(top: &std::path::Path, patterns: &[&str], options: Value) -> Vec<String> {
    found(top, json!({ "contents": patterns, "options": options }))
}

#[test]
fn patterns_apply_to_lines() {
    let top = tree(&[
        ("unix", "first\nsecond\n"),
        ("dos", "first\r\nsecond\r\n"),
        ("open", "first\nsecond"),
        ("empty", ""),
    ]);
    let of = |pattern: &str| contents(top.path(), &[pattern], json!({}));
    assert_eq!(of("^second$"), ["dos", "open", "unix"]);
    assert_eq!(of("first.*second"), [""; 0]);
    assert_eq!(of(r"first\s+second"), [""; 0]);
    assert_eq!(of("!second"), ["empty"]);
    assert_eq!(of("(?i)SECOND"), ["dos", "open", "unix"]);
}

#[test]
fn negation_every_line_and_mismatch_combine() {
    let top = tree(&[("all", "a\na\n"), ("some", "a\nb\n"), ("none", "b\nb\n")]);
    let of = |pattern: &str, options: Value| contents(top.path(), &[pattern], options);
    let invert = json!(["content"]);
    assert_eq!(of("a", json!({})), ["all", "some"]);
    assert_eq!(of("!a", json!({})), ["none"]);
    assert_eq!(of("a", json!({ "mismatch": invert })), ["none"]);
    assert_eq!(of("!a", json!({ "mismatch": invert })), ["all", "some"]);
    assert_eq!(of("a", json!({ "macroal": true })), ["all"]);
    assert_eq!(of("!a", json!({ "macroal": true })), ["none"]);
    assert_eq!(
        of("a", json!({ "macroal": true, "mismatch": invert })),
        ["none", "some"]
    );
}

#[test]
fn all_patterns_must_match_with_matchall() {
    let top = tree(&[("both", "one\ntwo\n"), ("one", "one\n")]);
    assert_eq!(contents(top.path(), &["one", "two"], json!({})), ["both"]);
    assert_eq!(contents(top.path(), &["one", "!two"], json!({})), ["one"]);
}

#[test]
fn digests_of_every_algorithm_are_compared() {
    // Of "abc": FIPS 180-4, FIPS 202, RFC 1321, and `b3sum`.
    let digests = [
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "A9993E364706816ABA3E25717850C26C9CD0D89D"),
        (
            "sha2",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            "sha2",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        ),
        (
            "sha2",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        ("sha3", "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
        (
            "sha3",
            "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
        ),
        (
            "sha3",
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
        ),
        (
            "sha3",
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
        ),
        (
            "blake3",
            "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
        ),
    ];
    let top = tree(&[("abc", "abc"), ("other", "abd")]);
    for (key, digest) in digests {
        assert_eq!(found(top.path(), json!({ key: [digest] })), ["abc"], "{key}");
        assert_eq!(
            found(
                top.path(),
                json!({ key: [digest], "options": { "mismatch": [key] } })
            ),
            ["other"],
            "{key}"
        );
    }
    let all = json!({ "md5": [digests[0].1], "sha1": [digests[1].1], "contents": ["abc"] });
    assert_eq!(found(top.path(), all), ["abc"]);
}

#[test]
fn of_several_digests_one_must_match() {
    let top = tree(&[("abc", "abc"), ("other", "abd")]);
    let digest = "900150983cd24fb0d6963f7d28e17f72";
    let report = search(
        top.path(),
        json!({ "md5": ["00000000000000000000000000000000", digest] }),
    );
    assert_eq!(paths(&report, top.path()), ["abc"]);
    assert_eq!(
        report.findings[0]["matched"],
        json!([{ "filter": "md5", "value": digest }])
    );
}

#[test]
fn large_files_are_read_to_their_end() {
    let mut content = vec![b'x'; 3 << 20];
    content[(2 << 20) + 5] = b'\n';
    content.extend_from_slice(b"\nneedle");
    let top = tree(&[("large", content)]);
    let report = search(
        top.path(),
        json!({ "contents": ["^needle$", "!absent"], "sha2": [], "options": { "returnsha256": true } }),
    );
    assert_eq!(paths(&report, top.path()), ["large"]);
    assert_eq!(
        gaps(&report),
        ["long line: in lines over 1048576 bytes, only matches up to 65536 bytes are sure to be found = 1"]
    );
    assert!(report.coverage.complete);
    let sha256 = report.findings[0]["sha256"]
        .as_str()
        .expect("a digest")
        .to_owned();
    // With content that matches, the digest is compared as well.
    assert_eq!(
        found(top.path(), json!({ "contents": ["needle"], "sha2": [sha256] })),
        ["large"]
    );
    assert_eq!(
        found(top.path(), json!({ "contents": ["absent"], "sha2": [sha256] })),
        [""; 0]
    );
}

#[test]
fn files_that_threads_share_give_the_same_answers() {
    let line = b"some words in a line\n";
    let mut content = line.repeat((36 << 20) / line.len());
    content.extend_from_slice(b"needle");
    let top = tree(&[("large", content)]);
    for (patterns, macroal, is_found) in [
        (&["^needle$", "words"][..], false, true),
        (&["^needle$", "absent"], false, false),
        (&["!absent"], false, true),
        (&["!^needle$"], false, false),
        (&["e"], true, true),
        (&["words"], true, false),
        (&["!absent"], true, true),
    ] {
        let options = json!({ "macroal": macroal });
        assert_eq!(
            !contents(top.path(), patterns, options).is_empty(),
            is_found,
            "{patterns:?}"
        );
    }
    // Patterns that match make the digest needed; it is computed afterwards.
    let options = json!({ "returnsha256": true, "threads": 1 });
    let alone = search(top.path(), json!({ "contents": ["needle"], "options": options }));
    let shared = search(
        top.path(),
        json!({ "contents": ["needle"], "options": { "returnsha256": true } }),
    );
    assert!(alone.findings[0]["sha256"].is_string());
    assert_eq!(alone.findings, shared.findings);
}

#[test]
fn holes_change_no_answer() {
    let top = tree(&[("sparse", "start\n")]);
    let file = fs::File::options()
        .write(true)
        .open(top.path().join("sparse"))
        .expect("file opens");
    file.write_all_at(b"\nneedle\n", 64 << 30)
        .expect("a large sparse file");
    file.set_len(100 << 30).expect("a larger one");
    assert_eq!(
        contents(top.path(), &["^start$", "^needle$"], json!({})),
        ["sparse"]
    );
    assert_eq!(contents(top.path(), &[r"\x00{1000}"], json!({})), ["sparse"]);
    assert_eq!(contents(top.path(), &[r"needle.", "!absent"], json!({})), [""; 0]);
}

#[test]
fn compressed_files_are_decoded_when_asked() {
    let gzip = |text: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("memory is writable");
        encoder.finish().expect("memory is writable")
    };
    let twice = [gzip(b"one\n"), gzip(b"needle\n")].concat();
    let cut = twice[..twice.len() - 6].to_vec();
    let top = tree(&[("twice", twice), ("cut", cut), ("plain", b"needle\n".to_vec())]);
    assert_eq!(contents(top.path(), &["^needle$"], json!({})), ["plain"]);
    let report = search(
        top.path(),
        json!({ "contents": ["^needle$"], "options": { "decompress": true, "returnsha256": true } }),
    );
    assert_eq!(paths(&report, top.path()), ["cut", "plain", "twice"]);
    let finding = report
        .findings
        .iter()
        .find(|finding| {
            finding["path"]
                .as_str()
                .is_some_and(|path| path.ends_with("twice"))
        })
        .expect("it");
    assert_eq!(finding["decompressed"], json!(["gzip"]));
    // `printf 'one\nneedle\n' | sha256sum`
    assert_eq!(
        finding["sha256"],
        "567535715c18d1f8e66665badc0c3dab43293c27f1adc3738762a97680f62328"
    );
    assert_eq!(gaps(&report), ["file content: truncated gzip data = 1"]);
    // What could not be read to its end does not count as free of something.
    assert_eq!(
        contents(top.path(), &["!absent"], json!({ "decompress": true })),
        ["plain", "twice"]
    );
    // Two searches read the same file in two ways.
    let report = run(json!({
        "raw": { "paths": [top.path().join("twice")], "contents": [r"^\x1f\x8b"], "options": { "returnsha256": true } },
        "decoded": { "paths": [top.path().join("twice")], "contents": ["needle"], "options": { "decompress": true, "returnsha256": true } },
    }));
    assert_eq!(report.findings.len(), 2);
    assert_ne!(report.findings[0]["sha256"], report.findings[1]["sha256"]);
}

#[test]
fn bombs_end_in_coverage() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..64 {
        encoder.write_all(&zeros).expect("memory is writable");
    }
    let top = tree(&[("bomb", encoder.finish().expect("memory is writable"))]);
    let report = search(
        top.path(),
        json!({ "contents": ["needle"], "options": { "decompress": true } }),
    );
    let limit = "file content: limit reached: expansion = 200 times = 1".to_owned();
    assert!(gaps(&report).contains(&limit), "{:?}", gaps(&report));
    assert!(!report.found && !report.coverage.complete);
}
