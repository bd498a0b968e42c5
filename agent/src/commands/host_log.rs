//! `log show | verify`: the host log, for the host's owner. Needs no lock: an agent may be writing meanwhile.

use crate::exit::Exit;
use crate::state::host_log::{self, Event, Line};
use crate::terminal::{line, printable};
use anyhow::Context as _;
use chrono::{TimeDelta, Utc};
use gumshoe_protocol::units::Duration;
use gumshoe_protocol::{ActionId, Timestamp};
use serde_json::json;
use std::path::Path;

/// Shows the lines that are asked for.
pub fn show(
    folder: &Path,
    since: Option<&str>,
    action: Option<ActionId>,
    as_json: bool,
) -> anyhow::Result<Exit> {
    let since = since.map(|text| moment(text, Utc::now())).transpose()?;
    readable(folder)?;
    let mut shown = Ok(());
    host_log::lines(folder, |text, one| {
        let is_wanted = since.is_none_or(|since| one.time >= since)
            && action.is_none_or(|action| one.event.action() == Some(&action));
        if is_wanted && shown.is_ok() {
            shown = if as_json {
                line(text)
            } else {
                line(&printable(&told(&one)))
            };
        }
        Ok(())
    })?;
    shown.context("failed to print the log")?;
    Ok(Exit::Found)
}

/// Checks the chain.
pub fn verify(folder: &Path, as_json: bool) -> anyhow::Result<Exit> {
    readable(folder)?;
    let verified = match host_log::verify(folder) {
        Ok(verified) => verified,
        Err(error) if as_json => {
            let message = crate::terminal::chain(&error);
            line(&serde_json::to_string_pretty(
                &json!({ "good": false, "problem": message }),
            )?)?;
            return Ok(Exit::Failed);
        }
        Err(error) => return Err(anyhow::Error::from(error).context("the host log is broken")),
    };
    if as_json {
        line(&serde_json::to_string_pretty(
            &json!({ "good": true, "log": verified }),
        )?)?;
    } else if verified.last == 0 {
        line("good   nothing has been logged")?;
    } else {
        let gone = match verified.first {
            1 => String::new(),
            first => format!("; the {} before have been rotated away", first - 1),
        };
        line(&format!(
            "good   lines {} to {}; SHA-256 of the last: {}{gone}",
            verified.first, verified.last, verified.digest
        ))?;
    }
    if verified.is_torn {
        eprintln!("the last line was not written to its end: an agent is writing it, or crashed there");
    }
    Ok(Exit::Found)
}

/// A folder that cannot be looked into must not look like one without a log.
fn readable(folder: &Path) -> anyhow::Result<()> {
    std::fs::read_dir(folder)
        .map(drop)
        .with_context(|| format!("failed to read the state folder `{}`", folder.display()))
}

/// A point in time, or a time span before now.
fn moment(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let span: Duration = text.parse().map_err(|_| {
        anyhow::anyhow!("{text:?} is neither a time such as 2026-01-31T12:00:00Z nor a time span such as 7d")
    })?;
    let span = TimeDelta::milliseconds(i64::try_from(span.milliseconds())?);
    now.checked_sub_signed(span).context("that is too long ago")
}

/// A line for humans.
fn told(one: &Line) -> String {
    let time = one.time.format("%Y-%m-%dT%H:%M:%SZ");
    let text = match &one.event {
        Event::Identity {
            agent,
            previous: None,
        } => format!("this agent is {agent}"),
        Event::Identity {
            agent,
            previous: Some(previous),
        } => format!("this host is a copy of {previous}; this agent is {agent}"),
        Event::Note { message } => message.clone(),
        Event::Decision { .. } => decision(&one.event),
        Event::Counted {
            verdict,
            code,
            signed,
            count,
            since,
        } => {
            let code = code.as_ref().map(|code| format!(" [{code}]")).unwrap_or_default();
            let who = if *signed {
                "signed"
            } else {
                "by nobody who is known"
            };
            let since = since.format("%Y-%m-%dT%H:%M:%SZ");
            format!("{count} more messages since {since}, {who}: {verdict}{code}")
        }
        Event::Operation {
            action,
            index,
            module,
            status,
            duration_ms,
            findings,
            limits,
            refusal,
            ..
        } => {
            let limits = limits
                .iter()
                .map(|limit| format!("; {limit}"))
                .collect::<String>();
            let found = match findings {
                1 => "1 finding".to_owned(),
                count => format!("{count} findings"),
            };
            let refusal = refusal
                .as_ref()
                .map(|code| format!(" [{code}]"))
                .unwrap_or_default();
            format!(
                "{action} operation {index} {module}: {status}{refusal}, {found} in {duration_ms} ms{limits}"
            )
        }
        Event::Finished { action, duration_ms } => format!("{action} finished after {duration_ms} ms"),
        Event::Interrupted { action, missing } => {
            format!("{action} was interrupted; operations without a report: {missing:?}")
        }
    };
    format!("{time}  {text}")
}

fn decision(event: &Event) -> String {
    let Event::Decision {
        action,
        name,
        signers,
        verdict,
        code,
        message,
        target,
        operations,
        digest,
    } = event
    else {
        return String::new();
    };
    let what = action.map_or_else(|| format!("message {digest}"), |id| id.to_string());
    let name = name.as_ref().map(|name| format!(" {name:?}")).unwrap_or_default();
    let by = if signers.is_empty() {
        String::new()
    } else {
        format!(", signed by {}", signers.join(", "))
    };
    let code = code.as_ref().map(|code| format!(" [{code}]")).unwrap_or_default();
    let message = message
        .as_ref()
        .map(|message| format!(": {message}"))
        .unwrap_or_default();
    let target = target
        .as_ref()
        .map(|target| format!("\n    target {target}"))
        .unwrap_or_default();
    let asked = operations.iter().map(|one| match one.params_bytes {
        None => format!("\n    {} {}", one.module, one.params),
        Some(bytes) => format!("\n    {} ({bytes} bytes of parameters)", one.module),
    });
    format!(
        "{what}{name}{by}: {verdict}{code}{message}{target}{}",
        asked.collect::<String>()
    )
}
