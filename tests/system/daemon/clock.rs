//! The host's clock is set back and forward under a daemon that runs.
//!
//! libfaketime answers the daemon's questions for the time of day with another one, which a file says anew at each
//! question; the clock that pauses and limits are measured by stays true. The machine's own clock is left alone.

use super::{broker, host, quick, turn};
use chrono::{DateTime, TimeDelta, Utc};
use gumshoe_protocol::AgentId;
use gumshoe_tests::Host;
use gumshoe_tests::relay::{Server, wait_long};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A clock that can be set.
struct Clock {
    file: PathBuf,
}

impl Clock {
    fn of(host: &Host) -> Self {
        let clock = Self {
            file: host.path("clock"),
        };
        clock.set(TimeDelta::zero());
        clock
    }

    /// Sets it so far ahead of the true time.
    fn set(&self, ahead: TimeDelta) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{:+}\n", ahead.num_seconds())).unwrap();
        std::fs::rename(new, &self.file).unwrap();
    }

    /// What a program needs in its environment to go by it.
    fn environment(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("LD_PRELOAD", library()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.clone()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }
}

/// libfaketime, in the folder of this machine's architecture.
fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let mut files = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    files
        .find(|file| file.exists())
        .expect("install the package faketime (tests/install-tools test)")
}

/// An action whose window lies so far ahead of the true time.
fn asked(ahead: TimeDelta) -> Value {
    let mut question = quick();
    question["not_before"] = json!(Utc::now() + ahead - TimeDelta::minutes(1));
    question["expires"] = json!(Utc::now() + ahead + TimeDelta::hours(1));
    question
}

/// Sends an envelope; returns the verdict, or the code of a refusal, as the host log has it.
fn ask(server: &Server, host: &Host, agent: &AgentId, envelope: &str) -> String {
    let before = decisions(host).len();
    server.publish(agent, envelope);
    wait_long("it is decided", || decisions(host).len() > before);
    let last = decisions(host).pop().unwrap();
    let word = |key: &str| last[key].as_str().map(str::to_owned);
    word("code").or_else(|| word("verdict")).unwrap()
}

fn decisions(host: &Host) -> Vec<Value> {
    let log = host.trusting(&["log", "show", "--json"]);
    let lines = log.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|line: &Value| line["event"] == "decision").collect()
}

#[test]
fn a_clock_that_is_set_back_and_forward_makes_nothing_run_twice_or_late() {
    let _turn = turn();
    let mut server = Server::connect(broker());
    let (people, host) = host(broker(), "");
    let clock = Clock::of(&host);
    // Signatures are made at the true time, which is yesterday: nothing asks how old they are.
    let (today, yesterday) = (TimeDelta::days(1), TimeDelta::zero());
    clock.set(today);
    let daemon = host.daemon_with(&[], &clock.environment());
    let beat = server.wait_for_heartbeat("start", 0);
    let agent: AgentId = beat["agent"].as_str().unwrap().parse().unwrap();
    let told: DateTime<Utc> = beat["sent"].as_str().unwrap().parse().unwrap();
    assert!(
        told > Utc::now() + TimeDelta::hours(12),
        "the daemon goes by another clock: {told}"
    );
    let sign = |question: &Value| people.action(question, &["olga"]);
    let ran = asked(today);
    let envelope = sign(&ran);
    let ask = |server: &Server, envelope: &str| ask(server, &host, &agent, envelope);
    assert_eq!(ask(&server, &envelope), "run");
    server.wait_for("finished", &ran);

    // Back by a day: what was signed proves that it is later.
    clock.set(yesterday);
    assert_eq!(ask(&server, &sign(&asked(yesterday))), "expired");
    assert_eq!(ask(&server, &envelope), "repeated");
    assert_eq!(ask(&server, &sign(&asked(today))), "run");
    // Back so far that keys and signatures would be from the future: they are judged at the time that is proved, too.
    clock.set(TimeDelta::days(-1));
    assert_eq!(ask(&server, &sign(&asked(today))), "run");
    assert_eq!(ask(&server, &sign(&asked(TimeDelta::days(-1)))), "expired");

    // Forward beyond every window and through a restart, so that what ran is forgotten; and back.
    let later = TimeDelta::days(100);
    clock.set(later);
    assert_eq!(ask(&server, &sign(&asked(later))), "run");
    daemon.stop();
    let before = server.heartbeats.len();
    let daemon = host.daemon_with(&[], &clock.environment());
    server.wait_for_heartbeat("start", before);
    clock.set(today);
    assert_eq!(ask(&server, &envelope), "expired");
    let kinds = server.kinds(&ran);
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "operation").count(),
        1,
        "{kinds:?}"
    );
    daemon.stop();
    assert_eq!(host.trusting(&["log", "verify"]).code, 0);
}
