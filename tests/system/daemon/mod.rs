//! The daemon with a real relay, real processes, real faults. `docs/reliability.md` is the table of what is shown here.

mod cable;
mod clock;
mod faults;
mod network;
mod relay;
mod service;

use gumshoe_test_services::rabbitmq::Broker;
use gumshoe_tests::Host;
use gumshoe_tests::relay::Server;
use gumshoe_tests::signed::People;
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The relay of all tests that leave it alone.
fn broker() -> &'static Broker {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    BROKER.get_or_init(|| Broker::start().unwrap())
}

/// Tests with the common relay come one after the other: they share its queues for reports.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A host with the test plugin that trusts `olga`, connected to a relay.
fn host(broker: &Broker, more: &str) -> (People, Host) {
    let people = People::new(&["olga"]);
    let host = Host::with("misbehave");
    people.write_policy(&host, "");
    host.use_relay(broker, more);
    (people, host)
}

/// An action that finds one thing.
fn quick() -> Value {
    gumshoe_tests::signed::action("misbehave", json!({ "deed": "none", "first": 1 }))
}

/// An action that runs until it is told to stop.
fn slow() -> Value {
    gumshoe_tests::signed::action("misbehave", json!({ "deed": "wait", "first": 1 }))
}

/// How often the action's operation was reported, and how it ended.
fn reported(server: &Server, action: &Value) -> Vec<String> {
    let is_it = |report: &&Value| report["action"] == action["id"] && report["body"]["kind"] == "operation";
    let status = |report: &Value| report["body"]["report"]["status"].as_str().unwrap().to_owned();
    server.reports.iter().filter(is_it).map(status).collect()
}
