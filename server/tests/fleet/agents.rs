//! Agents come, are approved, and are not believed more than they prove.

use crate::harness::{Fleet, random, wait_for};
use anyhow::Result;
use gumshoe_protocol::heartbeat::HeartbeatReason;
use gumshoe_protocol::{ReportKey, envelope::HEARTBEAT_TYPE, relay};
use serde_json::json;

#[test]
fn without_a_token_an_agent_waits_for_approval() -> Result<()> {
    let fleet = Fleet::start("")?;
    let mut agent = fleet.silent_agent("new1")?;
    agent.enrolment = Some("not the fleet's enrolment token".to_owned());
    agent.beat(HeartbeatReason::Start)?;
    let path = format!("/api/v1/agents/{}", agent.id);
    let shown = wait_for("the agent", || {
        Ok(Some(fleet.get(&path)?).filter(|(status, _)| *status == 200))
    })?
    .1;
    assert_eq!(shown["state"], "pending");
    assert_eq!(shown["blind_spots"], json!(["not root"]));

    // What is not approved is not asked, and what it says all the same is kept out.
    let action = fleet.action("true")?;
    let made = fleet.submit(&action, &json!({}))?;
    assert_eq!(made["counters"]["targeted"], 0);
    fleet.wait_for_state(action.id, "done")?;
    agent.answer(&action, &json!([{"path": "/etc/passwd"}]))?;
    let metric = "gumshoe_messages_received_total{kind=\"report\",outcome=\"agent-not-approved\"} 3";
    wait_for(metric, || {
        let (_, text) = fleet.ask_text("GET", "/metrics", None, Some(&fleet.admin))?;
        Ok(text.contains(metric).then_some(()))
    })?;
    assert_eq!(
        fleet.got(&format!("/api/v1/actions/{}/counters", action.id))?["findings"],
        0
    );

    assert_eq!(
        fleet.post(&format!("{path}/approve"), &json!({}))?.1["state"],
        "approved"
    );
    let action = fleet.action("true")?;
    fleet.submit(&action, &json!({}))?;
    assert_eq!(agent.receive_action()?.0.id, action.id);
    assert_eq!(
        fleet.post(&format!("{path}/reject"), &json!({}))?.1["state"],
        "rejected"
    );
    Ok(())
}

#[test]
fn a_clone_is_noticed() -> Result<()> {
    let fleet = Fleet::start("")?;
    let seed = random()?;
    let mut one = crate::harness::Agent::new(&fleet, ReportKey::from_seed(&seed), "one")?;
    let mut two = one.clone_as("two", &seed)?;
    let duplicate = || -> Result<_> {
        let (_, shown) = fleet.get(&format!("/api/v1/agents/{}", one_id(&seed)))?;
        Ok(shown["duplicate"].clone())
    };
    one.beat(HeartbeatReason::Start)?;
    one.beat(HeartbeatReason::Interval)?;
    wait_for("the second heartbeat", || {
        let (_, shown) = fleet.get(&format!("/api/v1/agents/{}", one.id))?;
        Ok((shown["hostname"] == "one").then_some(()))
    })?;
    assert!(duplicate()?.is_null());
    two.sequence = 1;
    two.beat(HeartbeatReason::Interval)?;
    let mark = wait_for("the mark", || {
        Ok(Some(duplicate()?).filter(|mark| !mark.is_null()))
    })?;
    assert!(
        mark["note"]
            .as_str()
            .is_some_and(|note| note.contains("alternate")),
        "{mark}"
    );
    assert_eq!(
        fleet.got("/api/v1/agents?duplicate=true")?["items"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    Ok(())
}

fn one_id(seed: &[u8; 32]) -> gumshoe_protocol::AgentId {
    ReportKey::from_seed(seed).public().agent()
}

#[test]
fn nobody_speaks_for_somebody_else() -> Result<()> {
    let fleet = Fleet::start("")?;
    let (mut web, mut db) = (fleet.agent("web1")?, fleet.agent("db1")?);
    let action = fleet.action("true")?;
    fleet.submit(&action, &json!({}))?;
    let [started, ..] = crate::harness::answers(&json!([]));
    let sealed = web.sealed(&action, started.clone())?;
    // With the routing key of another agent, with another's name, and with a broken signature.
    fleet.publish(relay::report_key(&db.id), sealed.as_bytes())?;
    let renamed = sealed.replace(&web.id.to_string(), &db.id.to_string());
    fleet.publish(relay::report_key(&db.id), renamed.as_bytes())?;
    fleet.publish(relay::report_key(&web.id), b"{")?;
    let foreign = ReportKey::from_seed(&random()?);
    let heartbeat = db.heartbeat(HeartbeatReason::Start).to_payload();
    let forged = foreign.seal(HEARTBEAT_TYPE, heartbeat).to_json();
    fleet.publish(relay::heartbeat_key(&db.id), forged.as_bytes())?;
    web.say(&action, started)?;
    fleet.wait_for_counters(action.id, |counters| counters["running"] == 1)?;
    db.beat(HeartbeatReason::Interval)?;
    let expected = [
        "{kind=\"report\",outcome=\"wrong-routing-key\"} 1",
        "{kind=\"report\",outcome=\"bad-signature\"} 1",
        "{kind=\"report\",outcome=\"malformed\"} 1",
        "{kind=\"heartbeat\",outcome=\"bad-signature\"} 1",
    ];
    wait_for("the counters", || {
        let (_, text) = fleet.ask_text("GET", "/metrics", None, Some(&fleet.admin))?;
        Ok(expected.iter().all(|line| text.contains(line)).then_some(()))
    })
}
