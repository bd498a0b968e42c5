//! Every kind of memory, and that looking leaves no trace.

use crate::victim::{HALF, PAGE, PROGRAM, Victim, addresses, file, file_with, scene, text};
use gumshoe_module_memory::Memory;
use gumshoe_plugin_api::harness::Harness;
use serde_json::{Value, json};
use std::process::Command;

/// Where the text is in files.
const OFFSET: usize = 60;

#[test]
fn texts_are_found_in_memory_without_a_file() {
    let scenes = [
        "anon",
        "heap",
        "huge",
        "protnone",
        "execonly",
        "sharedanon",
        "sparse",
        "reserved",
        "memfd",
    ];
    let victim = Victim::new(1, &scenes);
    assert_eq!(victim.found(), victim.texts());
}

#[test]
fn texts_are_found_on_the_stack() {
    let mut command = Command::new(PROGRAM);
    command.env("ON_STACK", "1");
    let victim = Victim::start(command, 2, &[]);
    let report = victim.ask(json!({"contents": [victim.text()], "regions": ["stack"]}));
    assert!(
        addresses(&report).contains(&victim.stack),
        "{:?}",
        report.findings
    );
}

#[test]
fn texts_are_found_in_files() {
    let files = ["clean", "sharedfile", "deleted"].map(|name| (name, file_with(3, PAGE, &[OFFSET])));
    let dirty = file_with(3, 3 * PAGE, &[]);
    let mut scenes: Vec<String> = files.iter().map(|(name, (_, path))| scene(name, path)).collect();
    scenes.push(scene("dirty", &dirty.1));
    let scenes: Vec<&str> = scenes.iter().map(String::as_str).collect();
    let victim = Victim::new(3, &scenes);
    let in_files = victim.scenes[..3]
        .iter()
        .map(|addresses| addresses[0] + OFFSET as u64);
    let mut expected: Vec<u64> = in_files.chain(victim.scenes[3].clone()).collect();
    expected.sort_unstable();
    assert_eq!(victim.found(), expected);
    let report = victim.ask(json!({"contents": [victim.text()], "options": {"max_matches": 100}}));
    let found = report.findings[0]["matches"].as_array().unwrap();
    let deleted = found
        .iter()
        .find(|found| found["file"].as_str().unwrap().ends_with(" (deleted)"))
        .unwrap();
    assert_eq!(
        (deleted["file_offset"].as_u64(), deleted["perms"].as_str()),
        (Some(60), Some("r--p"))
    );
}

#[test]
fn the_text_in_a_changed_page_is_that_of_the_process_and_not_that_of_the_file() {
    let (_folder, path) = file_with(4, 3 * PAGE, &[PAGE + 1, PAGE + 1000]);
    let victim = Victim::new(4, &[&scene("dirty", &path)]);
    let start = victim.scenes[0][0];
    // The scene overwrites the first of the two, a byte before it.
    assert_eq!(victim.found(), [start, start + 1000]);
}

#[test]
fn texts_over_all_boundaries_are_found() {
    let victim = Victim::new(5, &["boundaries", "holes"]);
    assert_eq!(victim.found(), victim.texts());
}

#[test]
fn texts_half_in_a_file_and_half_in_own_pages_are_found_once() {
    let mut content = vec![b'.'; 5 * PAGE];
    let text = text(6);
    content[PAGE - HALF..PAGE].copy_from_slice(&text.as_bytes()[..HALF]);
    content[2 * PAGE..2 * PAGE + HALF].copy_from_slice(&text.as_bytes()[HALF..]);
    content[5 * PAGE - HALF..].copy_from_slice(&text.as_bytes()[..HALF]);
    let (_folder, path) = file(&content);
    let victim = Victim::new(6, &[&scene("seams", &path)]);
    assert_eq!(victim.found(), victim.texts());
}

#[test]
fn a_file_with_thousands_of_changed_pages_is_searched_in_parts() {
    // More changed pages than one part of a file has.
    let pages = 10_000;
    let (_folder, path) = file_with(
        12,
        pages * PAGE,
        &[PAGE - HALF, (pages - 1) * PAGE - HALF, 9000 * PAGE + 7 * PAGE / 4],
    );
    let victim = Victim::new(12, &[&scene("patchwork", &path)]);
    let mut expected = victim.scenes[0].clone();
    expected.push(victim.scenes[0][0] + HALF as u64 - PAGE as u64 + (9000 * PAGE + 7 * PAGE / 4) as u64);
    expected.sort_unstable();
    assert_eq!(victim.found(), expected);
}

