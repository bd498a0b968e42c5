//! `docs/sandbox.md` says what the data says. `BLESS=1` writes its tables anew; review the difference.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use gumshoe_walls::rules::{self, Call, For, Test};
use gumshoe_walls::{CAPABILITIES, Need};
use std::fmt::Write;
use std::path::Path;

/// Everything after this line of the page is made here.
const MARK: &str =
    "<!-- Made from the data in agent/walls by `BLESS=1 cargo test -p gumshoe-walls --test page`. -->\n";

#[test]
#[cfg(target_arch = "x86_64")]
fn the_page_has_the_tables_of_the_data() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sandbox.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (words, tables) = page.split_once(MARK).unwrap();
    let made = made();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{words}{MARK}{made}")).unwrap();
    } else {
        assert_eq!(tables, made);
    }
}

fn made() -> String {
    let mut page = String::new();
    capabilities(&mut page);
    allowed(&mut page);
    refused(&mut page);
    page
}

fn capabilities(page: &mut String) {
    page.push_str(
        "\n## Capabilities that a runner keeps\n\nAll others are gone, from the bounding set too.\n\n",
    );
    page.push_str("| privilege | capability | what for |\n| --- | --- | --- |\n");
    for kept in CAPABILITIES {
        let need = kept.need.name();
        writeln!(page, "| `{need}` | `CAP_{}` | {} |", kept.name, kept.why).unwrap();
    }
}

fn allowed(page: &mut String) {
    page.push_str("\n## System calls that are allowed\n\nOn x86-64; 64-bit ARM has the same without the older forms.\n\n");
    page.push_str("| who | why | calls |\n| --- | --- | --- |\n");
    for group in rules::groups() {
        let calls = list(group.calls, |call| format!("`{}`{}", call.name, tests(call)));
        writeln!(page, "| {} | {} | {calls} |", who(group.to), group.why).unwrap();
    }
}

fn refused(page: &mut String) {
    let names = |calls: &[Call]| list(calls, |call| format!("`{}`", call.name));
    page.push_str("\n## System calls that are refused\n\n| answer | calls |\n| --- | --- |\n");
    let rows = [
        ("the process is killed (SIGSYS)", names(rules::FATAL)),
        ("`ENOSYS`: libraries take an older way", names(rules::UNKNOWN)),
        (
            "`EPERM` once the plugin is loaded, if they make memory executable",
            names(rules::NEW_CODE),
        ),
        ("`EPERM`", "all others".to_owned()),
    ];
    for (answer, calls) in rows {
        writeln!(page, "| {answer} | {calls} |").unwrap();
    }
    page.push_str(
        "\nA call that is allowed to a process by the table above is not refused to it by this one.\n",
    );
}

fn list(calls: &[Call], word: impl Fn(&Call) -> String) -> String {
    calls.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn who(to: For) -> String {
    match to {
        For::Everyone => "everyone".to_owned(),
        For::Courier => "courier".to_owned(),
        For::Runners => "runners".to_owned(),
        For::RunnersWith(need) => format!("runners with `{}`", need.name()),
    }
}

/// The tests of a call, arguments counted from 1 as manuals do.
fn tests(call: &Call) -> String {
    let words = |test: &Test| match *test {
        Test::Clear { argument, bits } => format!("argument {} without {bits:#x}", argument + 1),
        Test::Set { argument, bits } => format!("argument {} with {bits:#x}", argument + 1),
        Test::Is { argument, value } => format!("argument {} = {value:#x}", argument + 1),
        Test::Null { argument } => format!("argument {} null", argument + 1),
        Test::OwnProcess { argument } => format!("argument {} = own process", argument + 1),
    };
    let all: Vec<String> = call.tests.iter().map(words).collect();
    if all.is_empty() {
        return String::new();
    }
    format!(" ({})", all.join(", "))
}

#[test]
fn every_privilege_of_the_data_has_a_name_of_its_own() {
    let mut names: Vec<&str> = Need::ALL.iter().map(|need| need.name()).collect();
    names.dedup();
    assert_eq!(names.len(), Need::ALL.len());
}
