//! The same questions put to `find`, `grep` and `sha256sum`, on generated trees.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{found, paths, search};

/// Lines that a command prints about a folder, as paths relative to it.
fn ask(top: &Path, command: &str, arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(command)
        .args(arguments)
        .current_dir(top)
        .env("LC_ALL", "C")
        .output();
    let output = output.expect("this test needs find, grep and sha256sum");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines()
        .map(|line| line.trim_start_matches("./").to_owned())
        .collect()
}

fn ours(top: &Path, filters: Value) -> BTreeSet<String> {
    let found = found(top, filters);
    let unique: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(unique.len(), found.len(), "found twice");
    unique
}

/// A file: folders, name, size class, mode, text.
type Spec = (Vec<u8>, u8, u16, String);

fn make(top: &Path, files: &[Spec]) {
    for (folders, name, mode, text) in files {
        let folder = folders
            .iter()
            .fold(top.to_owned(), |path, folder| path.join(format!("d{folder}")));
        fs::create_dir_all(&folder).expect("folders are made");
        let path: PathBuf = folder.join(format!("f{name}.{}", if name % 2 == 0 { "txt" } else { "log" }));
        fs::write(&path, text).expect("file is made");
        fs::set_permissions(&path, fs::Permissions::from_mode(u32::from(*mode))).expect("mode is set");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn answers_agree_with_find_grep_and_sha256sum(
        files in proptest::collection::vec(
            (proptest::collection::vec(0_u8..4, 0..4), 0_u8..8, 0_u16..0o10000, "[abc \n]{0,40}"), 1..30),
    ) {
        let top = tempfile::tempdir().expect("a temporary folder");
        make(top.path(), &files);
        let at = top.path();
        let find = |arguments: &[&str]| ask(at, "find", &[&[".", "-type", "f"], arguments].concat());
        prop_assert_eq!(ours(at, json!({ "names": [r"\.txt$"] })), find(&["-name", "*.txt"]));
        prop_assert_eq!(ours(at, json!({ "sizes": [">16"] })), find(&["-size", "+16c"]));
        prop_assert_eq!(ours(at, json!({ "sizes": ["<16", ">3"] })), find(&["-size", "-16c", "-size", "+3c"]));
        prop_assert_eq!(ours(at, json!({ "modes": ["^-..[sS]"] })), find(&["-perm", "-4000"]));
        prop_assert_eq!(ours(at, json!({ "modes": ["^-.......w"] })), find(&["-perm", "-o=w"]));
        prop_assert_eq!(ours(at, json!({ "options": { "maxdepth": 1 } })), find(&["-maxdepth", "2"]));
        let grep = |arguments: &[&str]| ask(at, "grep", &[&["-r"], arguments, &["."]].concat());
        prop_assert_eq!(ours(at, json!({ "contents": ["^a.*b$"] })), grep(&["-l", "-E", "^a.*b$"]));
        prop_assert_eq!(ours(at, json!({ "contents": ["!a b"] })), grep(&["-L", "a b"]));
        prop_assert_eq!(ours(at, json!({ "contents": ["aa|bb", "c"] })),
            grep(&["-l", "-E", "aa|bb"]).intersection(&grep(&["-l", "c"])).cloned().collect::<BTreeSet<_>>());
        prop_assert_eq!(ours(at, json!({ "contents": ["[a-c]"], "options": { "macroal": true } })),
            find(&[]).difference(&grep(&["-l", "-v", "[a-c]"])).cloned().collect::<BTreeSet<_>>());
        let report = search(at, json!({ "options": { "returnsha256": true } }));
        let digests: BTreeSet<String> = report.findings.iter().map(|finding| {
            let path = Path::new(finding["path"].as_str().expect("text")).strip_prefix(at).expect("below").to_str().expect("text");
            format!("{}  ./{path}", finding["sha256"].as_str().expect("a digest"))
        }).collect();
        let theirs: BTreeSet<String> = ask(at, "find", &[".", "-type", "f", "-exec", "sha256sum", "{}", "+"]);
        prop_assert_eq!(&digests, &theirs);
        let digest = theirs.first().and_then(|line| line.get(..64)).expect("a digest").to_owned();
        let same: BTreeSet<String> = theirs.iter().filter(|line| line.starts_with(&digest)).map(|line| line[68..].to_owned()).collect();
        prop_assert_eq!(ours(at, json!({ "sha2": [digest] })), same);
        prop_assert_eq!(paths(&report, at).len(), find(&[]).len());
    }
}
