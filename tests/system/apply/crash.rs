//! The agent is killed at every step, and the disk runs full: nothing runs twice, nothing is forgotten.

use gumshoe_tests::signed::{People, action, fed, kinds, messages};
use gumshoe_tests::{Disk, Host, Running, wait_until};
use rustix::fs::inotify;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

/// The system calls by which the agent changes files or tells somebody something.
const STEPS: [&str; 8] = [
    "mkdir",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "ftruncate",
    "unlink",
];

/// A host that is asked to read one file, and counts how often that is opened.
struct Scene {
    host: Host,
    envelope: String,
    watch: OwnedFd,
}

impl Scene {
    fn new(people: &People) -> Self {
        let host = Host::with("file");
        people.write_policy(&host, "");
        let folder = host.path("root");
        std::fs::write(folder.join("bait"), "a needle\n").unwrap();
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
        inotify::add_watch(&watch, folder.join("bait"), inotify::WatchFlags::OPEN).unwrap();
        let search = json!({ "searches": { "bait": { "paths": [folder], "contents": ["needle"] } } });
        Self {
            envelope: people.action(&action("file", search), &["olga"]),
            host,
            watch,
        }
    }

    fn apply(&self) -> (i32, Vec<Value>) {
        let (ended, messages) = self.host.apply(&self.envelope, &[]);
        (ended.code, messages)
    }

    /// How often the operation has run since this was last asked.
    fn opened(&self) -> usize {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.watch, &mut buffer);
        let mut count = 0;
        while reader.next().is_ok() {
            count += 1;
        }
        count
    }

    /// The command that applies an envelope under strace(1), which follows no other process and thread.
    fn traced(&self, options: &[&str]) -> Command {
        let apply = self.host.trusting_agent(&["apply", "--json"]);
        let mut strace = Command::new("strace");
        strace.args(["-o", "/dev/null"]).args(options);
        strace.arg("--").arg(apply.get_program()).args(apply.get_args());
        strace.envs(apply.get_envs().filter_map(|(key, value)| Some((key, value?))));
        strace
    }

    /// Applies the envelope and kills the agent before it does `step` for the `count`th time. Returns what it had
    /// said by then; `None` when it came to its end before.
    fn killed_before(&self, step: &str, count: u32) -> Option<Vec<Value>> {
        let inject = format!("inject={step}:signal=KILL:when={count}");
        let ended = fed(
            self.traced(&["-e", &format!("trace={step}"), "-e", &inject]),
            &self.envelope,
        );
        // strace ends as the program did.
        (ended.code != 0).then(|| messages(&ended.stdout))
    }
}

#[test]
fn killed_at_every_step_an_action_runs_at_most_once_and_is_accounted_for() {
    for _ in 0..gumshoe_tests::rounds(1, 5) {
        kill_at_every_step();
    }
}

fn kill_at_every_step() {
    let people = People::new(&["olga"]);
    let mut kills = 0;
    for step in STEPS {
        for count in 1.. {
            let scene = Scene::new(&people);
            let place = format!("{step} {count}");
            let Some(before) = scene.killed_before(step, count) else {
                assert_eq!(scene.opened(), 1, "{place}: unharmed, it runs once");
                break;
            };
            kills += 1;
            let (code, after) = scene.apply();
            let ran = scene.opened();
            assert!(ran <= 1, "{place}: ran {ran} times");
            match kinds(&after)[..] {
                // Nothing had been recorded: the full answer.
                ["started", "operation", "finished"] => {
                    assert_eq!((code, ran), (0, 1), "{place}: {before:?}")
                }
                ["interrupted", "refused"] => {
                    assert_eq!(
                        (code, &after[1]["body"]["code"]),
                        (8, &json!("repeated")),
                        "{place}"
                    );
                    let missing = after[0]["body"]["missing"].as_array().unwrap().len();
                    let reported = kinds(&before).contains(&"operation");
                    assert!(
                        missing == 1 || reported,
                        "{place}: what is not missing was reported"
                    );
                }
                // It had come to its end, and said so.
                ["refused"] => {
                    assert_eq!(
                        (code, &after[0]["body"]["code"]),
                        (8, &json!("repeated")),
                        "{place}"
                    );
                    assert_eq!((kinds(&before).last(), ran), (Some(&"finished"), 1), "{place}");
                }
                _ => panic!("{place}: {before:?}, then {after:?}"),
            }
            let verified = scene.host.trusting(&["log", "verify"]);
            assert_eq!(verified.code, 0, "{place}: {verified:?}");
        }
    }
    assert!(
        kills > 30,
        "only {kills} steps: is the list of system calls out of date?"
    );
}

#[test]
fn the_record_is_on_disk_before_the_runner_starts() {
    let people = People::new(&["olga"]);
    let scene = Scene::new(&people);
    let trace = scene.host.path("trace");
    let options = ["-f", "-y", "-s", "4096", "-e", "trace=write,fdatasync,execve"];
    let ended = fed(
        scene.traced(&[&options[..], &["-o", trace.to_str().unwrap()]].concat()),
        &scene.envelope,
    );
    assert_eq!(ended.code, 0, "{ended:?}");
    let trace = std::fs::read_to_string(trace).unwrap();
    let at = |what: &dyn Fn(&str) -> bool| trace.lines().position(what).unwrap();
    let written =
        at(&|line| line.contains("write(") && line.contains("state/journal>") && line.contains("accepted"));
    let synced = written
        + trace
            .lines()
            .skip(written)
            .position(|l| l.contains("fdatasync(") && l.contains("state/journal>"))
            .unwrap();
    let logged = at(&|line| line.contains("fdatasync(") && line.contains("state/host.log>"));
    let started = at(&|line| line.contains("execve(") && line.contains("gumshoe-runner"));
    assert!(
        logged < written && written < synced && synced < started,
        "{logged} {written} {synced} {started}"
    );
}

