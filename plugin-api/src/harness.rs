//! Runs a module inside a test, in the same process, on a fixture root.
//!
//! ```text
//! let report = Harness::new(fixture_folder).run::<Uptime>(&json!({}));
//! assert_eq!(report.status, Status::Success);
//! ```
//!
//! What a module's tests should also do once is [`conforms`]: it checks the declaration and the
//! examples. `gumshoe-agent modules check FILE` does the same, and more, to the built plugin.

use crate::export;
use crate::sink::{self, Sink, event, stop};
use crate::{
    Coverage, FlagKind, Kind, Limits, Module, Occurrence, Operation, Problems, Rejection, Report, Skipped,
    Status,
};
use gumshoe_plugin_abi::Answer;
use gumshoe_plugin_abi::abi_stable::std_types::RSlice;
use serde_json::{Value, json};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Runs a module in this process.
#[derive(Debug, Clone)]
pub struct Harness {
    operation: Operation,
    cancel_after: Option<u64>,
}

impl Harness {
    /// A harness whose operations read below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            operation: Operation {
                root: root.into(),
                ..Operation::default()
            },
            cancel_after: None,
        }
    }

    /// Sets the `[settings]` that the module sees.
    #[must_use]
    pub fn settings(mut self, settings: Value) -> Self {
        self.operation.settings = settings;
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.operation.limits = limits;
        self
    }

    /// Cancels the operation once it has emitted `findings` findings.
    #[must_use]
    pub fn cancel_after(mut self, findings: u64) -> Self {
        self.cancel_after = Some(findings);
        self
    }

    /// Runs one operation with the given parameters.
    pub fn run<M: Module>(&self, params: &Value) -> Report {
        let collector = Collector::new(self);
        let params = params.to_string();
        let start = Instant::now();
        let table = sink::table::<Collector<'_>>();
        let answer = export::run::<M>(
            RSlice::from_slice(params.as_bytes()),
            table,
            sink::handle(&collector),
        );
        let elapsed = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        collector.report(answer, elapsed)
    }

    /// Runs one operation with the module's own command-line flags.
    ///
    /// # Errors
    ///
    /// What is wrong with the flags.
    pub fn run_arguments<M: Module>(&self, arguments: &[&str]) -> Result<Report, Problems> {
        Ok(self.run::<M>(&parameters::<M>(arguments)?))
    }
}

/// The parameters that a command line of the module stands for.
///
/// # Errors
///
/// Unknown flags and bad values.
pub fn parameters<M: Module>(arguments: &[&str]) -> Result<Value, Problems> {
    export::params_from_arguments::<M>(&occurrences::<M>(arguments))
}

/// Parameters checked the way the runner checks them, without running anything.
///
/// # Errors
///
/// Every problem, as an investigator would see it.
pub fn plan<M: Module>(params: &Value) -> Result<M::Plan, Problems> {
    export::plan::<M>(params.to_string().as_bytes())
}

/// What a golden file keeps of a report: status, findings, statistics, coverage and errors; how long it took is 0.
#[must_use]
pub fn golden(report: &Report) -> Value {
    let mut statistics = report.statistics.clone();
    statistics["duration_ms"] = json!(0);
    json!({
        "status": report.status,
        "findings": report.findings,
        "statistics": statistics,
        "coverage": report.coverage,
        "errors": report.errors,
    })
}

/// The JSON in a golden file. With `BLESS` in the environment `actual` is written there first; review the difference.
///
/// # Errors
///
/// When the file cannot be written or read, or is not JSON.
pub fn expected(file: &Path, actual: &Value) -> io::Result<Value> {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(file, serde_json::to_string_pretty(actual)? + "\n")?;
    }
    Ok(serde_json::from_slice(&std::fs::read(file)?)?)
}

/// Checks a module's declaration; returns what is wrong with it, nothing when all is well.
///
/// Every flag is documented and unique, there are at least two examples, and each example's command
/// line gives parameters that the module accepts.
#[must_use]
pub fn conforms<M: Module>() -> Vec<String> {
    let description = export::description::<M>();
    let mut wrong = crate::description::declaration_problems(&description);
    for example in &description.examples {
        let arguments: Vec<&str> = example.arguments.iter().map(String::as_str).collect();
        let params = parameters::<M>(&arguments).and_then(|params| plan::<M>(&params));
        if let Err(problems) = params {
            wrong.push(format!(
                "the example {:?} is not accepted: {problems}",
                example.title
            ));
        }
    }
    wrong
}

