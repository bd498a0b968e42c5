//! Files that many processes map.

use crate::victim::{PAGE, Victim, ask, file_with, pids, scene};
use serde_json::{Value, json};
use std::path::Path;

fn victims(count: usize, seed: u64, scenes: &[&str]) -> Vec<Victim> {
    (0..count).map(|_| Victim::new(seed, scenes)).collect()
}

fn expected(victims: &[Victim]) -> Vec<u32> {
    let mut pids: Vec<u32> = victims.iter().map(Victim::pid).collect();
    pids.sort_unstable();
    pids
}

fn search(victims: &[Victim], options: Value) -> Value {
    json!({"searches": {"s": {"pids": expected(victims), "contents": [victims[0].text()], "options": options}}})
}

#[test]
fn a_file_that_200_processes_map_is_read_once_and_credited_to_each() {
    let bytes = 4 << 20;
    let (_folder, path) = file_with(40, bytes, &[60, PAGE - 12, bytes - 24]);
    let victims = victims(200, 40, &[&whole(&path)]);
    let report = ask(&search(&victims, json!({"threads": 4})));
    assert_eq!(pids(&report), expected(&victims));
    for finding in &report.findings {
        assert_eq!(finding["matches"].as_array().unwrap().len(), 3);
    }
    let statistics = &report.statistics;
    let [read, saved] = ["file_bytes", "shared_bytes"].map(|name| statistics[name].as_u64().unwrap());
    // The file, the victims' program and their libraries, each once.
    assert!(read < 60 << 20, "{statistics}");
    assert!(saved > 190 * (bytes as u64), "{statistics}");
}

fn whole(path: &Path) -> String {
    scene("whole", path)
}

#[test]
fn matches_beyond_the_limit_of_a_file_are_found_by_processes_that_map_only_its_end() {
    let offsets: Vec<usize> = (0..64).map(|index| index * 1000).collect();
    let (_folder, path) = file_with(41, 16 * PAGE, &offsets);
    let both = [
        Victim::new(41, &[&whole(&path)]),
        Victim::new(41, &[&scene("lastpage", &path)]),
    ];
    let report = ask(&search(&both, json!({"max_matches": 2, "threads": 1})));
    assert_eq!(pids(&report), expected(&both));
    let last_page = report
        .findings
        .iter()
        .find(|finding| finding["pid"] == both[1].pid())
        .unwrap();
    let offsets: Vec<u64> = last_page["matches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["file_offset"].as_u64().unwrap())
        .collect();
    assert_eq!(offsets, [62_000, 63_000]);
}

#[test]
fn pages_that_are_not_in_memory_are_left_out_on_demand() {
    let (_folder, path) = file_with(42, 64 * PAGE, &[60]);
    let victim = Victim::new(42, &[&whole(&path)]);
    let report = victim.ask(json!({"contents": [victim.text()], "options": {"resident_only": true}}));
    // What was just written is in memory.
    assert!(report.found);
}
