//! What narrows a search down.

use crate::victim::{Victim, addresses, ask, file_with, pids, scene};
use gumshoe_module_memory::Memory;
use gumshoe_plugin_api::harness::{self, Harness};
use serde_json::json;

#[test]
fn names_users_and_pids_narrow_down() {
    let [one, other] = [Victim::new(20, &["anon"]), Victim::new(20, &["anon"])];
    let mut both = [one.pid(), other.pid()];
    both.sort_unstable();
    let uid = rustix::process::geteuid().as_raw().to_string();
    let text = one.text();
    for (search, expected) in [
        (
            json!({"names": ["memory-victim$"], "contents": [text]}),
            both.to_vec(),
        ),
        (json!({"names": ["/another$"], "contents": [text]}), vec![]),
        (
            json!({"contents": [text], "pids": [other.pid()]}),
            vec![other.pid()],
        ),
        (json!({"contents": [text], "users": [uid]}), both.to_vec()),
        (json!({"contents": [text], "users": ["4294967294"]}), vec![]),
    ] {
        let mut search = search;
        search["options"] = json!({"matchall": true});
        let mut found = pids(&ask(&json!({"searches": {"s": search}})));
        // Other tests that run at the same time have copies of what they read.
        found.retain(|pid| both.contains(pid));
        assert_eq!(found, expected, "{search}");
    }
}

#[test]
fn without_matchall_each_filter_finds_for_itself() {
    let victim = Victim::new(21, &["anon"]);
    let search = |matchall: bool| {
        json!({"names": ["memory-victim$", "/another$"], "libraries": ["libc[.-]"], "contents": [victim.text(), "absent[0-9]{9}x"],
               "options": {"matchall": matchall}})
    };
    assert!(!victim.ask(search(true)).found);
    let report = victim.ask(search(false));
    let matches = report.findings[0]["matches"].as_array().unwrap();
    let filters: Vec<&str> = matches
        .iter()
        .map(|found| found["filter"].as_str().unwrap())
        .collect();
    assert_eq!(filters, ["name", "library", "content"]);
    assert!(matches[1]["file"].as_str().unwrap().contains("libc"));
}

#[test]
fn regions_narrow_down() {
    let (_folder, path) = file_with(22, 4096, &[60]);
    let victim = Victim::new(22, &["anon", "heap", &scene("clean", &path), "execonly"]);
    let at = |scene: usize| victim.scenes[scene][0] + if scene == 2 { 60 } else { 0 };
    for (regions, expected) in [
        (vec!["heap"], vec![at(1)]),
        (vec!["file"], vec![at(2)]),
        (vec!["exec"], vec![at(3)]),
        (vec!["anon"], vec![at(0), at(3)]),
        (vec!["write"], vec![at(0), at(1)]),
        (vec!["stack"], vec![]),
        (vec!["heap", "exec"], vec![at(1), at(3)]),
    ] {
        let mut expected = expected;
        expected.sort_unstable();
        let report = victim.ask(json!({"contents": [victim.text()], "regions": regions}));
        assert_eq!(addresses(&report), expected, "{regions:?}");
    }
}

#[test]
fn offset_and_length_narrow_down() {
    let victim = Victim::new(23, &["boundaries"]);
    let texts = victim.texts();
    let from = |options| addresses(&victim.ask(json!({"contents": [victim.text()], "options": options})));
    let middle = texts[20];
    assert_eq!(from(json!({"offset": middle, "max_matches": 100})), texts[20..]);
    for (maxlength, expected) in [(24, vec![middle]), (23, vec![])] {
        assert_eq!(from(json!({"offset": middle, "maxlength": maxlength})), expected);
    }
    assert_eq!(from(json!({"maxlength": 1})), Vec::<u64>::new());
}

#[test]
fn matches_beyond_the_limit_are_named() {
    let victim = Victim::new(24, &["boundaries"]);
    let report =
        victim.ask(json!({"contents": [victim.text(), "zzz[0-9]{5}yyy"], "options": {"max_matches": 3}}));
    assert_eq!(addresses(&report), victim.texts()[..3]);
    assert_eq!(
        report.findings[0]["limited"],
        json!([format!("content {}", victim.text())])
    );
}

#[test]
fn searches_share_one_look_and_answer_each_for_itself() {
    let victim = Victim::new(25, &["anon", "heap"]);
    let pid = json!([victim.pid()]);
    let report = ask(&json!({"searches": {
        "heap": {"pids": pid, "contents": [victim.text()], "regions": ["heap"]},
        "all": {"pids": pid, "contents": [victim.text()]},
        "none": {"pids": pid, "contents": ["zzz[0-9]{5}yyy"]},
        "other": {"pids": [1], "contents": [victim.text()]},
    }}));
    let counts: Vec<(&str, usize)> = report
        .findings
        .iter()
        .map(|finding| {
            (
                finding["search"].as_str().unwrap(),
                finding["matches"].as_array().unwrap().len(),
            )
        })
        .collect();
    assert_eq!(counts, [("all", 2), ("heap", 1)]);
}