/// Splits arguments as the agent's command line does: `--flag value`, `--flag=value`, `-f value`.
fn occurrences<M: Module>(arguments: &[&str]) -> Vec<Occurrence> {
    let flags = export::description::<M>().flags;
    let mut rest = arguments.iter();
    let mut found = Vec::new();
    while let Some(argument) = rest.next() {
        let word = argument.trim_start_matches('-');
        let (name, inline) = word.split_once('=').map_or((word, None), |(n, v)| (n, Some(v)));
        let flag = flags
            .iter()
            .find(|f| f.name == name || f.short.is_some_and(|s| name == s.to_string()));
        let switch = flag.is_some_and(|f| f.kind == FlagKind::Switch);
        let value = inline.or_else(|| if switch { None } else { rest.next().copied() });
        found.push(Occurrence {
            flag: flag.map_or(name, |f| f.name.as_str()).to_owned(),
            value: value.map(str::to_owned),
        });
    }
    found
}

/// Collects what an operation hands over.
struct Collector<'a> {
    harness: &'a Harness,
    stop: AtomicU32,
    collected: Mutex<Collected>,
}

#[derive(Default)]
struct Collected {
    findings: Vec<Value>,
    bytes: u64,
    coverage: Coverage,
    errors: Vec<String>,
}

impl<'a> Collector<'a> {
    fn new(harness: &'a Harness) -> Self {
        Self {
            harness,
            stop: AtomicU32::new(stop::NO),
            collected: Mutex::default(),
        }
    }

    fn limit_reached(&self, collected: &Collected) -> u32 {
        let limits = &self.harness.operation.limits;
        let count = collected.findings.len() as u64;
        match () {
            () if self.harness.cancel_after.is_some_and(|after| count >= after) => stop::CANCELLED,
            () if count >= limits.findings => stop::FINDINGS,
            () if collected.bytes >= limits.report_bytes => stop::BYTES,
            () => stop::NO,
        }
    }

    fn report(self, answer: Answer, duration_ms: u64) -> Report {
        let stopped = self.stop.load(Ordering::Relaxed);
        let mut collected = self
            .collected
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let (mut statistics, status) = match answer.into_result() {
            Ok(bytes) => (
                serde_json::from_slice(&bytes).unwrap_or(Value::Null),
                ended(stopped),
            ),
            Err(bytes) => (json!({}), rejected(&bytes, &mut collected.errors)),
        };
        if statistics.is_object() {
            statistics["duration_ms"] = duration_ms.into();
        }
        Report {
            module: String::new(),
            module_version: None,
            status,
            found: !collected.findings.is_empty(),
            findings: collected.findings,
            statistics,
            coverage: collected.coverage,
            errors: collected.errors,
            refusal: None,
        }
    }
}

fn ended(stopped: u32) -> Status {
    match stopped {
        stop::CANCELLED => Status::Cancelled,
        stop::DEADLINE => Status::Timeout,
        _ => Status::Success,
    }
}

fn rejected(bytes: &[u8], errors: &mut Vec<String>) -> Status {
    let rejection: Rejection = serde_json::from_slice(bytes).unwrap_or_else(|error| Rejection {
        kind: Kind::Other,
        message: format!("the answer is not understood: {error}"),
        problems: Problems::new(),
    });
    errors.push(rejection.message);
    if rejection.kind == Kind::Parameters {
        Status::Refused
    } else {
        Status::Failed
    }
}

impl Sink for Collector<'_> {
    fn operation(&self) -> &Operation {
        &self.harness.operation
    }

    fn emit(&self, finding: &[u8]) -> u32 {
        let mut collected = self.collected.lock().unwrap_or_else(PoisonError::into_inner);
        let reached = self.limit_reached(&collected);
        if reached == stop::NO {
            collected.bytes += finding.len() as u64;
            collected
                .findings
                .push(serde_json::from_slice(finding).unwrap_or(Value::Null));
        }
        let reached = self.limit_reached(&collected);
        self.stop.store(reached, Ordering::Relaxed);
        reached
    }

    fn event(&self, kind: u32, message: &[u8]) {
        let mut collected = self.collected.lock().unwrap_or_else(PoisonError::into_inner);
        match kind {
            event::SKIPPED => match serde_json::from_slice::<Skipped>(message) {
                Ok(entry) => collected.coverage.set(entry),
                Err(error) => collected
                    .errors
                    .push(format!("a coverage entry is not understood: {error}")),
            },
            event::ERROR => collected
                .errors
                .push(serde_json::from_slice(message).unwrap_or_default()),
            _ => {}
        }
    }

    fn stopped(&self) -> u32 {
        self.stop.load(Ordering::Relaxed)
    }
}
