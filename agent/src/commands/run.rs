//! `run`: one operation on this host, from the command line to the report.

use super::prepare::{Asked, Prepared, limited, prepare, wrong_parameters};
use crate::cli::{Run, RunOptions};
use crate::config::Config;
use crate::exit::Exit;
use crate::plugins::{Chosen, choose};
use crate::runner::Job;
use crate::supervise::{Canceller, Observer, Report, refused};
use crate::terminal::{StatusLine, chain, count, line, printable};
use anyhow::Context as _;
use gumshoe_plugin_api::{Operation, Skipped, Status};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::path::Path;

/// Runs one operation.
pub fn run(config: Config, arguments: Run) -> anyhow::Result<Exit> {
    let asked = Asked::read(config, arguments)?;
    match choose(&asked.config, &asked.module) {
        Ok(chosen) => start(&chosen, asked),
        Err(error) => {
            let report = refused(&asked.module, error.code(), chain(&error));
            let json = asked.options.json || asked.words.iter().any(|word| word == "--json");
            finish(&report, json, true)
        }
    }
}

/// Starts the runner, turns the flags into parameters, runs, reports.
fn start(chosen: &Chosen, asked: Asked) -> anyhow::Result<Exit> {
    let Prepared {
        session,
        options,
        params,
    } = match prepare(chosen, asked)? {
        Ok(prepared) => prepared,
        Err(exit) => return Ok(exit),
    };
    let job = Job {
        operation: Operation {
            root: absolute(options.root.as_deref().unwrap_or(Path::new("/")))?,
            limits: limited(&chosen.limits, &options),
            settings: chosen.settings.clone(),
            own_processes: Vec::new(),
        },
        render: !options.json,
    };
    cancel_on_signals(&session.canceller())?;
    let mut screen = Screen::new(&options, session.canceller());
    let report = session.run(&job, &params, &mut screen);
    screen.status.clear();
    if report.status == Status::Refused && !options.json {
        return Ok(wrong_parameters(&report.module, &report.errors.join("; ")));
    }
    finish(&report, options.json, !options.quiet)
}

fn absolute(root: &Path) -> anyhow::Result<std::path::PathBuf> {
    root.canonicalize()
        .with_context(|| format!("the root folder `{}` cannot be used", root.display()))
}

/// Ctrl-C and its relatives cancel the operation: what was found until then is printed.
fn cancel_on_signals(canceller: &Canceller) -> anyhow::Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        canceller.on_signal(signal).context("failed to handle signals")?;
    }
    Ok(())
}

/// Shows findings as they come and progress in between.
struct Screen {
    status: StatusLine,
    canceller: Canceller,
}

impl Screen {
    fn new(options: &RunOptions, canceller: Canceller) -> Self {
        Self {
            status: StatusLine::new(!options.quiet),
            canceller,
        }
    }
}

impl Observer for Screen {
    fn rendered(&mut self, text: &str) {
        self.status.clear();
        if line(&printable(text)).is_err() {
            self.canceller.cancel(); // whoever read has seen enough (`| head`)
        }
    }

    fn progress(&mut self, done: u64, total: Option<u64>, unit: &str) {
        let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
        self.status.show(&format!("… {done}{of} {unit}"));
    }

    fn log(&mut self, level: &str, message: &str) {
        self.status.clear();
        eprintln!("{level}: {}", printable(message));
    }
}

/// Prints what is left to print and chooses the exit status.
fn finish(report: &Report, json: bool, summary: bool) -> anyhow::Result<Exit> {
    if json {
        line(&serde_json::to_string_pretty(report)?).context("failed to print the report")?;
    } else if summary {
        summarise(report);
    }
    Ok(Exit::of(report))
}

/// The last lines on standard error: result, coverage, errors.
pub(super) fn summarise(report: &Report) {
    let findings = count(report.findings.len() as u64, "finding");
    let duration = report
        .statistics
        .get("duration_ms")
        .and_then(serde_json::Value::as_u64)
        .unwrap_or(0);
    let state = match report.status {
        Status::Success => String::new(),
        other => format!(" ({})", format!("{other:?}").to_lowercase()),
    };
    if let Some(refusal) = &report.refusal {
        eprintln!(
            "{}: refused [{}]: {}",
            printable(&report.module),
            refusal.code,
            printable(&refusal.message)
        );
        return;
    }
    eprintln!(
        "{}: {findings} in {duration} ms{state}",
        printable(&report.module)
    );
    for entry in &report.coverage.skipped {
        eprintln!("  {}", printable(&not_looked_at(entry)));
    }
    for error in &report.errors {
        eprintln!("  error: {}", printable(error));
    }
    if !report.coverage.complete && !report.found {
        eprintln!("  not everything in scope was looked at: this is no proof of absence");
    }
}

fn not_looked_at(entry: &Skipped) -> String {
    let kind = if entry.by_design {
        "left out"
    } else {
        "not looked at"
    };
    let bytes = if entry.bytes > 0 {
        format!(", {} bytes", entry.bytes)
    } else {
        String::new()
    };
    let examples = if entry.examples.is_empty() {
        String::new()
    } else {
        format!("; such as {}", entry.examples.join(", "))
    };
    let times = match entry.count {
        1 => String::new(),
        count => format!("{count} × "),
    };
    format!("{kind}: {times}{} ({}{bytes}){examples}", entry.what, entry.why)
}
