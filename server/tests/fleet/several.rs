//! Several processes on one database.

use crate::harness::{Fleet, Setup};
use anyhow::Result;
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
