//! What could not be looked at is said.

use crate::victim::{PAGE, Victim, ask, file_with, scene, skipped};
use gumshoe_module_memory::Memory;
use gumshoe_plugin_api::harness::Harness;
use gumshoe_plugin_api::{Limits, Status};
use serde_json::json;

#[test]
fn a_complete_answer_says_so() {
    let victim = Victim::new(80, &["anon"]);
    let report = victim.ask(json!({"contents": ["absent[0-9]{8}z"]}));
    assert!(!report.found && report.coverage.complete, "{:?}", report.coverage);
    assert_eq!(report.statistics["processes"], 1);
}

#[test]
fn what_was_swapped_out_is_read_within_the_budget_only() {
    let victim = Victim::new(84, &["swapped"]);
    let swapped = victim.status("VmSwap") << 10;
    let ask =
        |budget: u64| victim.ask(json!({"contents": [victim.text()], "options": {"swap_bytes": budget}}));
    let report = ask(0);
    if swapped == 0 {
        // A machine without swap keeps it in memory.
        assert!(report.found && report.coverage.complete, "{:?}", report.coverage);
        return;
    }
    assert!(!report.found);
    assert_eq!(skipped(&report, "process memory", "swapped out"), Some(swapped));
    assert_eq!(victim.status("VmSwap") << 10, swapped, "looking does not swap in");
    assert!(ask(swapped).found);
}

#[test]
fn a_root_folder_without_processes_is_not_passed_off_as_a_quiet_host() {
    let root = tempfile::tempdir().unwrap();
    let report =
        Harness::new(root.path()).run::<Memory>(&json!({"searches": {"s": {"contents": ["absent"]}}}));
    assert_eq!(
        (report.status, report.found),
        (Status::Success, false),
        "{:?}",
        report.errors
    );
    assert!(!report.coverage.complete);
}

#[test]
fn what_the_limit_of_bytes_left_out_is_no_proof_of_absence() {
    let victim = Victim::new(85, &["anon"]);
    let limited = |bytes: u64| {
        victim.ask(json!({"contents": ["absent[0-9]{8}z"], "options": {"max_bytes": bytes, "threads": 1}}))
    };
    let report = limited(1 << 16);
    assert!(!report.coverage.complete);
    let why = "limit reached: max_bytes = 65536";
    assert!(
        skipped(&report, "rest of the memory", why).is_some(),
        "{:?}",
        report.coverage
    );
    let read = |report: &gumshoe_plugin_api::Report| {
        report.statistics["process_bytes"].as_u64().unwrap()
            + report.statistics["file_bytes"].as_u64().unwrap()
    };
    assert!(read(&report) <= 1 << 16, "{}", report.statistics);
    assert!(limited(1 << 40).coverage.complete);
}

#[test]
fn a_share_of_the_processor_changes_nothing_but_the_time() {
    let victim = Victim::new(86, &["anon"]);
    let report = victim.ask(json!({"contents": [victim.text()], "options": {"cpu_percent": 50}}));
    assert!(report.found && report.coverage.complete, "{:?}", report.coverage);
}

/// Root, for its own process, may look into everything; so a thread of this test gives that up.
#[test]
fn a_process_of_somebody_else_is_not_passed_off_as_clean() {
    let ask = || {
        become_nobody();
        ask(
            &json!({"searches": {"s": {"pids": [1], "contents": ["absent[0-9]{8}z"], "options": {"threads": 1}}}}),
        )
    };
    let report = std::thread::spawn(ask).join().unwrap();
    assert!(!report.coverage.complete);
    assert_eq!(
        skipped(&report, "process", "permission denied"),
        Some(0),
        "{:?}",
        report.coverage
    );
}

#[allow(unsafe_code, reason = "the wrapper of the C library would change all threads")]
fn become_nobody() {
    // SAFETY: changes the credentials of this thread alone.
    unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
}

#[test]
fn pages_behind_the_end_of_a_file_are_no_failure() {
    let (_folder, path) = file_with(81, PAGE + 100, &[PAGE + 70]);
    let victim = Victim::new(81, &[&scene("beyond", &path)]);
    assert_eq!(victim.found(), [victim.scenes[0][0] + PAGE as u64 + 70]);
    assert!(
        victim
            .ask(json!({"contents": ["absent[0-9]{8}z"]}))
            .coverage
            .complete
    );
}

#[test]
fn a_file_that_was_cut_short_does_not_end_the_search() {
    let (_folder, path) = file_with(82, 4 * PAGE, &[60, 3 * PAGE]);
    let victim = Victim::new(82, &[&scene("truncate", &path)]);
    assert_eq!(victim.found(), [victim.scenes[0][0] + 60, victim.scenes[0][1]]);
}

#[test]
fn failures_are_listed_on_demand() {
    let report = ask(
        &json!({"searches": {"s": {"pids": [1], "names": ["x"], "contents": ["absent[0-9]{8}z"],
                                                "options": {"logfailures": true}}}}),
    );
    // Either this test may look into the first process, or it is told why not.
    assert_eq!(
        report.coverage.complete,
        report.errors.is_empty(),
        "{:?}",
        report.errors
    );
}

#[test]
fn a_limit_ends_the_search_and_is_named() {
    let victims = [
        Victim::new(83, &["anon"]),
        Victim::new(83, &["anon"]),
        Victim::new(83, &["anon"]),
    ];
    let pids: Vec<u32> = victims.iter().map(Victim::pid).collect();
    let params = json!({"searches": {"s": {"pids": pids, "contents": [victims[0].text()], "options": {"threads": 1}}}});
    let limits = Limits {
        findings: 1,
        ..Limits::default()
    };
    let report = Harness::new("/").limits(limits).run::<Memory>(&params);
    assert_eq!(report.findings.len(), 1);
    assert!(
        skipped(&report, "process", "limit of findings reached").is_some(),
        "{:?}",
        report.coverage
    );
    let report = Harness::new("/").cancel_after(1).run::<Memory>(&params);
    assert_eq!((report.status, report.findings.len()), (Status::Cancelled, 1));
    assert!(
        skipped(&report, "process", "cancelled").is_some(),
        "{:?}",
        report.coverage
    );
}