#[test]
fn findings_say_who_the_process_is() {
    let victim = Victim::new(26, &["anon"]);
    let report = victim.ask(json!({"contents": [victim.text()]}));
    let finding = &report.findings[0];
    assert_eq!(finding["comm"], "memory-victim");
    assert_eq!(
        finding["exe"],
        std::fs::canonicalize(crate::victim::PROGRAM)
            .unwrap()
            .to_str()
            .unwrap()
    );
    assert!(finding["build_id"].as_str().unwrap().len() >= 16);
    assert!(finding["start_time"].as_str().unwrap().ends_with('Z'));
    let found = &finding["matches"][0];
    assert_eq!(
        (found["region"].as_str(), found["perms"].as_str()),
        (Some("anon"), Some("rw-p"))
    );
    assert_eq!(found["length"], 24);
    let report = report.findings[0].to_string();
    assert!(
        report.matches(&victim.text()).count() == 1,
        "the pattern is repeated, the content is not: {report}"
    );
}

#[test]
fn the_declaration_and_its_examples_hold() {
    assert_eq!(harness::conforms::<Memory>(), Vec::<String>::new());
}

#[test]
fn wrong_parameters_are_named_before_anything_runs() {
    for (search, pointer) in [
        (json!({"contents": ["("]}), "/searches/s/contents/0"),
        (json!({"contents": ["a*"]}), "/searches/s/contents/0"),
        (json!({"bytes": ["0g"]}), "/searches/s/bytes/0"),
        (
            json!({"contents": ["[^a]{3}"], "wide": true}),
            "/searches/s/contents/0",
        ),
        (json!({"names": ["["]}), "/searches/s/names/0"),
        (json!({}), "/searches/s"),
        (
            json!({"contents": ["a"], "options": {"max_matches": 0}}),
            "/searches/s/options/max_matches",
        ),
        (json!({"content": ["a"]}), "/searches/s"),
    ] {
        let problems = harness::plan::<Memory>(&json!({"searches": {"s": search}})).unwrap_err();
        assert!(problems.to_string().contains(pointer), "{search}: {problems}");
    }
}

#[test]
fn a_fixture_is_searched_like_a_host() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("proc/7");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::create_dir_all(root.path().join("etc")).unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(root.path().join(name), bytes).unwrap();
    put("proc/stat", b"btime 1000\n");
    put("etc/passwd", b"joe:x:5:5::/:/bin/sh\n");
    put(
        "proc/7/stat",
        b"7 (x y) S 1 7 7 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 250 1000",
    );
    put("proc/7/status", b"Uid:\t1\t5\t1\t1\n");
    put(
        "proc/7/cgroup",
        format!("0::/system.slice/docker-{}.scope\n", "a1".repeat(32)).as_bytes(),
    );
    std::os::unix::fs::symlink("/opt/x", folder.join("exe")).unwrap();
    put(
        "proc/7/maps",
        b"1000-4000 rw-p 00000000 00:00 0                          [heap]\n",
    );
    let mut memory = vec![0; 0x4000];
    memory[0x1ffc..0x2004].copy_from_slice(b"a needle");
    memory[0x3000..0x3008].copy_from_slice(b"a needle");
    put("proc/7/mem", &memory);
    // Of the three pages two are in memory.
    let entries = [0, 1 << 63, 1 << 63, 0_u64].map(u64::to_ne_bytes).concat();
    put("proc/7/pagemap", &entries);
    let search = json!({"users": ["joe"], "names": ["^/opt/x$"], "contents": ["a needle"], "options": {"matchall": true}});
    let report = Harness::new(root.path()).run::<Memory>(&json!({"searches": {"s": search}}));
    let expected = json!({
        "search": "s", "pid": 7, "start_time": "1970-01-01T00:16:42.500Z", "exe": "/opt/x", "comm": "x y", "uid": 5, "user": "joe",
        "container": {"id": "a1".repeat(32), "runtime": "docker", "cgroup": format!("/system.slice/docker-{}.scope", "a1".repeat(32))},
        "matches": [
            {"filter": "name", "pattern": "^/opt/x$"},
            {"filter": "content", "pattern": "a needle", "address": "0x1ffc", "length": 8, "region": "heap", "perms": "rw-p"},
        ],
    });
    assert_eq!(report.findings, [expected]);
    assert!(report.coverage.complete, "{:?}", report.coverage);
}
