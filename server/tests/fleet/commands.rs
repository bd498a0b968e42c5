//! The command line beside `serve`.

use crate::harness::Fleet;
use anyhow::Result;
use serde_json::Value;
use std::fs;
use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_gumshoe-server");

#[test]
fn everything_that_is_wrong_with_a_configuration_is_told_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("server.toml");
    fs::write(
        &file,
        "policy = '/nowhere/policy.toml'\n[relay]\nurls = ['amqp://relay.example/%2f']\n[enrolment]\ntoken_file = '/nowhere/token'\n",
    )?;
    let output = Command::new(PROGRAM)
        .arg("--config")
        .arg(&file)
        .args(["config", "check"])
        .output()?;
    let told = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{told}");
    for expected in [
        "/nowhere/policy.toml",
        "refusing plain AMQP to `relay.example`",
        "/nowhere/token",
    ] {
        assert!(told.contains(expected), "{told}");
    }
    fs::write(&file, "polcy = 'x'\n")?;
    let output = Command::new(PROGRAM)
        .arg("--config")
        .arg(&file)
        .args(["config", "check"])
        .output()?;
    let told = String::from_utf8(output.stderr)?;
    assert!(
        told.contains("unknown field `polcy`") && told.contains("line 1"),
        "{told}"
    );
    Ok(())
}

#[test]
fn the_program_describes_itself() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let run = |arguments: &[&str]| -> Result<String> {
        let output = Command::new(PROGRAM)
            .args(arguments)
            .current_dir(folder.path())
            .output()?;
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    };
    let document: Value = serde_json::from_str(&run(&["openapi"])?)?;
    assert!(document["paths"]["/api/v1/actions"]["post"]["responses"]["422"].is_object());
    assert!(run(&["completions", "bash"])?.contains("gumshoe-server"));
    run(&["man", "."])?;
    assert!(folder.path().join("gumshoe-server-serve.1").exists());
    let agent = "0123456789abcdef0123456789abcdef";
    let permissions: Value = serde_json::from_str(&run(&["relay", "permissions", "--agent", agent])?)?;
    let may = &permissions["permissions"][0];
    assert_eq!(may["user"], agent);
    assert_eq!(may["configure"], format!("^(gumshoe\\.v1\\.agent\\.{agent})$"));
    Ok(())
}

#[test]
fn tokens_and_the_audit_log_are_there_without_the_api() -> Result<()> {
    let mut fleet = Fleet::start("")?;
    let list = fleet.command(&["token", "list"])?;
    let id = list.split_whitespace().next().unwrap_or_default();
    assert!(list.contains("admin") && list.contains("valid"), "{list}");
    fleet.command(&["token", "revoke", id])?;
    assert_eq!(fleet.get("/api/v1/whoami")?.0, 401);
    assert!(fleet.stop()?, "{}", fleet.log());
    let shown = fleet.command(&["audit", "show", "--actor", "command line"])?;
    let whats: Vec<_> = shown
        .lines()
        .map(serde_json::from_str::<Value>)
        .collect::<Result<_, _>>()?;
    assert_eq!(
        whats.iter().map(|entry| &entry["what"]).collect::<Vec<_>>(),
        ["token.created", "token.revoked"]
    );
    // The refused access was written before the server ended.
    assert!(fleet.command(&["audit", "show"])?.contains("/api/v1/whoami"));
    assert!(
        fleet
            .command(&["audit", "verify"])?
            .contains("the chain is whole")
    );
    Ok(())
}
