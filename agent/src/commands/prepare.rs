//! From a command line to a module that waits with its parameters: what `run` and `params` have in common.

use crate::cli::{External, Run, RunOptions, module_command, parse_module};
use crate::config::Config;
use crate::exit::Exit;
use crate::plugins::Chosen;
use crate::supervise::{AskError, Session};
use crate::terminal::printable;
use anyhow::Context as _;
use gumshoe_plugin_api::{Description, Limits, Occurrence};
use std::ffi::OsString;
use std::io::Read;
use std::path::Path;

/// How long parameters may be.
const MAX_PARAMS_BYTES: u64 = 16 << 20;

/// A module that is asked, with the words of its command line.
pub(super) struct Asked {
    /// The configuration that holds for it.
    pub config: Config,
    /// Name of the module, or path of its plugin.
    pub module: String,
    /// Options before the name.
    pub options: RunOptions,
    /// Everything behind the name.
    pub words: Vec<OsString>,
}

/// A runner with its plugin loaded, and what it is to be asked.
pub(super) struct Prepared {
    /// The runner.
    pub session: Session,
    /// All options.
    pub options: RunOptions,
    /// The parameters, as JSON; the module has not checked them.
    pub params: Vec<u8>,
}

impl Asked {
    /// Takes the command line apart as far as that is possible without the module.
    pub fn read(config: Config, arguments: Run) -> anyhow::Result<Self> {
        let External::Module(mut words) = arguments.module;
        anyhow::ensure!(!words.is_empty(), "a module's name is missing");
        let module = words.remove(0);
        let config = match config_dir_among(&words) {
            Some(dir) => Config::load(Path::new(&dir)).context("the configuration is refused")?,
            None => config,
        };
        Ok(Self {
            config,
            module: module
                .into_string()
                .map_err(|_| anyhow::anyhow!("the module's name is not UTF-8"))?,
            options: arguments.options,
            words,
        })
    }
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

/// Starts the runner and turns the flags into parameters; the exit status where the user has been told what is wrong.
pub(super) fn prepare(chosen: &Chosen, asked: Asked) -> anyhow::Result<Result<Prepared, Exit>> {
    let name = &chosen.candidate.manifest.name;
    let limits = limited(&chosen.limits, &asked.options);
    let mut session = Session::start(&chosen.candidate, &limits)?;
    let description = session.describe()?;
    let command = module_command(name, &chosen.candidate.manifest.summary, &description);
    let (later, occurrences) = match parse_module(command, &description, &asked.words) {
        Ok(parsed) => parsed,
        Err(message) => return usage(&message).map(Err),
    };
    let options = later.or(asked.options);
    let params = match &options.params {
        Some(_) if !occurrences.is_empty() => {
            anyhow::bail!("--params and the module's own flags exclude each other")
        }
        Some(path) => read_params(path)?,
        None => match session.arguments(&with_files(occurrences, &description)?) {
            Ok(params) => params,
            Err(AskError::Rejected(rejection)) => return Ok(Err(wrong_parameters(name, &rejection.message))),
            Err(error) => return Err(error.into()),
        },
    };
    Ok(Ok(Prepared {
        session,
        options,
        params,
    }))
}

/// The module's limits, with what the command line says instead.
pub(super) fn limited(limits: &Limits, options: &RunOptions) -> Limits {
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

/// Says what is wrong with the parameters.
pub(super) fn wrong_parameters(name: &str, message: &str) -> Exit {
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
