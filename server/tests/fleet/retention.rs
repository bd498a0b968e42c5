//! What is old goes, while the server runs.

use crate::harness::{Fleet, Setup, wait_for};
use anyhow::Result;
use gumshoe_test_services::postgres::Postgres;
use serde_json::json;

const SHORT: &str = "[retention]\nreports = \"1s\"\naudit = \"1s\"\n";

#[test]
fn old_reports_go_and_what_they_said_stays_counted() -> Result<()> {
    old_reports_go(Fleet::start(SHORT)?)
}

#[test]
fn old_reports_go_and_what_they_said_stays_counted_with_postgresql() -> Result<()> {
    let postgres = Postgres::start()?;
    old_reports_go(Fleet::set_up(Setup {
        database: Some(postgres.create_database("fleet")?),
        config: SHORT,
        ..Setup::default()
    })?)
}

fn old_reports_go(mut fleet: Fleet) -> Result<()> {
    let action = {
        let mut agent = fleet.agent("web1")?;
        let action = fleet.action("true")?;
        fleet.submit(&action, &json!({}))?;
        agent.receive_action()?;
        agent.answer(&action, &json!([{"path": "/etc/passwd"}]))?;
        action
    };
    fleet.wait_for_state(action.id, "done")?;
    let path = format!("/api/v1/actions/{}/results", action.id);
    assert_eq!(fleet.got(&path)?["items"].as_array().map(Vec::len), Some(3));
    // Old rows are looked for when a scheduler starts, and every minute.
    let done = std::time::Instant::now();
    wait_for("the reports are old", || {
        Ok((done.elapsed().as_secs() >= 2).then_some(()))
    })?;
    assert!(fleet.stop()?, "{}", fleet.log());
    fleet.serve()?;
    wait_for("the reports are gone", || {
        Ok((fleet.got(&path)?["items"] == json!([])).then_some(()))
    })?;
    let shown = fleet.got(&format!("/api/v1/actions/{}", action.id))?;
    assert_eq!(
        (&shown["counters"]["found"], &shown["counters"]["findings"]),
        (&json!(1), &json!(1))
    );
    // The audit log was shortened, and what is left of it is whole.
    let verified = wait_for("the audit log is shorter", || {
        let verified = fleet.got("/api/v1/audit/verify")?;
        Ok((verified["first"].as_u64() > Some(1)).then_some(verified))
    })?;
    assert_eq!(verified["intact"], true);
    Ok(())
}
