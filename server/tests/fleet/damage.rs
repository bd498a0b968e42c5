//! A disk that is full, and a database that is damaged.

use crate::harness::{Fleet, Setup, report, wait_for};
use anyhow::{Context as _, Result, ensure};
use gumshoe_protocol::ActionId;
use gumshoe_protocol::relay;
use serde_json::json;
use sqlx::Connection as _;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

/// SQLite's size of a page.
const PAGE: usize = 4096;

/// A small file system, gone with this value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        mount(
            &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"],
            folder.path(),
        )?;
        Ok(Self(folder))
    }

    fn grow(&self, size: &str) -> Result<()> {
        mount(&["-o", &format!("remount,size={size}")], self.0.path())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], folder: &Path) -> Result<()> {
    let status = Command::new("mount").args(arguments).arg(folder).status()?;
    ensure!(
        status.success(),
        "mounting a file system needs root: run the tests with `make test`"
    );
    Ok(())
}

#[test]
fn a_full_disk_is_waited_for_and_loses_nothing() -> Result<()> {
    const REPORTS: u64 = 60;
    let disk = SmallDisk::mount("2m")?;
    let fleet = Fleet::set_up(Setup {
        database: Some(format!("sqlite:{}", disk.0.path().join("db").display())),
        ..Setup::default()
    })?;
    let (mut agent, mut action) = (fleet.agent("web1")?, fleet.action("true")?);
    action.operations = vec![action.operations[0].clone(); REPORTS as usize];
    fleet.submit(&action, &json!({}))?;
    agent.receive_action()?;
    let finding = json!([{"path": "x".repeat(100_000)}]);
    for index in 0..REPORTS {
        let body = json!({"kind": "operation", "index": index, "of": REPORTS, "report": report(&finding)});
        agent.say(&action, body)?;
    }
    fleet.wait_for_log("the database's disk is full", 3)?;
    // That is no damage: the server says what it waits for, and goes on when there is room.
    ensure!(!fleet.log().contains("DAMAGED"), "{}", fleet.log());
    assert_eq!(fleet.ask("GET", "/healthz", None, None)?.0, 200);
    disk.grow("100m")?;
    fleet.wait_for_counters(action.id, |counters| counters["findings"] == REPORTS)?;
    fleet.wait_for_state(action.id, "done")?;
    assert_eq!(fleet.ask("GET", "/readyz", None, None)?.0, 200);
    Ok(())
}

/// Overwrites what is stored of a table or an index, as a failing disk does.
fn damage(fleet: &Fleet, name: &str) -> Result<()> {
    let path = fleet.database.strip_prefix("sqlite:").context("a file")?;
    let page: i64 = fleet.runtime.block_on(async {
        let mut database = sqlx::SqliteConnection::connect(path).await?;
        let page = sqlx::query_scalar("SELECT rootpage FROM sqlite_master WHERE name = $1")
            .bind(name)
            .fetch_one(&mut database)
            .await?;
        database.close().await?;
        Ok::<_, sqlx::Error>(page)
    })?;
    let file = OpenOptions::new().write(true).open(path)?;
    file.write_all_at(&[0xa5; PAGE], (u64::try_from(page)? - 1) * PAGE as u64)?;
    Ok(())
}

/// A server whose stored reports are damaged, and a report that waits for it.
fn damaged() -> Result<(Fleet, ActionId)> {
    let mut fleet = Fleet::start("")?;
    let (action, messages) = {
        let mut agent = fleet.agent("web1")?;
        let action = fleet.action("true")?;
        fleet.submit(&action, &json!({}))?;
        agent.receive_action()?;
        let started = json!({"kind": "started", "signers": ["alice"], "operations": 1});
        agent.say(&action, started)?;
        fleet.wait_for_counters(action.id, |counters| counters["running"] == 1)?;
        let body = json!({"kind": "operation", "index": 0, "of": 1, "report": report(&json!([]))});
        let sealed = agent.sealed(&action, body)?;
        (action, (relay::report_key(&agent.id), sealed))
    };
    ensure!(fleet.stop()?, "{}", fleet.log());
    damage(&fleet, "reports_once")?;
    damage(&fleet, "reports_in_order")?;
    let (key, body) = messages;
    fleet.publish(key, body.as_bytes())?;
    Ok((fleet, action.id))
}

#[test]
fn a_damaged_database_is_told_once_and_makes_the_server_unready() -> Result<()> {
    let (mut fleet, action) = damaged()?;
    fleet.serve()?;
    fleet.wait_for_log("THE DATABASE IS DAMAGED", 1)?;
    let (status, problem) = fleet.ask("GET", "/readyz", None, None)?;
    assert_eq!((status, &problem["code"]), (503, &json!("not-ready")));
    ensure!(
        problem["detail"]
            .as_str()
            .is_some_and(|text| text.contains("damaged")),
        "{problem}"
    );
    // It lives, and what can be read is readable.
    assert_eq!(fleet.ask("GET", "/healthz", None, None)?.0, 200);
    assert_eq!(
        fleet.got(&format!("/api/v1/actions/{action}"))?["counters"]["running"],
        1
    );
    // It is not tried again: when it is told to end, one batch was not stored, and no more.
    let failed = "batch not stored";
    assert_eq!(fleet.log().matches(failed).count(), 1, "{}", fleet.log());
    assert!(!fleet.stop()?);
    assert_eq!(fleet.log().matches(failed).count(), 1);
    // What the agent said waits in the relay.
    let channel = fleet.runtime.block_on(fleet.connection.create_channel())?;
    let options = lapin::options::QueueDeclareOptions {
        passive: true,
        ..lapin::options::QueueDeclareOptions::default()
    };
    let waits = wait_for("the report waits", || {
        let queue = channel.queue_declare(
            relay::REPORTS_QUEUE.into(),
            options,
            lapin::types::FieldTable::default(),
        );
        Ok(Some(fleet.runtime.block_on(queue)?.message_count()).filter(|count| *count > 0))
    })?;
    assert_eq!(waits, 1);
    Ok(())
}

#[test]
fn a_process_with_nothing_but_the_api_notices_damage_too() -> Result<()> {
    let (mut fleet, action) = damaged()?;
    fleet.serve_as("api")?;
    assert_eq!(fleet.ask("GET", "/readyz", None, None)?.0, 200);
    let (status, problem) = fleet.get(&format!("/api/v1/actions/{action}/results?kind=operation"))?;
    assert_eq!(
        (status, &problem["code"]),
        (503, &json!("store-damaged")),
        "{problem}"
    );
    assert_eq!(fleet.ask("GET", "/readyz", None, None)?.0, 503);
    Ok(())
}

#[test]
fn a_scheduler_alone_ends_when_the_database_is_damaged() -> Result<()> {
    let (fleet, _) = damaged()?;
    let mut scheduler = fleet.serve_beside("scheduler")?;
    assert!(!scheduler.wait()?, "{}", fleet.log());
    ensure!(fleet.log().contains("THE DATABASE IS DAMAGED"), "{}", fleet.log());
    Ok(())
}
