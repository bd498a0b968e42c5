//! How actions get to hosts, and what becomes of hosts that say nothing.

use crate::harness::{Agent, Fleet, report};
use anyhow::{Result, ensure};
use chrono::{TimeDelta, Utc};
use gumshoe_protocol::envelope::CANCEL_TYPE;
use gumshoe_protocol::{Action, Cancel};
use serde_json::json;
use sha2::Digest as _;

fn agents(fleet: &Fleet, count: usize) -> Result<Vec<Agent<'_>>> {
    (0..count)
        .map(|index| fleet.agent(&format!("host{index}")))
        .collect()
}

/// Those of the agents that have got something.
fn reached<'a, 'f>(agents: &'a mut [Agent<'f>], count: usize) -> Result<Vec<&'a mut Agent<'f>>> {
    let mut reached: Vec<_> = agents
        .iter_mut()
        .filter_map(|agent| (!agent.has_nothing()).then_some(agent))
        .collect();
    ensure!(
        reached.len() == count,
        "{} agents got something, not {count}",
        reached.len()
    );
    reached.sort_by_key(|agent| agent.id);
    Ok(reached)
}

#[test]
fn few_hosts_get_a_message_each_and_others_get_none() -> Result<()> {
    let fleet = Fleet::start("")?;
    let mut agents = agents(&fleet, 4)?;
    let action = fleet.action("hostname == 'host1'")?;
    fleet.submit(&action, &json!({}))?;
    agents[1].receive_action()?;
    agents[1].answer(&action, &json!([]))?;
    fleet.wait_for_state(action.id, "done")?;
    for index in [0, 2, 3] {
        assert!(agents[index].has_nothing(), "host{index}");
    }
    Ok(())
}

#[test]
fn canaries_go_first_and_the_rest_follows() -> Result<()> {
    let fleet = Fleet::start("")?;
    let mut agents = agents(&fleet, 5)?;
    let action = fleet.action("true")?;
    fleet.submit(&action, &json!({"canary_hosts": 2}))?;
    let canary = fleet.wait_for_state(action.id, "canary")?;
    assert_eq!(canary["note"], "2 of 5 hosts first");
    let published = |count: usize| {
        let path = format!("/api/v1/actions/{}/targets", action.id);
        crate::harness::wait_for("published", || {
            let page = fleet.got(&path)?;
            let items = page["items"].as_array().cloned().unwrap_or_default();
            let published: Vec<_> = items
                .into_iter()
                .filter(|item| !item["published"].is_null())
                .collect();
            Ok((published.len() == count).then_some(published))
        })
    };
    for target in published(2)? {
        let agent = agents
            .iter_mut()
            .find(|agent| target["agent"] == agent.id.to_string());
        let agent = agent.ok_or_else(|| anyhow::anyhow!("an agent"))?;
        agent.receive_action()?;
        agent.answer(&action, &json!([]))?;
    }
    published(5)?;
    fleet.wait_for_state(action.id, "running")?;
    Ok(())
}

/// Canaries are the hosts whose SHA-256 over action and agent is the lowest as a signed number: everybody finds the same, and
/// another action finds others.
#[test]
fn canaries_are_taken_at_random() -> Result<()> {
    let fleet = Fleet::start("")?;
    let mut agents = agents(&fleet, 12)?;
    let mut samples = std::collections::BTreeSet::new();
    for _ in 0..4 {
        let action = fleet.action("true")?;
        fleet.submit(&action, &json!({"canary_hosts": 3}))?;
        let canaries = crate::harness::wait_for("canaries", || {
            let targets = fleet.targets(action.id)?;
            let sent = targets.iter().filter(|target| !target["published"].is_null());
            let sent: std::collections::BTreeSet<String> = sent
                .map(|target| target["agent"].as_str().unwrap_or_default().to_owned())
                .collect();
            Ok((sent.len() == 3).then_some(sent))
        })?;
        let place = |agent: &Agent<'_>| {
            let mut hasher = sha2::Sha256::new();
            hasher.update(action.id.as_bytes());
            hasher.update(agent.id.as_bytes());
            let digest: [u8; 32] = hasher.finalize().into();
            i64::from_be_bytes(std::array::from_fn(|index| digest[index]))
        };
        agents.sort_by_key(place);
        let expected = agents[..3].iter().map(|agent| agent.id.to_string());
        assert_eq!(canaries, expected.collect());
        samples.insert(canaries);
    }
    assert!(samples.len() > 1, "{samples:?}");
    Ok(())
}

