//! Signs of injected or replaced code.

use crate::victim::{PROGRAM, Victim};
use gumshoe_plugin_api::Report;
use serde_json::{Value, json};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const ALL: [&str; 6] = [
    "anon_exec",
    "write_exec",
    "deleted_exe",
    "memfd_exe",
    "modified_code",
    "exe_mismatch",
];

fn signs(report: &Report) -> Vec<Value> {
    report.findings.first().map_or_else(Vec::new, |finding| {
        finding["anomalies"].as_array().unwrap().clone()
    })
}

fn kinds(report: &Report) -> Vec<String> {
    signs(report)
        .iter()
        .map(|sign| sign["kind"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn an_ordinary_process_shows_none() {
    let victim = Victim::new(60, &["anon"]);
    let report = victim.ask(json!({"anomalies": ALL}));
    assert_eq!(kinds(&report), Vec::<String>::new());
    assert!(report.coverage.complete, "{:?}", report.coverage);
}

#[test]
fn signs_in_memory_are_found_where_they_are() {
    for (scene, expected) in [
        ("anonexec", vec!["anon_exec"]),
        ("writeexec", vec!["anon_exec", "write_exec"]),
        ("memfdexec", vec!["memfd_exe"]),
        ("modified", vec!["modified_code"]),
        ("mismatch", vec!["anon_exec", "exe_mismatch"]),
    ] {
        let victim = Victim::new(61, &[scene]);
        let report = victim.ask(json!({"anomalies": ALL}));
        assert_eq!(kinds(&report), expected, "{scene}: {:?}", report.findings);
        let address = format!("{:#x}", victim.scenes[0][0]);
        let found = signs(&report);
        assert_eq!(found.last().unwrap()["address"], address, "{scene}: {found:?}");
    }
}

#[test]
fn changed_code_is_counted_by_the_byte() {
    let victim = Victim::new(62, &["modified"]);
    let found = signs(&victim.ask(json!({"anomalies": ["modified_code"]})));
    assert_eq!((found.len(), found[0]["bytes"].as_u64()), (1, Some(2)));
    assert!(found[0]["file"].as_str().unwrap().ends_with("memory-victim"));
}

#[test]
fn a_deleted_program_is_found() {
    // A copy could not be started while another test starts a process, which for a moment holds the copy open for writing.
    let folder = tempfile::tempdir_in(Path::new(PROGRAM).parent().unwrap()).unwrap();
    let path = folder.path().join("linked-victim");
    std::fs::hard_link(PROGRAM, &path).unwrap();
    let victim = Victim::start(Command::new(&path), 63, &["anon"]);
    std::fs::remove_file(&path).unwrap();
    let report = victim.ask(json!({"anomalies": ALL}));
    assert_eq!(kinds(&report), ["deleted_exe"]);
    // Its name is still that of the file, and its memory is searched like any other.
    let all =
        json!({"names": ["/linked-victim$"], "contents": [victim.text()], "options": {"matchall": true}});
    assert!(victim.ask(all).found);
}

#[test]
fn a_program_that_was_never_in_a_folder_is_found() {
    let file = rustix::fs::memfd_create("hidden", rustix::fs::MemfdFlags::empty()).unwrap();
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    rustix::io::write(&file, &std::fs::read(PROGRAM).unwrap()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let victim = Victim::start(Command::new(&path), 64, &["anon"]);
    let report = victim.ask(json!({"anomalies": ["memfd_exe", "deleted_exe"]}));
    let mut kinds = kinds(&report);
    kinds.dedup();
    assert_eq!(kinds, ["memfd_exe"]);
    let exe = report.findings[0]["exe"].as_str().unwrap();
    assert!(exe.starts_with("/memfd:hidden"), "{exe}");
}

#[test]
fn with_matchall_a_sign_and_the_content_must_be_there() {
    let victim = Victim::new(65, &["writeexec", "anon"]);
    for (anomaly, content, expected) in [
        ("write_exec", victim.text(), true),
        ("deleted_exe", victim.text(), false),
        ("write_exec", "absent[0-9]{8}".to_owned(), false),
    ] {
        let options = json!({"matchall": true});
        let report = victim.ask(json!({"anomalies": [anomaly], "contents": [content], "options": options}));
        assert_eq!(report.found, expected, "{anomaly} {content}");
    }
}
