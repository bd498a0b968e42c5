//! Files that change while the server runs.

use crate::harness::{ENROLMENT, Fleet, wait_for};
use anyhow::{Result, ensure};
use gumshoe_protocol::heartbeat::HeartbeatReason;
use rustix::process::Signal;
use serde_json::json;
use std::fs;

/// What the log says of something that is not acceptable.
const KEPT: &str = "not acceptable; the one before stays in force";

/// A heartbeat of an agent that nobody knows, with a token; the state that the server gives to it.
fn state_with(fleet: &Fleet, token: &str) -> Result<String> {
    let mut agent = fleet.silent_agent("new")?;
    agent.enrolment = Some(token.to_owned());
    agent.beat(HeartbeatReason::Start)?;
    let path = format!("/api/v1/agents/{}", agent.id);
    let shown = wait_for("the agent", || {
        Ok(Some(fleet.get(&path)?).filter(|(status, _)| *status == 200))
    })?;
    Ok(shown.1["state"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn enrolment_tokens_are_read_again_and_broken_ones_change_nothing() -> Result<()> {
    const NEXT: &str = "the token of the next quarter";
    let fleet = Fleet::start("")?;
    let file = fleet.folder.path().join("enrolment");
    assert_eq!(state_with(&fleet, NEXT)?, "pending");

    // A file that changes is noticed.
    fs::write(&file, format!("{ENROLMENT}\n{NEXT}\n"))?;
    fleet.wait_for_log("read again and in force", 1)?;
    assert_eq!(state_with(&fleet, NEXT)?, "approved");
    assert_eq!(state_with(&fleet, ENROLMENT)?, "approved");

    // What is broken leaves the tokens before in force, whether it was noticed or asked for.
    fs::write(&file, "short")?;
    fleet.signal(Signal::HUP)?;
    fleet.wait_for_log(KEPT, 1)?;
    ensure!(
        fleet
            .log()
            .contains("the enrolment token in line 1 has less than 20 characters")
    );
    assert_eq!(state_with(&fleet, NEXT)?, "approved");
    fs::remove_file(&file)?;
    fleet.wait_for_log(KEPT, 2)?;
    assert_eq!(state_with(&fleet, NEXT)?, "approved");

    // The old one is taken away.
    fs::write(&file, NEXT)?;
    fleet.signal(Signal::HUP)?;
    wait_for("the old token is no more", || {
        Ok((state_with(&fleet, ENROLMENT)? == "pending").then_some(()))
    })?;
    assert_eq!(state_with(&fleet, NEXT)?, "approved");
    Ok(())
}

#[test]
fn a_policy_is_read_again_and_a_broken_one_changes_nothing() -> Result<()> {
    let fleet = Fleet::start("")?;
    let (policy, key) = (
        fleet.folder.path().join("policy.toml"),
        fleet.folder.path().join("alice.asc"),
    );
    let names = || -> Result<Vec<String>> {
        let page = fleet.got("/api/v1/investigators")?;
        let items = page.as_array().or(page["items"].as_array()).cloned();
        let name = |one: &serde_json::Value| one["name"].as_str().unwrap_or_default().to_owned();
        Ok(items.unwrap_or_default().iter().map(name).collect())
    };
    assert_eq!(names()?, ["alice"]);
    let text = fs::read_to_string(&policy)?;
    fs::write(&policy, text.replace("\"alice\"", "\"bob\""))?;
    wait_for("the new name", || Ok((names()? == ["bob"]).then_some(())))?;

    fs::write(&policy, "[[investigators]]\nname = 1\n")?;
    fleet.signal(Signal::HUP)?;
    fleet.wait_for_log(KEPT, 1)?;
    assert_eq!(names()?, ["bob"]);
    // With it questions are still accepted.
    fleet.submit(&fleet.action("true")?, &json!({}))?;

    // A key that the policy names is a part of it.
    fs::write(&policy, text)?;
    wait_for("the old name", || Ok((names()? == ["alice"]).then_some(())))?;
    let good = fs::read(&key)?;
    fs::write(&key, "no key")?;
    fleet.wait_for_log(KEPT, 2)?;
    fs::write(&key, good)?;
    fleet.wait_for_log("read again and in force", 3)?;
    assert_eq!(names()?, ["alice"]);
    Ok(())
}
