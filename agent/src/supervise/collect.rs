//! Puts a report together from what a runner tells. What arrives is believed to be well-formed no
//! more than any other input: the module's code runs in the process that sends it.

use super::Report;
use super::bounds::{self, Errors, Room};
use crate::runner::frame::{Frame, tell};
use gumshoe_plugin_api::sink::{event, stop};
use gumshoe_plugin_api::{Coverage, Kind, Limits, Rejection, Skipped, Status, json};
use gumshoe_walls::Missing;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::time::Duration;

/// Watches an operation while it runs.
pub trait Observer {
    /// One finding, as text for humans (only when that was asked for).
    fn rendered(&mut self, text: &str) {
        let _ = text;
    }
    /// How far the operation has come.
    fn progress(&mut self, done: u64, total: Option<u64>, unit: &str) {
        let _ = (done, total, unit);
    }
    /// A log message of the module's.
    fn log(&mut self, level: &str, message: &str) {
        let _ = (level, message);
    }
}

/// An observer that looks away.
impl Observer for () {}

/// A report in the making.
pub struct Collected {
    report: Report,
    limits: Limits,
    bytes: u64,
    errors: Errors,
    room: Room,
    /// Set by the first thing that ends the operation.
    outcome: Option<Status>,
    cancelled: bool,
    /// The runner is not to be waited for.
    kill: bool,
}

impl Collected {
    /// An empty report of a module.
    pub fn new(module: &str, version: &str, limits: Limits) -> Self {
        let report = Report {
            module: module.to_owned(),
            module_version: Some(version.to_owned()),
            status: Status::Success,
            found: false,
            findings: Vec::new(),
            statistics: Value::Object(Map::new()),
            coverage: Coverage::default(),
            errors: Vec::new(),
            refusal: None,
        };
        Self {
            report,
            limits,
            bytes: 0,
            errors: Errors::default(),
            room: Room::default(),
            outcome: None,
            cancelled: false,
            kill: false,
        }
    }

    /// Says which walls the runner does not have, and which rights of its module's. Neither makes an answer incomplete by itself:
    /// what a module could not look at, it tells.
    pub fn tell_missing(&mut self, missing: &[Missing]) {
        let mut entries: Vec<Skipped> = Vec::new();
        for one in missing {
            let mut entry = Skipped::one(one.wall.words(), one.why.as_str()).by_design();
            entry.examples.extend(one.which.clone());
            match entries
                .iter_mut()
                .find(|e| e.what == entry.what && e.why == entry.why)
            {
                Some(known) => known.merge(entry),
                None => entries.push(entry),
            }
        }
        for entry in entries {
            self.report.coverage.set(entry);
        }
    }

    /// Whether nothing more is to be expected.
    pub fn is_over(&self) -> bool {
        self.outcome.is_some()
    }

    /// Whether the runner should be killed rather than waited for.
    pub fn wants_kill(&self) -> bool {
        self.kill || self.outcome.is_none()
    }

    /// Takes one message.
    pub fn take(&mut self, frame: Frame, observer: &mut dyn Observer) {
        match frame.kind {
            tell::FINDING => self.finding(&frame.payload),
            tell::RENDERED => observer.rendered(&String::from_utf8_lossy(&frame.payload)),
            tell::EVENT => self.event(&frame.payload, observer),
            tell::DONE => self.done(&frame.payload),
            tell::REJECTED => self.rejected(&frame.payload),
            other => self.fail(format!("the runner sent a message of the unknown kind {other}")),
        }
    }

    /// Somebody asked for the operation's end.
    pub fn cancel(&mut self) {
        self.cancelled = true;
    }

    /// The operation did not end in time: it will be killed.
    pub fn time_is_over(&mut self) {
        self.kill = true;
        if self.cancelled {
            self.outcome = Some(Status::Cancelled);
            self.error("the module did not end when it was cancelled; its process was killed".to_owned());
        } else {
            self.outcome = Some(Status::Timeout);
            self.error("the module did not end when its time was over; its process was killed".to_owned());
        }
    }

    /// The runner does not do what it should: the operation cannot be brought to a good end.
    pub fn fail(&mut self, message: String) {
        self.kill = true;
        self.outcome = Some(Status::Failed);
        self.error(message);
    }