#[test]
fn failing_canaries_stop_an_action() -> Result<()> {
    let fleet = Fleet::start("")?;
    let mut agents = agents(&fleet, 3)?;
    let action = fleet.action("true")?;
    fleet.submit(&action, &json!({"canary_hosts": 1}))?;
    fleet.wait_for_state(action.id, "canary")?;
    let path = format!("/api/v1/actions/{}/targets", action.id);
    let canary = crate::harness::wait_for("a canary", || {
        let page = fleet.got(&path)?;
        let found = page["items"]
            .as_array()
            .and_then(|items| items.iter().find(|item| !item["published"].is_null()));
        Ok(found.map(|item| item["agent"].clone()))
    })?;
    let agent = agents.iter_mut().find(|agent| canary == agent.id.to_string());
    let agent = agent.ok_or_else(|| anyhow::anyhow!("an agent"))?;
    agent.receive_action()?;
    agent.say(
        &action,
        json!({"kind": "refused", "code": "not-permitted", "message": "no"}),
    )?;
    let stopped = fleet.wait_for_state(action.id, "stopped")?;
    assert_eq!(
        stopped["note"],
        "1 of 1 hosts failed or refused; the limit is 50 %"
    );
    assert_eq!(
        stopped["counters"]["refused_by_code"],
        json!({"not-permitted": 1})
    );
    reached(&mut agents, 0).map(drop)
}

#[test]
fn a_cancellation_reaches_those_that_have_the_action() -> Result<()> {
    let fleet = Fleet::start("")?;
    let mut agents = agents(&fleet, 2)?;
    let action = fleet.action("true")?;
    fleet.submit(&action, &json!({}))?;
    for agent in &mut agents {
        agent.receive_action()?;
        agent.say(
            &action,
            json!({"kind": "started", "signers": ["alice"], "operations": 1}),
        )?;
    }
    let other = fleet.action("true")?;
    assert_eq!(fleet.cancel(other.id)?.0, 404);
    let (status, cancelled) = fleet.cancel(action.id)?;
    assert_eq!(
        (status, &cancelled["state"], &cancelled["note"]),
        (200, &json!("cancelled"), &json!("enough"))
    );
    for agent in &mut agents {
        let envelope = agent.receive()?;
        assert_eq!(envelope.payload_type, CANCEL_TYPE);
        assert_eq!(Cancel::parse(&envelope.payload)?.action, action.id);
    }
    assert_eq!(fleet.cancel(action.id)?.0, 200);
    Ok(())
}

#[test]
fn hosts_that_say_nothing_are_told_apart_when_the_window_ends() -> Result<()> {
    let fleet = Fleet::start("")?;
    let mut agents = agents(&fleet, 3)?;
    let mut action = fleet.action("true")?;
    // Long enough for what is said below to be stored within the window on a busy machine.
    action.expires = Utc::now() + TimeDelta::seconds(8);
    fleet.submit(&action, &json!({}))?;
    // One begins and does not finish, one is there and does not begin, one is not there.
    agents[0].receive_action()?;
    agents[0].say(
        &action,
        json!({"kind": "started", "signers": ["alice"], "operations": 1}),
    )?;
    agents[1].beat(gumshoe_protocol::heartbeat::HeartbeatReason::Interval)?;
    let expired = fleet.wait_for_state(action.id, "expired")?;
    let counters = &expired["counters"];
    for name in ["timed_out", "expired", "never_reached"] {
        assert_eq!(counters[name], 1, "{name} of {counters}");
    }
    // An answer that comes late is an answer.
    late_answer(&fleet, &mut agents[0], &action)
}

