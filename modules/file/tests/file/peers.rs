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

use crate::support::{found, paths, run, search};

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

/// Names, as ours and as `find -name` has them.
const NAMES: [(&str, &str); 4] = [
    ("^f1", "f1*"),
    (r"\.txt$", "*.txt"),
    (r"[0-4]\.log$", "*[0-4].log"),
    ("^d", "d*"),
];
/// Lines, as both ours and `grep -E` have them.
const LINES: [&str; 8] = ["a", "^b", "c$", "a b", "b{2}", "^$", "(ab|ca)", "^[^a]*$"];

/// One condition.
#[derive(Debug, Clone)]
enum Asked {
    Name {
        index: usize,
        negated: bool,
    },
    Size {
        sign: usize,
        bytes: u8,
    },
    Line {
        index: usize,
        negated: bool,
        any_case: bool,
    },
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        (0..NAMES.len(), any::<bool>()).prop_map(|(index, negated)| Asked::Name { index, negated }),
        (0..3_usize, 0_u8..40).prop_map(|(sign, bytes)| Asked::Size { sign, bytes }),
        (0..LINES.len(), any::<bool>(), any::<bool>()).prop_map(|(index, negated, any_case)| Asked::Line {
            index,
            negated,
            any_case
        }),
    ]
}

impl Asked {
    /// Our filter and its value.
    fn ours(&self) -> (&'static str, String) {
        let bang = |negated: bool| if negated { "!" } else { "" };
        match *self {
            Self::Name { index, negated } => ("names", format!("{}{}", bang(negated), NAMES[index].0)),
            Self::Size { sign, bytes } => ("sizes", format!("{}{bytes}", ["<", "", ">"][sign])),
            Self::Line {
                index,
                negated,
                any_case,
            } => (
                "contents",
                format!(
                    "{}{}{}",
                    bang(negated),
                    if any_case { "(?i)" } else { "" },
                    LINES[index]
                ),
            ),
        }
    }

    /// What the others say.
    fn theirs(&self, top: &Path) -> BTreeSet<String> {
        let find = |arguments: &[&str]| ask(top, "find", &[&[".", "-type", "f"], arguments].concat());
        match *self {
            Self::Name {
                index,
                negated: false,
            } => find(&["-name", NAMES[index].1]),
            Self::Name { index, negated: true } => find(&["!", "-name", NAMES[index].1]),
            Self::Size { sign, bytes } => find(&["-size", &format!("{}{bytes}c", ["-", "", "+"][sign])]),
            Self::Line {
                index,
                negated,
                any_case,
            } => {
                let list = if negated { "-L" } else { "-l" };
                let case = if any_case { "-i" } else { "--no-ignore-case" };
                ask(top, "grep", &["-r", list, case, "-E", LINES[index], "."])
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn combined_conditions_agree_with_find_and_grep(
        files in proptest::collection::vec(
            (proptest::collection::vec(0_u8..3, 0..3), 0_u8..8, Just(0o644), "[abcA \n]{0,40}"), 1..12),
        questions in proptest::collection::vec(proptest::collection::vec(asked(), 1..4), 1..4),
        match_all in any::<bool>(),
    ) {
        let top = tempfile::tempdir().expect("a temporary folder");
        make(top.path(), &files);
        // All questions are put in one run, and each is answered as if it were alone.
        let mut searches = json!({});
        for (number, question) in questions.iter().enumerate() {
            let mut search = json!({ "paths": [top.path()], "options": { "matchall": match_all } });
            for (filter, value) in question.iter().map(Asked::ours) {
                if search.get(filter).is_none() {
                    search[filter] = json!([]);
                }
                search[filter].as_array_mut().expect("a list").push(value.into());
            }
            searches[format!("q{number}")] = search;
        }
        let mut report = run(searches);
        let findings = std::mem::take(&mut report.findings);
        for (number, question) in questions.iter().enumerate() {
            report.findings = findings.iter().filter(|finding| finding["search"] == format!("q{number}")).cloned().collect();
            let sets = question.iter().map(|asked| asked.theirs(top.path()));
            let expected = sets.reduce(|one, other| if match_all { &one & &other } else { &one | &other });
            let ours: BTreeSet<String> = paths(&report, top.path()).into_iter().collect();
            prop_assert_eq!(ours.len(), report.findings.len(), "found twice");
            prop_assert_eq!(Some(ours), expected, "{:?}", question);
        }
    }
}
