//! A server that is killed, and one that is told to stop.

use crate::harness::{Fleet, report};
use anyhow::Result;
use gumshoe_protocol::relay;
use serde_json::json;

/// Hosts and operations of each: 500 reports together.
const HOSTS: usize = 50;
const OPERATIONS: u64 = 10;

#[test]
fn of_500_reports_none_is_lost_and_none_comes_twice() -> Result<()> {
    let mut fleet = Fleet::start("[relay]\nprefetch = 20\n")?;
    let action = {
        let mut action = fleet.action("true")?;
        let operation = action.operations[0].clone();
        action.operations = vec![operation; OPERATIONS as usize];
        action
    };
    let messages = {
        let mut agents = Vec::new();
        for index in 0..HOSTS {
            agents.push(fleet.agent(&format!("host{index}"))?);
        }
        fleet.submit(&action, &json!({}))?;
        fleet.wait_for_state(action.id, "running")?;
        let mut messages = Vec::new();
        for index in 0..OPERATIONS {
            for agent in &mut agents {
                let body = json!({"kind": "operation", "index": index, "of": OPERATIONS, "report": report(&json!([{"n": index}]))});
                messages.push((relay::report_key(&agent.id), agent.sealed(&action, body)?));
            }
        }
        messages
    };
    // Everything is sent twice, as a courier does that lost its confirms.
    let twice: Vec<_> = messages.iter().chain(&messages).collect();
    for (sent, (key, body)) in twice.iter().enumerate() {
        fleet.publish(key.clone(), body.as_bytes())?;
        if sent % 250 == 249 {
            fleet.kill()?;
            fleet.serve()?;
        }
    }
    let all = HOSTS as u64 * OPERATIONS;
    let counters = fleet.wait_for_counters(action.id, |counters| counters["findings"] == all)?;
    assert_eq!(counters["answered"], HOSTS);
    fleet.wait_for_state(action.id, "done")?;
    // The queue is empty: what is stored now is all that ever will be.
    let path = format!("/api/v1/actions/{}/results?format=ndjson", action.id);
    let (_, lines) = fleet.ask_text("GET", &path, None, Some(&fleet.admin))?;
    assert_eq!(lines.lines().count() as u64, all);
    assert!(fleet.stop()?, "{}", fleet.log());
    Ok(())
}
