//! Processes that come, go and change meanwhile.

use crate::victim::{Victim, ask, pids, text};
use gumshoe_module_memory::Memory;
use gumshoe_plugin_api::Status;
use gumshoe_plugin_api::harness::Harness;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn processes_that_start_and_end_all_the_time_do_no_harm() {
    let victim = Victim::new(90, &["anon"]);
    let storm = Victim::new(91, &["forks"]);
    for _ in 0..5 {
        let report = ask(
            &json!({"searches": {"s": {"names": ["memory-victim$"], "contents": [text(90)],
                                                    "options": {"matchall": true}}}}),
        );
        assert_eq!(pids(&report), [victim.pid()], "{:#?}", report.findings);
    }
    drop(storm);
}

#[test]
fn processes_that_run_one_program_after_the_other_do_no_harm() {
    let victim = Victim::new(94, &["anon"]);
    let restless = Victim::new(95, &["anon", "execs"]);
    for _ in 0..20 {
        let report = ask(
            &json!({"searches": {"s": {"pids": [victim.pid(), restless.pid()], "contents": [text(94)]}}}),
        );
        assert_eq!(pids(&report), [victim.pid()]);
    }
}

#[test]
fn victims_that_end_while_they_are_read_do_no_harm() {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                drop(Victim::new(92, &["boundaries", "sparse"]));
            }
        });
        let params = json!({"searches": {"s": {"names": ["memory-victim$"], "contents": [text(92)], "options": {"matchall": true}}}});
        for _ in 0..20 {
            let report = Harness::new("/").run::<Memory>(&params);
            assert_eq!(report.status, Status::Success, "{:?}", report.errors);
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn the_process_that_searches_is_left_out() {
    let kept: Vec<u8> = text(93).into_bytes();
    let report = ask(&json!({"searches": {"s": {"contents": [text(93)]}}}));
    assert!(!pids(&report).contains(&std::process::id()));
    drop(std::hint::black_box(kept));
}
