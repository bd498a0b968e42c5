//! Several processes on one database.

use crate::harness::{Fleet, Setup, wait_for};
use anyhow::{Context as _, Result, ensure};
use gumshoe_test_services::postgres::Postgres;
use serde_json::json;

#[test]
fn two_schedulers_share_the_work_and_do_nothing_twice() -> Result<()> {
    let postgres = Postgres::start()?;
    let setup = Setup {
        database: Some(postgres.create_database("fleet")?),
        config: "[scheduler]\ntick = \"50ms\"\nbroadcast_percent = 100\n[relay]\nprefetch = 5\n",
        ..Setup::default()
    };
    let fleet = Fleet::set_up(setup)?;
    let _beside = fleet.serve_beside("scheduler")?;
    let mut agents = (0..8)
        .map(|index| fleet.agent(&format!("host{index}")))
        .collect::<Result<Vec<_>>>()?;
    let _not_meant = fleet.agent("other")?;
    for _ in 0..5 {
        let action = fleet.action("hostname != 'other'")?;
        fleet.submit(&action, &json!({}))?;
        for agent in &mut agents {
            assert_eq!(agent.receive_action()?.0.id, action.id);
            agent.answer(&action, &json!([{"path": "/etc/passwd"}]))?;
        }
        let done = fleet.wait_for_state(action.id, "done")?;
        assert_eq!(done["counters"]["findings"], 8);
    }
    assert!(agents.iter_mut().all(crate::harness::Agent::has_nothing));
    assert_eq!(fleet.got("/api/v1/audit/verify")?["intact"], true);
    Ok(())
}

/// One of two schedulers is killed while an action is sent host by host and answered; another one begins. Every host gets it,
/// and every answer counts once.
#[test]
fn a_scheduler_that_is_killed_in_the_middle_leaves_nothing_undone() -> Result<()> {
    const HOSTS: usize = 40;
    let postgres = Postgres::start()?;
    let setup = Setup {
        database: Some(postgres.create_database("fleet")?),
        config: "[scheduler]\ntick = \"50ms\"\n[relay]\nprefetch = 3\n",
        ..Setup::default()
    };
    let fleet = Fleet::set_up(setup)?;
    let mut beside = vec![fleet.serve_beside("scheduler")?, fleet.serve_beside("scheduler")?];
    let mut agents = (0..HOSTS)
        .map(|index| fleet.agent(&format!("host{index}")))
        .collect::<Result<Vec<_>>>()?;
    let action = fleet.action("true")?;
    fleet.submit(&action, &json!({"hosts_per_second": 20}))?;
    let mut answered = 0;
    while answered < HOSTS {
        let sent = wait_for("the next hosts", || {
            let targets = fleet.targets(action.id)?;
            let sent: Vec<_> = targets
                .iter()
                .filter(|target| !target["published"].is_null() && target["state"] == "targeted")
                .map(|target| target["agent"].clone())
                .collect();
            Ok((!sent.is_empty()).then_some(sent))
        })?;
        for id in sent {
            let agent = agents.iter_mut().find(|agent| id == agent.id.to_string());
            let agent = agent.context("an agent")?;
            agent.receive_action()?;
            agent.answer(&action, &json!([{"path": "/etc/passwd"}]))?;
            answered += 1;
            // Dropping one kills it (SIGKILL), with what it had taken from the relay.
            if answered == HOSTS / 4 || answered == HOSTS / 2 {
                beside.remove(0);
                beside.push(fleet.serve_beside("scheduler")?);
            }
        }
        let all = |counters: &serde_json::Value| counters["answered"] == answered;
        fleet.wait_for_counters(action.id, all)?;
    }
    let done = fleet.wait_for_state(action.id, "done")?;
    for (name, count) in [
        ("sent", HOSTS),
        ("delivered", HOSTS),
        ("found", HOSTS),
        ("findings", HOSTS),
    ] {
        assert_eq!(done["counters"][name], count, "{name} of {}", done["counters"]);
    }
    let path = format!("/api/v1/actions/{}/results?format=ndjson", action.id);
    // Everything is known when the operations are; what else a host said may come later.
    wait_for("every message", || {
        let (_, lines) = fleet.ask_text("GET", &path, None, Some(&fleet.admin))?;
        let messages = lines.lines().count();
        ensure!(messages <= 3 * HOSTS, "{messages} messages");
        Ok((messages == 3 * HOSTS).then_some(()))
    })?;
    ensure!(fleet.got("/api/v1/audit/verify")?["intact"] == true);
    Ok(())
}
