//! The last lines: how many hosts answered, and who did not, and why.

use crate::api::{ActionDetails, Counters, RequestError, Server, Target};
use crate::terminal::{Colours, Style, count, one_line};
use std::fmt::Write as _;

/// Hosts that are listed by name, per state.
const LISTED: usize = 50;
/// States of hosts that were meant and have not reported every operation, as the server names them, and what people are told.
const STATES: [(&str, &str); 7] = [
    ("refused", "refused"),
    ("interrupted", "its agent ended while the action ran"),
    ("timed-out", "began and did not finish in time"),
    ("expired", "was there and did not begin in time"),
    ("never-reached", "was away the whole time"),
    ("running", "still running"),
    ("targeted", "not heard of yet"),
];

/// Hosts that did not answer.
#[derive(Debug, Default)]
pub struct Silent {
    /// Some of them; all where there are few.
    pub hosts: Vec<Target>,
    /// How many more there are.
    pub more: u64,
}

impl Silent {
    /// Asks the server who has not answered.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn ask(server: &Server, details: &ActionDetails) -> Result<Self, RequestError> {
        let mut silent = Self::default();
        let all = details.counters.silent();
        if all == 0 {
            return Ok(silent);
        }
        let path = format!("actions/{}/targets", details.action.id);
        for (state, _) in STATES {
            let query = [("state", state), ("limit", "100")];
            for target in server.list::<Target>(&path, &query).take(LISTED) {
                silent.hosts.push(target?);
            }
        }
        silent.more = all.saturating_sub(silent.hosts.len() as u64);
        Ok(silent)
    }
}

/// How an action ended, or how far it is.
#[must_use]
pub fn summary(details: &ActionDetails, silent: &Silent, colours: Colours) -> String {
    let mut out = format!("{}\n", headline(details, colours));
    for (state, why) in STATES {
        for host in silent.hosts.iter().filter(|host| host.state == state) {
            let code = host
                .code
                .as_ref()
                .map(|code| format!(" [{code}]"))
                .unwrap_or_default();
            let line = format!("{}: {why}{code}", host.hostname);
            // Writing to a string cannot fail.
            let _ = writeln!(out, "  {}", colours.paint(Style::Warning, &one_line(&line)));
        }
    }
    if silent.more > 0 {
        let _ = writeln!(out, "  and {} more", count(silent.more, "host"));
    }
    if !details.action.note.is_empty() {
        let _ = writeln!(out, "  {}", one_line(&details.action.note));
    }
    let counters = &details.counters;
    if counters.found == 0 && counters.silent() + counters.incomplete + counters.failed > 0 {
        let _ = writeln!(out, "  not everything was looked at: this is no proof of absence");
    }
    out
}

fn headline(details: &ActionDetails, colours: Colours) -> String {
    let counters = &details.counters;
    let state = match details.action.state.as_str() {
        "done" => String::new(),
        state => format!(" ({})", colours.paint(Style::Warning, &one_line(state))),
    };
    let outcomes = outcomes(counters);
    let outcomes = if outcomes.is_empty() {
        String::new()
    } else {
        format!(": {}", outcomes.join(", "))
    };
    format!(
        "{} of {} answered{state}{outcomes}; {}",
        counters.answered,
        count(counters.targeted, "host"),
        count(counters.findings, "finding")
    )
}

fn outcomes(counters: &Counters) -> Vec<String> {
    let parts = [
        (counters.found, "found something"),
        (counters.nothing, "found nothing"),
        (
            counters.incomplete,
            "found nothing and did not look at everything",
        ),
        (counters.failed, "failed"),
        (counters.not_target, "not meant"),
    ];
    let there = parts.iter().filter(|(number, _)| *number > 0);
    there.map(|(number, what)| format!("{number} {what}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn who_did_not_answer_is_told_with_the_reason() {
        let details: ActionDetails = serde_json::from_value(json!({
            "id": "00112233445566778899aabbccddeeff", "name": "n", "target": "true", "modules": ["file"],
            "not_before": "2026-01-01T00:00:00Z", "expires": "2026-01-01T01:00:00Z", "created": "2026-01-01T00:00:00Z",
            "state": "expired", "note": "", "signers": [],
            "counters": {"targeted": 4, "answered": 2, "nothing": 2, "refused": 1, "never_reached": 1},
        }))
        .unwrap();
        let target = |hostname: &str, state: &str, code: Option<&str>| {
            serde_json::from_value::<Target>(json!({
                "agent": "00112233445566778899aabbccddeeff", "hostname": hostname, "state": state, "code": code,
            }))
            .unwrap()
        };
        let silent = Silent {
            hosts: vec![
                target("laptop\n7", "never-reached", None),
                target("db1", "refused", Some("acl-denied")),
            ],
            more: 0,
        };
        assert_eq!(
            summary(&details, &silent, Colours::Off),
            "2 of 4 hosts answered (expired): 2 found nothing; 0 findings\n\
             \x20 db1: refused [acl-denied]\n\
             \x20 laptop\\n7: was away the whole time\n\
             \x20 not everything was looked at: this is no proof of absence\n"
        );
    }
}