/// The slow twin is in the victim: it compares its memory byte for byte.
#[test]
fn in_any_mixture_of_pages_exactly_the_texts_are_found() {
    for seed in 1000..1016 {
        let (_folder, path) = file(b"");
        let victim = Victim::new(seed, &[&scene("mixture", &path)]);
        for options in [
            json!({"max_matches": 1000}),
            json!({"max_matches": 1000, "max_match_bytes": 24}),
        ] {
            let report = victim.ask(json!({"contents": [victim.text()], "options": options}));
            assert_eq!(addresses(&report), victim.texts(), "seed {seed}");
            assert!(report.coverage.complete, "{:?}", report.coverage);
        }
    }
}

#[test]
fn utf_16_is_found_when_asked_for() {
    let victim = Victim::new(7, &["wide", "anon"]);
    let [wide, plain] = [victim.scenes[0][0], victim.scenes[1][0]];
    assert_eq!(victim.found(), [plain]);
    let report = victim.ask(json!({"contents": [victim.text()], "wide": true}));
    let found: Vec<&Value> = report.findings[0]["matches"].as_array().unwrap().iter().collect();
    assert_eq!(found.len(), 2);
    let is_wide = |address: u64| {
        let text = format!("{address:#x}");
        found.iter().find(|found| found["address"] == text).unwrap()["wide"] == true
    };
    assert!(is_wide(wide) && !is_wide(plain));
}

#[test]
fn bytes_and_regexes_are_found_where_the_text_is() {
    let victim = Victim::new(8, &["anon"]);
    let text = victim.text();
    let hex: String = text.bytes().map(|byte| format!("{byte:02x} ")).collect();
    let masked = format!("{}?? {}", &hex[..6], &hex[9..]);
    let mixed: String = text
        .chars()
        .enumerate()
        .map(|(at, c)| if at % 2 == 0 { c.to_ascii_lowercase() } else { c })
        .collect();
    let class = format!("{}[A-Z]+{}", &text[..4], &text[20..]);
    for search in [
        json!({"bytes": [hex]}),
        json!({"bytes": [masked]}),
        json!({"contents": [format!("(?i){mixed}")]}),
        json!({"contents": [class]}),
    ] {
        let report = victim.ask(search.clone());
        assert_eq!(addresses(&report), victim.texts(), "{search}");
    }
}

#[test]
fn a_file_of_another_mount_namespace_is_read_and_not_the_one_of_the_same_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("library"), vec![b'x'; PAGE]).unwrap();
    let victim = Victim::new(9, &[&scene("namespace", folder.path())]);
    assert_eq!(victim.found(), victim.texts());
}

#[test]
fn looking_leaves_no_trace_and_huge_reservations_cost_nothing() {
    let (_folder, path) = file_with(10, 64 * PAGE, &[OFFSET]);
    let victim = Victim::new(10, &["sparse", "reserved", &scene("clean", &path)]);
    let state = || ["VmPTE", "VmRSS", "VmSwap", "RssFile", "RssAnon"].map(|name| victim.status(name));
    let before = state();
    let begin = std::time::Instant::now();
    assert_eq!(victim.found().len(), 3);
    assert_eq!(state(), before);
    assert!(begin.elapsed().as_secs() < 5, "{:?}", begin.elapsed());
}

/// A root folder other than `/` makes the module use nothing but files below it, as on systems that have or permit neither
/// `process_vm_readv` nor `PAGEMAP_SCAN`.
#[test]
fn without_the_newest_system_calls_the_same_is_found() {
    let root = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/proc", root.path().join("proc")).unwrap();
    let (_folder, path) = file_with(11, PAGE, &[OFFSET]);
    let (_mixed, mixture) = file(b"");
    let scenes = ["anon", "protnone", "boundaries", "holes", "sparse", "reserved"];
    let with_files = [scene("clean", &path), scene("mixture", &mixture)];
    let scenes: Vec<&str> = scenes
        .into_iter()
        .chain(with_files.iter().map(String::as_str))
        .collect();
    let victim = Victim::new(11, &scenes);
    let search =
        json!({"pids": [victim.pid()], "contents": [victim.text()], "options": {"max_matches": 200}});
    let report = Harness::new(root.path()).run::<Memory>(&json!({"searches": {"s": search}}));
    assert_eq!(addresses(&report), victim.found());
    assert!(report.findings[0]["matches"].as_array().unwrap().len() > 30);
}
