//! What an action asks, for people who are about to sign or send it.

use crate::document::Content;
use crate::terminal::{Colours, Style, count, one_line};
use chrono::TimeDelta;
use gumshoe_protocol::{Action, Cancel, RequestedLimits};
use serde_json::Value;
use std::fmt::Write as _;

/// How many characters of an operation's parameters are shown in a summary.
const SHOWN_PARAMS: usize = 2000;

/// How much of the parameters is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// On one line each, shortened where they are long.
    Summary,
    /// All of them.
    Full,
}

/// What is signed, or is to be.
#[must_use]
pub fn content(content: &Content, detail: Detail, colours: Colours) -> String {
    match content {
        Content::Action(action) => self::action(action, detail, colours),
        Content::Cancel(cancel) => cancellation(cancel),
    }
}

/// An action: name, questions, target, window, limits, references.
#[must_use]
pub fn action(action: &Action, detail: Detail, colours: Colours) -> String {
    let mut out = format!(
        "{}  {}\n",
        colours.paint(Style::Strong, &one_line(&action.name)),
        colours.paint(Style::Faint, &action.id.to_string())
    );
    for (index, operation) in action.operations.iter().enumerate() {
        let label = if index == 0 { "asks" } else { "" };
        let params = params(&operation.params, detail);
        field(&mut out, label, &format!("{}  {params}", operation.module));
        let limits = limits(&operation.limits);
        if !limits.is_empty() {
            field(&mut out, "", &format!("  limits: {limits}"));
        }
    }
    field(
        &mut out,
        "of",
        &format!("hosts where {}", one_line(&action.target)),
    );
    field(&mut out, "valid", &window(action));
    let limits = limits(&action.limits);
    if !limits.is_empty() {
        field(&mut out, "limits", &limits);
    }
    for line in action.description.lines() {
        field(&mut out, "for", &one_line(line));
    }
    for reference in &action.references {
        field(&mut out, "see", &one_line(reference));
    }
    out
}

fn cancellation(cancel: &Cancel) -> String {
    let mut out = format!("Cancellation of the action {}\n", cancel.action);
    field(&mut out, "made", &time(cancel.made));
    if !cancel.reason.is_empty() {
        field(&mut out, "because", &one_line(&cancel.reason));
    }
    out
}

/// A line of a description: label and text in columns.
fn field(out: &mut String, label: &str, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "  {label:8} {text}");
}

fn params(params: &Value, detail: Detail) -> String {
    match detail {
        Detail::Full => {
            let text = serde_json::to_string_pretty(params).unwrap_or_default();
            crate::terminal::printable(&text).replace('\n', "\n           ")
        }
        Detail::Summary => {
            let text = params.to_string();
            let text = one_line(&text);
            let all = text.chars().count();
            if all <= SHOWN_PARAMS {
                return text.into_owned();
            }
            let start: String = text.chars().take(SHOWN_PARAMS).collect();
            format!(
                "{start}… ({} more; `gumshoe action show` shows all)",
                count((all - SHOWN_PARAMS) as u64, "character")
            )
        }
    }
}

fn window(action: &Action) -> String {
    let length = span(action.expires - action.not_before);
    format!(
        "{} to {} ({length})",
        time(action.not_before),
        time(action.expires)
    )
}

/// A point in time, as people read it.
#[must_use]
pub fn time(time: gumshoe_protocol::Timestamp) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A length of time in its two largest units.
#[must_use]
pub fn span(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

fn limits(limits: &RequestedLimits) -> String {
    let mut parts = Vec::new();
    parts.extend(limits.timeout_ms.map(|ms| format!("{} s", ms.div_ceil(1000))));
    parts.extend(
        limits
            .memory_bytes
            .map(|bytes| format!("{} MiB of memory", bytes.div_ceil(1 << 20))),
    );
    parts.extend(
        limits
            .cpu_percent
            .map(|percent| format!("{percent} % of a processor")),
    );
    parts.extend(limits.findings.map(|findings| count(findings, "finding")));
    parts.extend(
        limits
            .report_bytes
            .map(|bytes| format!("{} KiB of findings", bytes.div_ceil(1 << 10))),
    );
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_told_in_full_and_nothing_in_it_steers_the_terminal() {
        let action = serde_json::json!({
            "protocol": 1, "id": "00112233445566778899aabbccddeeff", "name": "ssh keys", "target": "os == \"linux\"",
            "not_before": "2026-01-01T10:00:00Z", "expires": "2026-01-01T11:05:00Z",
            "operations": [
                {"module": "file", "params": {"searches": {"s": {"paths": ["/root\u{1b}[2J"]}}}},
                {"module": "pkg", "params": {}, "limits": {"timeout_ms": 1500}}],
            "limits": {"findings": 5}, "references": ["TICKET-1"], "description": "a\nb",
        });
        let action = Action::parse(action.to_string().as_bytes()).unwrap();
        let told = super::action(&action, Detail::Summary, Colours::Off);
        assert_eq!(
            told,
            "ssh keys  00112233445566778899aabbccddeeff\n\
             \x20 asks     file  {\"searches\":{\"s\":{\"paths\":[\"/root\\u001b[2J\"]}}}\n\
             \x20          pkg  {}\n\
             \x20            limits: 2 s\n\
             \x20 of       hosts where os == \"linux\"\n\
             \x20 valid    2026-01-01 10:00:00 UTC to 2026-01-01 11:05:00 UTC (1 h 5 min)\n\
             \x20 limits   5 findings\n\
             \x20 for      a\n\
             \x20 for      b\n\
             \x20 see      TICKET-1\n"
        );
    }

    #[test]
    fn long_parameters_are_shortened_with_the_number() {
        let long = serde_json::json!({"x": "a".repeat(5000)});
        assert!(
            params(&long, Detail::Summary)
                .ends_with("(3008 characters more; `gumshoe action show` shows all)")
        );
        assert!(params(&long, Detail::Full).len() > 5000);
    }

    #[test]
    fn spans_have_two_units() {
        for (seconds, text) in [
            (5, "5 s"),
            (65, "1 min 5 s"),
            (3900, "1 h 5 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(span(TimeDelta::seconds(seconds)), text);
        }
    }
}