    /// The finished report. `post_mortem` says how the process ended, given whether it answered.
    pub fn finish(mut self, duration: Duration, post_mortem: impl FnOnce(bool) -> Option<String>) -> Report {
        let end = post_mortem(self.outcome.is_some());
        if self.outcome.is_none() {
            // It hung up without an answer: its end is all there is to say.
            self.outcome = Some(if self.cancelled {
                Status::Cancelled
            } else {
                Status::Failed
            });
            self.error(end.unwrap_or_else(|| "the module's process ended without an answer".to_owned()));
        } else if let Some(end) = end.filter(|_| !self.kill) {
            self.error(end);
        }
        let mut report = self.report;
        report.errors = self.errors.finish();
        report.status = self.outcome.unwrap_or(Status::Failed);
        report.found = !report.findings.is_empty();
        if let Some(why) = cut_short(report.status, &self.limits) {
            report.coverage.set(Skipped::one("rest of the operation", why));
        }
        if let Value::Object(statistics) = &mut report.statistics {
            let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            statistics.insert("duration_ms".to_owned(), milliseconds.into());
        }
        report
    }

    fn finding(&mut self, payload: &[u8]) {
        self.bytes = self.bytes.saturating_add(payload.len() as u64);
        let count = self.report.findings.len() as u64;
        // The runner keeps these limits itself; one that does not is not to be trusted any further.
        if count >= self.limits.findings || self.bytes > self.limits.report_bytes {
            return self.fail("the runner sent more findings than its limits allow".to_owned());
        }
        match serde_json::from_slice::<Box<RawValue>>(payload) {
            Ok(finding) if finding.get().starts_with('{') && json::is_shallow(payload) => {
                self.report.findings.push(finding);
            }
            _ => self.error("a finding is not a JSON object, or too deep a one".to_owned()),
        }
    }

    fn event(&mut self, payload: &[u8], observer: &mut dyn Observer) {
        let Some((kind, message)) = payload.split_first() else {
            return;
        };
        let Ok(message) = serde_json::from_slice::<Value>(message) else {
            return self.error("a message of the module is not JSON".to_owned());
        };
        let text = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default();
        let number = |key: &str| message.get(key).and_then(Value::as_u64);
        match u32::from(*kind) {
            event::PROGRESS => observer.progress(number("done").unwrap_or(0), number("total"), text("unit")),
            event::LOG => observer.log(text("level"), text("message")),
            event::SKIPPED => match serde_json::from_value(message) {
                Ok(entry) => self.room.set(&mut self.report.coverage, entry),
                Err(error) => self.error(format!("a coverage entry is not understood: {error}")),
            },
            event::ERROR => self.error(message.as_str().unwrap_or_default().to_owned()),
            _ => {}
        }
    }

    fn done(&mut self, payload: &[u8]) {
        let Some((reason, statistics)) = payload.split_first() else {
            return self.fail("the runner's last message is empty".to_owned());
        };
        let map = match serde_json::from_slice(statistics) {
            Ok(Value::Object(map)) => map,
            Ok(Value::Null) => Map::new(),
            Ok(other) => Map::from_iter([("value".to_owned(), other)]),
            Err(_) => return self.fail("the module's statistics are not JSON".to_owned()),
        };
        match bounds::statistics(map) {
            Ok(map) => self.report.statistics = Value::Object(map),
            Err(why) => self.error(why),
        }
        let limits = &self.limits;
        let limit = match u32::from(*reason) {
            stop::FINDINGS => Some(format!("limit reached: findings = {}", limits.findings)),
            stop::BYTES => Some(format!("limit reached: report_bytes = {}", limits.report_bytes)),
            _ => None,
        };
        if let Some(why) = limit {
            self.report.coverage.set(Skipped::one("further findings", why));
        }
        self.outcome = Some(match u32::from(*reason) {
            stop::CANCELLED => Status::Cancelled,
            stop::DEADLINE => Status::Timeout,
            _ => Status::Success,
        });
    }

    fn rejected(&mut self, payload: &[u8]) {
        let rejection = serde_json::from_slice::<Rejection>(payload);
        match rejection {
            Ok(rejection) if rejection.kind == Kind::Parameters => {
                self.outcome = Some(Status::Refused);
                self.report.refusal = Some(gumshoe_plugin_api::Refusal {
                    code: "parameters-invalid".to_owned(),
                    message: bounds::error(rejection.message.clone()),
                });
                self.error(rejection.message);
            }
            Ok(rejection) => {
                self.outcome = Some(Status::Failed);
                self.error(rejection.message);
            }
            Err(error) => self.fail(format!("the module's error is not understood: {error}")),
        }
    }

    fn error(&mut self, message: String) {
        self.errors.add(message);
    }
}

/// Why the rest was not looked at, when an operation did not come to its own end.
fn cut_short(status: Status, limits: &Limits) -> Option<String> {
    match status {
        Status::Timeout => Some(format!("limit reached: timeout_ms = {}", limits.timeout_ms)),
        Status::Cancelled => Some("cancelled".to_owned()),
        Status::Failed => Some("the operation failed".to_owned()),
        Status::Refused => Some("the operation was refused".to_owned()),
        _ => None,
    }
}
