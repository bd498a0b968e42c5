//! `run`: one operation on this host, from the command line to the report.

use crate::cli::{External, Run, RunOptions, module_command, parse_module};
use crate::config::Config;
use crate::exit::Exit;
use crate::plugins::{Chosen, choose};
use crate::runner::Job;
use crate::supervise::{AskError, Canceller, Observer, Report, Session, refused};
use crate::terminal::{StatusLine, chain, line, printable};
use anyhow::Context as _;
use gumshoe_plugin_api::{Description, Limits, Occurrence, Operation, Skipped, Status};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::ffi::OsString;
use std::io::Read;
use std::path::Path;

/// How long parameters may be.
const MAX_PARAMS_BYTES: u64 = 16 << 20;

/// Runs one operation.
pub fn run(config: Config, arguments: Run) -> anyhow::Result<Exit> {
    let External::Module(words) = arguments.module;
    let (module, rest) = words.split_first().context("a module's name is missing")?;
    let module = module.to_str().context("the module's name is not UTF-8")?;
    let config = match config_dir_among(rest) {
        Some(dir) => Config::load(Path::new(&dir)).context("the configuration is refused")?,
        None => config,
    };
    let chosen = match choose(&config, module) {
        Ok(chosen) => chosen,
        Err(error) => {
            let report = refused(module, error.code(), chain(&error));
            return finish(
                &report,
                arguments.options.json || rest.iter().any(|word| word == "--json"),
                true,
            );
        }
    };
    start(&chosen, arguments.options, rest)
}

/// `--config-dir DIR` among the words after the module's name, where it is accepted as well.
fn config_dir_among(words: &[OsString]) -> Option<OsString> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--config-dir") => return words.next().cloned(),
            Some(text) if text.starts_with("--config-dir=") => {
                return text.split_once('=').map(|(_, dir)| OsString::from(dir));
            }
            _ => {}
        }
    }
    None
}

/// Starts the runner, turns the flags into parameters, runs, reports.
fn start(chosen: &Chosen, options: RunOptions, words: &[OsString]) -> anyhow::Result<Exit> {
    let name = &chosen.candidate.manifest.name;
    let limits = limited(&chosen.limits, &options);
    let mut session = Session::start(&chosen.candidate, &limits)?;
    let description = session.describe()?;
    let command = module_command(name, &chosen.candidate.manifest.summary, &description);
    let (later, occurrences, _) = match parse_module(command, words) {
        Ok(parsed) => parsed,
        Err(message) => return usage(&message),
    };
    let options = later.or(options);
    let limits = limited(&chosen.limits, &options);
    let params = match &options.params {
        Some(_) if !occurrences.is_empty() => {
            anyhow::bail!("--params and the module's own flags exclude each other")
        }
        Some(path) => read_params(path)?,
        None => match session.arguments(&with_files(occurrences, &description)?) {
            Ok(params) => params,
            Err(AskError::Rejected(rejection)) => return Ok(wrong_parameters(name, &rejection.message)),
            Err(error) => return Err(error.into()),
        },
    };
    let operation = Operation {
        root: absolute(options.root.as_deref().unwrap_or(Path::new("/")))?,
        limits,
        settings: chosen.settings.clone(),
        own_processes: Vec::new(),
    };
    let job = Job {
        operation,
        render: !options.json,
    };
    cancel_on_signals(&session.canceller())?;
    let mut screen = Screen::new(&options, session.canceller());
    let report = session.run(&job, &params, &mut screen);
    screen.status.clear();
    if report.status == Status::Refused {
        return if options.json {
            finish(&report, true, true)
        } else {
            Ok(wrong_parameters(name, &report.errors.join("; ")))
        };
    }
    finish(&report, options.json, !options.quiet)
}

/// The module's limits, with what the command line says instead.
fn limited(limits: &Limits, options: &RunOptions) -> Limits {
    Limits {
        timeout_ms: options
            .timeout
            .map_or(limits.timeout_ms, |timeout| timeout.milliseconds()),
        memory_bytes: options
            .memory
            .map_or(limits.memory_bytes, |memory| memory.count()),
        findings: options.findings.unwrap_or(limits.findings),
        ..limits.clone()
    }
}

/// clap's error or help text, and the exit status that belongs to it.
fn usage(message: &clap::Error) -> anyhow::Result<Exit> {
    message.print().context("failed to print the help text")?;
    Ok(if message.use_stderr() {
        Exit::Usage
    } else {
        Exit::Found
    })
}

fn wrong_parameters(name: &str, message: &str) -> Exit {
    eprintln!("gumshoe-agent: {name}: {}", printable(message));
    eprintln!("`gumshoe-agent run {name} --help` shows the flags");
    Exit::Usage
}

/// The flags with the contents of files in place of `@FILE`, where the module's declaration allows that.
fn with_files(
    mut occurrences: Vec<Occurrence>,
    description: &Description,
) -> anyhow::Result<Vec<Occurrence>> {
    let takes_files = |name: &str| {
        description
            .flags
            .iter()
            .any(|flag| flag.from_file && flag.name == name)
    };
    for occurrence in &mut occurrences {
        let file = occurrence
            .value
            .as_deref()
            .and_then(|value| value.strip_prefix('@'));
        if let Some(file) = file.filter(|_| takes_files(&occurrence.flag)) {
            let text = String::from_utf8(read_params(Path::new(file))?)
                .with_context(|| format!("`{file}` is not UTF-8"))?;
            occurrence.value = Some(text);
        }
    }
    Ok(occurrences)
}

fn read_params(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).with_context(|| format!("failed to open `{}`", path.display()))?)
    };
    source
        .take(MAX_PARAMS_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    anyhow::ensure!(
        bytes.len() as u64 <= MAX_PARAMS_BYTES,
        "`{}` has more than {MAX_PARAMS_BYTES} bytes",
        path.display()
    );
    Ok(bytes)
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
    let count = report.findings.len();
    let findings = if count == 1 {
        "1 finding".to_owned()
    } else {
        format!("{count} findings")
    };
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
