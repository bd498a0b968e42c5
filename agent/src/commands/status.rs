//! `status`: how the daemon is.

use crate::exit::Exit;
use crate::state::StateFolder;
use crate::terminal::{line, printable};
use crate::warden::status::{FILE, Status};
use anyhow::Context as _;
use chrono::DateTime;
use gumshoe_link::Phase;
use gumshoe_protocol::Timestamp;
use std::path::Path;

/// Shows what the daemon wrote last, if it is running.
pub fn status(folder: &Path, as_json: bool) -> anyhow::Result<Exit> {
    std::fs::read_dir(folder)
        .map(drop)
        .with_context(|| format!("failed to read the state folder `{}`", folder.display()))?;
    let path = folder.join(FILE);
    let is_running = StateFolder::is_held(folder)?;
    if !is_running || !path.exists() {
        let what = if is_running {
            "an agent uses the state folder, but it is not the daemon, or has not begun yet"
        } else {
            "the daemon is not running"
        };
        anyhow::bail!(what);
    }
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
    if as_json {
        line(text.trim_end())?;
        return Ok(Exit::Found);
    }
    let status: Status = serde_json::from_str(&text).context("the status is that of another version")?;
    told(&status).iter().try_for_each(|text| line(&printable(text)))?;
    Ok(Exit::Found)
}

fn told(status: &Status) -> Vec<String> {
    let mut lines = vec![
        format!(
            "agent      {} ({}), process {}, since {}",
            status.agent,
            status.version,
            status.pid,
            time(status.since)
        ),
        relay(status),
        format!(
            "spool      {} reports, {} bytes; {} lost",
            status.spool.reports, status.spool.bytes, status.spool.lost
        ),
    ];
    let heartbeat = status.heartbeat.map_or_else(|| "none yet".to_owned(), time);
    lines.push(format!("heartbeat  {heartbeat}"));
    lines.extend(
        status
            .configuration_problem
            .iter()
            .map(|problem| format!("problem    {problem}")),
    );
    lines.extend(status.blind_spots.iter().map(|spot| format!("blind      {spot}")));
    lines.push(format!(
        "actions    {} running, {} waiting",
        status.running.len(),
        status.waiting
    ));
    for one in &status.running {
        lines.push(format!(
            "  {} {:?}{}: {} of {} operations, since {}",
            one.action,
            one.name,
            by(&one.signers),
            one.done,
            one.operations,
            time(one.accepted)
        ));
    }
    if !status.decisions.is_empty() {
        lines.push("decisions".to_owned());
    }
    for one in &status.decisions {
        let action = one
            .action
            .map_or_else(|| "(not readable)".to_owned(), |id| id.to_string());
        let name = one
            .name
            .as_ref()
            .map(|name| format!(" {name:?}"))
            .unwrap_or_default();
        lines.push(format!(
            "  {} {action}{name}{}: {}",
            time(one.time),
            by(&one.signers),
            one.verdict
        ));
    }
    lines
}

fn relay(status: &Status) -> String {
    let link = &status.relay;
    let phase = match link.phase {
        Phase::Connected => "connected",
        Phase::Connecting => "connecting",
        Phase::Disconnected => "not connected",
    };
    let relay = link
        .relay
        .as_ref()
        .map(|relay| format!(" to {relay}"))
        .unwrap_or_default();
    let since = i64::try_from(link.since_unix_ms)
        .ok()
        .and_then(DateTime::from_timestamp_millis);
    let since = since
        .map(|since| format!(" since {}", time(since)))
        .unwrap_or_default();
    let error = link
        .error
        .as_ref()
        .map(|error| format!(": {error}"))
        .unwrap_or_default();
    let courier = status
        .courier
        .map_or_else(|| "no courier".to_owned(), |pid| format!("courier {pid}"));
    let restarts = match status.courier_restarts {
        0 => String::new(),
        1 => ", started again once".to_owned(),
        times => format!(", started again {times} times"),
    };
    format!("relay      {phase}{relay}{since} ({courier}{restarts}){error}")
}

fn by(signers: &[String]) -> String {
    if signers.is_empty() {
        String::new()
    } else {
        format!(" by {}", signers.join(", "))
    }
}

/// To the second, as the host log shows it.
fn time(time: Timestamp) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
