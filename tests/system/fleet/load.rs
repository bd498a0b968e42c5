//! Hundreds of agents that answer at the same time, and parts that are killed meanwhile.

use super::{ENROLMENT, Fleet, Server, token};
use gumshoe_tests::relay::wait_long;
use gumshoe_tests::target;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// Simulated agents.
const AGENTS: usize = 200;
/// Messages of each about an action: started, one operation, finished.
const MESSAGES: usize = 3 * AGENTS;
/// Over how long their answers are spread: long enough to be in the middle of it.
const SPREAD_MS: &str = "4000";

/// The program that simulates agents; it ends with its standard input.
struct Simulation(Child);

impl Simulation {
    /// Starts it and waits until all agents are connected.
    fn start(fleet: &Fleet) -> Self {
        let (count, port) = (AGENTS.to_string(), fleet.broker.port().to_string());
        let mut child = Command::new(target().join("gumshoe-fleet"))
            .args(["agents", "--count", &count, "--port", &port])
            .args(["--token", ENROLMENT, "--spread-ms", SPREAD_MS])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let simulation = Self(child);
        let mut lines = lines.lines().map(Result::unwrap);
        assert!(lines.any(|line| line.contains(r#""event":"ready""#)));
        // What it goes on to say is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        simulation
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended
        let _ = self.0.wait();
    }
}

#[test]
fn no_report_is_lost_or_counted_twice_when_server_or_relay_is_killed() {
    let mut fleet = Fleet::start(&["olga"], &[]);
    let _agents = Simulation::start(&fleet);
    wait_long("all agents are approved", || {
        fleet.agents_in("approved").len() == AGENTS
    });
    fleet.ok("olga", &["login"]);

    let action = ask(&fleet);
    in_the_middle(&fleet, &action);
    fleet.server.child.kill().unwrap();
    fleet.server.child.wait().unwrap();
    let attempts = std::iter::repeat_with(|| Server::try_start(&fleet.desk, &fleet.broker));
    fleet.server = attempts.take(5).flatten().next().unwrap();
    everything_once(&fleet, &action);

    let action = ask(&fleet);
    in_the_middle(&fleet, &action);
    fleet.broker.kill().unwrap();
    fleet.broker.restart().unwrap();
    everything_once(&fleet, &action);
}

/// Asks all agents something; the action's identifier.
fn ask(fleet: &Fleet) -> String {
    let question = ["file", "--path", "/usr/share/doc", "--name", "^copyright$"];
    let sending = ["--target", "true", "--yes", "--detach"];
    let sent = fleet.ok("olga", &[&question[..], &sending].concat());
    sent.stdout.trim().to_owned()
}

/// Waits until some agents have answered; the others have not.
fn in_the_middle(fleet: &Fleet, action: &str) {
    let mut stored = 0;
    wait_long("the first answers are stored", || {
        stored = messages(fleet, action).len();
        stored > 0
    });
    assert!(stored < MESSAGES, "all answers came at once");
}

/// Waits until every message of every agent is stored, each once, and compares the counters.
fn everything_once(fleet: &Fleet, action: &str) {
    let mut found = BTreeMap::new();
    wait_long("every message is stored", || {
        found = messages(fleet, action);
        found.len() >= MESSAGES
    });
    assert_eq!(found.len(), MESSAGES);
    assert!(found.values().all(|times| *times == 1), "{found:?}");
    let mut status = Value::Null;
    wait_long("the action is over", || {
        let told = fleet.ok("olga", &["action", "status", action, "--json"]).stdout;
        status = serde_json::from_str(&told).unwrap();
        status["action"]["state"] == "done"
    });
    let counters = &status["action"]["counters"];
    for (name, expected) in [
        ("targeted", AGENTS),
        ("answered", AGENTS),
        ("found", AGENTS),
        ("findings", 3 * AGENTS),
        ("running", 0),
    ] {
        assert_eq!(counters[name], expected, "{name} of {status}");
    }
}

/// How often each message of each agent is among the results.
fn messages(fleet: &Fleet, action: &str) -> BTreeMap<(String, String), usize> {
    let mut found = BTreeMap::new();
    for line in get(fleet, &format!("/api/v1/actions/{action}/results?format=ndjson")).lines() {
        let one: Value = serde_json::from_str(line).unwrap();
        let word = |name: &str| one[name].as_str().unwrap().to_owned();
        *found.entry((word("agent"), word("kind"))).or_default() += 1;
    }
    found
}

/// What the server answers: a client shows operations only. HTTP 1.0, where the end of the answer is that of the connection.
fn get(fleet: &Fleet, path: &str) -> String {
    let address = fleet.server.url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    let token = token(&fleet.desk);
    write!(
        connection,
        "GET {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 "), "{head}");
    body.to_owned()
}