fn late_answer(fleet: &Fleet, agent: &mut Agent<'_>, action: &Action) -> Result<()> {
    let findings = report(&json!([{"path": "/etc/passwd"}]));
    agent.say(
        action,
        json!({"kind": "operation", "index": 0, "of": 1, "report": findings}),
    )?;
    fleet.wait_for_counters(action.id, |counters| {
        counters["found"] == 1 && counters["timed_out"] == 0
    })?;
    Ok(())
}

#[test]
fn at_most_so_many_hosts_at_once() -> Result<()> {
    let fleet = Fleet::start("")?;
    let mut agents = agents(&fleet, 3)?;
    let action = fleet.action("true")?;
    fleet.submit(&action, &json!({"hosts_at_once": 1}))?;
    let mut answered = Vec::new();
    while answered.len() < 3 {
        let path = format!("/api/v1/actions/{}/targets", action.id);
        let next = crate::harness::wait_for("the next host", || {
            let page = fleet.got(&path)?;
            let items = page["items"].as_array().cloned().unwrap_or_default();
            let published: Vec<_> = items.iter().filter(|item| !item["published"].is_null()).collect();
            ensure!(published.len() <= answered.len() + 1, "{published:?}");
            let next = published.iter().find(|item| !answered.contains(&item["agent"]));
            Ok(next.map(|item| item["agent"].clone()))
        })?;
        let agent = agents.iter_mut().find(|agent| next == agent.id.to_string());
        let agent = agent.ok_or_else(|| anyhow::anyhow!("an agent"))?;
        agent.receive_action()?;
        agent.answer(&action, &json!([]))?;
        answered.push(next);
    }
    fleet.wait_for_state(action.id, "done")?;
    Ok(())
}

#[test]
fn at_most_so_many_hosts_per_second() -> Result<()> {
    const RATE: usize = 2;
    // Looks come much more often than once a second, and from two schedulers.
    let fleet = Fleet::start("[scheduler]\ntick = \"50ms\"\n")?;
    let _beside = fleet.serve_beside("scheduler")?;
    let _agents = agents(&fleet, 7)?;
    let action = fleet.action("true")?;
    fleet.submit(&action, &json!({"hosts_per_second": RATE}))?;
    let mut sent = crate::harness::wait_for("all are sent to", || {
        let targets = fleet.targets(action.id)?;
        let times = targets.iter().filter_map(|target| target["published"].as_str());
        let times = times.map(chrono::DateTime::parse_from_rfc3339);
        let times = times.collect::<Result<Vec<_>, _>>()?;
        Ok((times.len() == 7).then_some(times))
    })?;
    sent.sort_unstable();
    for window in sent.windows(RATE + 1) {
        let passed = window[RATE] - window[0];
        ensure!(passed >= TimeDelta::seconds(1), "{window:?}");
    }
    let counters = fleet.got(&format!("/api/v1/actions/{}/counters", action.id))?;
    assert_eq!(
        (&counters["sent"], &counters["delivered"], &counters["waiting"]),
        (&json!(7), &json!(0), &json!(7))
    );
    Ok(())
}

#[test]
fn an_action_is_done_when_every_report_is_there() -> Result<()> {
    let fleet = Fleet::start("")?;
    let (mut web, mut db) = (fleet.agent("web")?, fleet.agent("db")?);
    let action = fleet.action("hostname == 'web'")?;
    fleet.submit(&action, &json!({}))?;
    web.receive_action()?;
    // Another scheduler could still have the report of the operation, with what was found.
    let [started, operation, finished] = crate::harness::answers(&json!([{"path": "/etc/passwd"}]));
    web.say(&action, started)?;
    web.say(&action, finished)?;
    fleet.wait_for_counters(action.id, |counters| counters["answered"] == 1)?;
    // An action that is looked at afterwards is done; this one is not.
    let other = fleet.action("hostname == 'db'")?;
    fleet.submit(&other, &json!({}))?;
    db.receive_action()?;
    db.answer(&other, &json!([]))?;
    fleet.wait_for_state(other.id, "done")?;
    let shown = fleet.got(&format!("/api/v1/actions/{}", action.id))?;
    assert_eq!(shown["state"], "running");
    web.say(&action, operation)?;
    let done = fleet.wait_for_state(action.id, "done")?;
    assert_eq!(done["counters"]["findings"], 1);
    Ok(())
}
