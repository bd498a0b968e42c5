//! The API against its own description: schemathesis makes requests from the OpenAPI document and compares the answers with it.

use crate::harness::Fleet;
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that is known to work.
const VERSION: &str = "4.32.5";
/// Checks that answers are made to: no failure of the server, and nothing that the document does not say.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

#[test]
fn the_api_is_as_its_description_says_whatever_is_sent() -> Result<()> {
    let program = schemathesis()?;
    let fleet = Fleet::start("[api]\nrequests_per_minute = 1000000\n")?;
    let mut agent = fleet.agent("web1")?;
    let action = fleet.action("true")?;
    fleet.submit(&action, &json!({}))?;
    agent.receive_action()?;
    agent.answer(&action, &json!([{"path": "/etc/passwd"}]))?;
    fleet.wait_for_state(action.id, "done")?;
    // The identifiers of what is there, so that not every request ends at "there is no such thing".
    let document = fleet.command(&["openapi"])?;
    let document = document.replace(
        "\"pattern\": \"^[0-9a-f]{32}$\"",
        &format!("\"enum\": [\"{}\", \"{}\"]", action.id, agent.id),
    );
    let file = fleet.folder.path().join("openapi.json");
    fs::write(&file, document)?;
    let output = Command::new(program)
        .args([
            "run",
            "--url",
            &fleet.api,
            "--checks",
            CHECKS,
            "--max-examples",
            "12",
            "--max-time",
            "25",
        ])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--generation-deterministic",
            "--no-color",
            "--warnings",
            "off",
        ])
        .args(["--exclude-path", "/api/v1/logout", "--request-timeout", "10"])
        .args(["--header", &format!("Authorization:Bearer {}", fleet.admin)])
        .arg(&file)
        .current_dir(fleet.folder.path())
        .output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// The program, installed once into a folder of the build's.
fn schemathesis() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("schemathesis-{VERSION}"));
    let program = folder.join("bin/schemathesis");
    if program.exists() {
        return Ok(program);
    }
    let run = |program: &Path, arguments: &[&str]| -> Result<()> {
        let output = Command::new(program).args(arguments).output();
        let output = output.with_context(|| format!("{}: install python3-venv", program.display()))?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{} {arguments:?}: {told}",
            program.display()
        );
        Ok(())
    };
    let path = folder.to_str().context("a path in UTF-8")?;
    run(Path::new("python3"), &["-m", "venv", path])?;
    run(
        &folder.join("bin/pip"),
        &["install", "--quiet", &format!("schemathesis=={VERSION}")],
    )?;
    Ok(program)
}