#[test]
fn what_a_crash_cut_short_is_reported_with_what_is_missing_and_never_run_again() {
    let people = People::new(&["olga"]);
    let host = Host::with("misbehave");
    people.write_policy(&host, "");
    let question = gumshoe_tests::signed::actions(&[
        ("misbehave", json!({ "deed": "none", "first": 1 })),
        ("misbehave", json!({ "deed": "hang" })),
    ]);
    let envelope = host.path("envelope.json");
    std::fs::write(&envelope, people.action(&question, &["olga"])).unwrap();
    let mut agent = Running::start(host.trusting_agent(&["apply", "--json", envelope.to_str().unwrap()]));
    let told: Vec<Value> = (0..2)
        .map(|_| serde_json::from_str(&agent.line()).unwrap())
        .collect();
    assert_eq!(kinds(&told), ["started", "operation"]);
    // The report has been handed out; that it was is recorded a moment later.
    let journal = host.state().join("journal");
    wait_until("that is recorded", || {
        std::fs::read_to_string(&journal).unwrap().contains("\"done\"")
    });
    let busy = host.trusting(&["apply", envelope.to_str().unwrap()]);
    assert!(
        busy.code == 3 && busy.stderr.contains(&format!("process id {}", agent.child.id())),
        "{busy:?}"
    );
    agent.signal(Signal::KILL);
    let (status, _) = agent.wait();
    assert_eq!(status.signal(), Some(9));
    let (ended, after) = host.apply("rubbish", &[]);
    assert_eq!(kinds(&after), ["interrupted", "refused"], "{ended:?}");
    assert_eq!(
        (&after[0]["action"], &after[0]["body"]["missing"]),
        (&question["id"], &json!([1]))
    );
    let (ended, after) = host.apply(&std::fs::read_to_string(&envelope).unwrap(), &[]);
    assert_eq!(
        (ended.code, kinds(&after)),
        (8, vec!["refused"]),
        "it is told once: {ended:?}"
    );
}

#[test]
fn a_damaged_journal_keeps_the_agent_from_starting() {
    let people = People::new(&["olga"]);
    let scene = Scene::new(&people);
    assert_eq!(scene.apply().0, 0);
    let journal = scene.host.state().join("journal");
    let good = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, good.replacen("accepted", "accepded", 1)).unwrap();
    let (ended, after) = scene.host.apply(&scene.envelope, &[]);
    assert!(
        ended.code == 3 && after.is_empty() && ended.stderr.contains("damaged in line 2"),
        "{ended:?}"
    );
    std::fs::remove_file(&journal).unwrap();
    let (ended, _) = scene.host.apply(&scene.envelope, &[]);
    assert!(
        ended.code == 3 && ended.stderr.contains("is missing"),
        "{ended:?}"
    );
    std::fs::write(&journal, &good).unwrap();
    assert_eq!(scene.apply().0, 8);
    assert_eq!(scene.opened(), 1);
}

#[test]
fn what_cannot_be_logged_or_recorded_does_not_run_and_the_answer_says_so() {
    let people = People::new(&["olga"]);
    for (file, step, error) in [
        ("journal", "write", "ENOSPC"),
        ("host.log", "write", "ENOSPC"),
        ("host.log", "fdatasync", "EIO"),
        ("journal", "fdatasync", "EIO"),
    ] {
        let scene = Scene::new(&people);
        assert_eq!(scene.host.apply("rubbish", &[]).0.code, 6, "the first start");
        let path = scene.host.state().join(file);
        let options = ["-P", path.to_str().unwrap(), "-e", &format!("trace={step}")];
        let inject = format!("inject={step}:error={error}");
        let ended = fed(
            scene.traced(&[&options[..], &["-e", &inject]].concat()),
            &scene.envelope,
        );
        let answer = &messages(&ended.stdout)[0]["body"];
        assert_eq!(
            (ended.code, &answer["code"]),
            (6, &json!("not-recorded")),
            "{file}, {step}: {ended:?}"
        );
        assert_eq!(scene.opened(), 0, "{file}, {step}");
        // What fdatasync(2) failed to write may be there all the same: then it counts as begun.
        let (code, after) = scene.apply();
        let expected = if (file, step) == ("journal", "fdatasync") {
            (8, 0)
        } else {
            (0, 1)
        };
        assert_eq!((code, scene.opened()), expected, "{file}, {step}: {after:?}");
    }
}

#[test]
fn on_a_full_disk_nothing_runs() {
    let people = People::new(&["olga"]);
    let scene = Scene::new(&people);
    let state = scene.host.state();
    let disk = Disk::mount(&state, "256k");
    assert_eq!(scene.host.apply("rubbish", &[]).0.code, 6);
    disk.fill();
    let (ended, _) = scene.host.apply(&scene.envelope, &[]);
    assert!(matches!(ended.code, 3 | 6), "{ended:?}");
    assert_eq!(scene.opened(), 0, "{ended:?}");
    disk.make_room();
    let (code, after) = scene.apply();
    // There may have been room for the record, and for nothing after it.
    assert!(matches!((code, scene.opened()), (0, 1) | (8, 0)), "{after:?}");
}
