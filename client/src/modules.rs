//! What modules there are and what their flags stand for, as the agent's program tells it.
//!
//! A flag's meaning is code of the module's, and modules are run by runners only. So this machine needs `gumshoe-agent`
//! and the plugins, as a host does (nothing of it has to run): `gumshoe-agent modules describe` declares the flags,
//! `gumshoe-agent params` turns them into parameters that the module has checked, `gumshoe-agent render` writes findings for
//! people, and `gumshoe-agent run` is local mode.

use gumshoe_plugin_api::{Description, Occurrence, json};
use serde::Deserialize;
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

/// Where packages put the agent's program.
const USUAL_PLACE: &str = "/usr/bin/gumshoe-agent";
/// How long a finding's text may be: a report has 8 MiB at the most, and escapes lengthen it.
const MAX_TEXT_BYTES: u64 = 64 << 20;
/// How the agent ends when what the user wrote is wrong.
const AGENT_USAGE: i32 = 2;

/// The agent's program on this machine.
#[derive(Debug, Clone)]
pub struct AgentProgram {
    path: PathBuf,
}

/// A module, as it describes itself.
#[derive(Debug, Clone)]
pub struct Module {
    /// Its name.
    pub name: String,
    /// What it does, in a line.
    pub summary: String,
    /// Its flags and examples.
    pub description: Description,
}

/// Why the agent's program gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// The program cannot be started.
    #[error(
        "failed to start `{program}`, which knows the modules: install gumshoe-agent and the modules here (the agent need not run), or say where it is with `agent = …` in config.toml or GUMSHOE_AGENT"
    )]
    Start {
        /// The program.
        program: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// It refuses the module; what it wrote.
    #[error("{0}")]
    Refused(String),
    /// The parameters are wrong; what the module says about them.
    #[error("{0}")]
    Parameters(String),
    /// It answered something that this version does not understand.
    #[error("`{program}` answered something unexpected: is it of this version?")]
    Answer {
        /// The program.
        program: PathBuf,
        /// Cause.
        source: json::StrictError,
    },
    /// The same, with an answer of another form.
    #[error("`{program}` answered something unexpected: is it of this version?")]
    Form {
        /// The program.
        program: PathBuf,
        /// Cause.
        source: serde_json::Error,
    },
}

#[derive(Deserialize)]
struct Described {
    manifest: Manifest,
    description: Description,
}

#[derive(Deserialize)]
struct Manifest {
    name: String,
    summary: String,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    state: String,
}

impl AgentProgram {
    /// The program that the user names; otherwise the one beside this program, the installed one, or one on the `PATH`.
    #[must_use]
    pub fn find(named: Option<&Path>) -> Self {
        let beside = || {
            let own = std::env::current_exe().ok()?;
            let path = own.parent()?.join("gumshoe-agent");
            path.exists().then_some(path)
        };
        let installed = || Some(PathBuf::from(USUAL_PLACE)).filter(|path| path.exists());
        let path = named
            .map(Path::to_owned)
            .or_else(beside)
            .or_else(installed)
            .unwrap_or_else(|| PathBuf::from("gumshoe-agent"));
        Self { path }
    }

    /// What a module says about itself.
    ///
    /// # Errors
    ///
    /// [`ModuleError`]: there may be no such module.
    pub fn describe(&self, module: &str) -> Result<Module, ModuleError> {
        let described: Described = self.ask(&["modules", "describe", "--json", "--", module])?;
        Ok(Module {
            name: described.manifest.name,
            summary: described.manifest.summary,
            description: described.description,
        })
    }

    /// Names of the modules that are enabled on this machine.
    ///
    /// # Errors
    ///
    /// [`ModuleError`].
    pub fn enabled(&self) -> Result<Vec<String>, ModuleError> {
        let listed: Vec<Listed> = self.ask(&["modules", "list", "--json"])?;
        let enabled = listed.into_iter().filter(|row| row.state == "enabled");
        Ok(enabled.map(|row| row.name).collect())
    }

    /// The parameters that flags stand for, checked by the module.
    ///
    /// Values such as `@FILE` are passed on as they are: the agent's program reads the file.
    ///
    /// # Errors
    ///
    /// [`ModuleError::Parameters`] when the module does not accept them.
    pub fn params(&self, module: &str, flags: &[Occurrence]) -> Result<Value, ModuleError> {
        let words = ["params", module].into_iter().map(OsString::from);
        let output = self.output(words.chain(as_words(flags)), Stdio::inherit())?;
        self.read(&output)
    }

    /// The parameters in a file (`-` is standard input), checked by the module.
    ///
    /// # Errors
    ///
    /// [`ModuleError::Parameters`] when the module does not accept them.
    pub fn params_of_file(&self, module: &str, file: &Path) -> Result<Value, ModuleError> {
        let words = [
            OsStr::new("params"),
            OsStr::new(module),
            OsStr::new("--params"),
            file.as_os_str(),
        ];
        let output = self.output(words, Stdio::inherit())?;
        self.read(&output)
    }

    /// The command that asks this host: the terminal and the exit status are the agent's.
    #[must_use]
    pub fn run(&self, module: &str) -> Command {
        let mut command = Command::new(&self.path);
        command.args(["run", module]);
        command
    }

    /// A process that writes a module's findings for people, one after the other.
    ///
    /// # Errors
    ///
    /// [`ModuleError::Start`]; that the module is not there is known at the first finding only.
    pub fn renderer(&self, module: &str) -> Result<Renderer, ModuleError> {
        let mut command = Command::new(&self.path);
        command.args(["render", "--json", "--", module]);
        // Ctrl-C detaches from the action; what was found until then is still to be printed.
        command.process_group(0);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().map_err(|source| self.not_started(source))?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or_else(|| self.not_started(io::ErrorKind::BrokenPipe.into()))?;
        Ok(Renderer {
            child,
            input: Some(input),
            output: BufReader::new(output),
        })
    }

    /// The error for this program not starting.
    #[must_use]
    pub fn not_started(&self, source: io::Error) -> ModuleError {
        ModuleError::Start {
            program: self.path.clone(),
            source,
        }
    }

    fn ask<T: serde::de::DeserializeOwned>(&self, words: &[&str]) -> Result<T, ModuleError> {
        let output = self.output(words, Stdio::null())?;
        let value = self.read(&output)?;
        serde_json::from_value(value).map_err(|source| ModuleError::Form {
            program: self.path.clone(),
            source,
        })
    }

    fn output<S: AsRef<OsStr>>(
        &self,
        words: impl IntoIterator<Item = S>,
        input: Stdio,
    ) -> Result<Output, ModuleError> {
        let mut command = Command::new(&self.path);
        command.args(words).stdin(input);
        command.output().map_err(|source| self.not_started(source))
    }

    fn read(&self, output: &Output) -> Result<Value, ModuleError> {
        if output.status.success() {
            return json::parse(&output.stdout).map_err(|source| ModuleError::Answer {
                program: self.path.clone(),
                source,
            });
        }
        let told = String::from_utf8_lossy(&output.stderr);
        let first = told.lines().next().unwrap_or("it ended without a word");
        let message = first.strip_prefix("gumshoe-agent: ").unwrap_or(first).to_owned();
        Err(if output.status.code() == Some(AGENT_USAGE) {
            ModuleError::Parameters(message)
        } else {
            ModuleError::Refused(message)
        })
    }
}

/// `gumshoe-agent render`, running. It ends when this is dropped.
#[derive(Debug)]
pub struct Renderer {
    child: Child,
    /// Closed to end it.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Renderer {
    /// A finding as the module writes it; nothing where the module does not know such findings.
    ///
    /// # Errors
    ///
    /// When the process has ended or answers something else: it is of no more use.
    pub fn text(&mut self, finding: &Value) -> io::Result<Option<String>> {
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        // One write, and JSON has no line ends in it.
        input.write_all(format!("{finding}\n").as_bytes())?;
        let mut answer = Vec::new();
        let limited = &mut self.output;
        limited.take(MAX_TEXT_BYTES).read_until(b'\n', &mut answer)?;
        Ok(serde_json::from_slice(&answer)?)
    }
}

impl Drop for Renderer {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait(); // nothing is left to do if it was reaped already
    }
}

/// Flags as they would be written; value and flag are one word, so that a value cannot become a flag.
#[must_use]
pub fn as_words(flags: &[Occurrence]) -> Vec<OsString> {
    let word = |flag: &Occurrence| match &flag.value {
        None => format!("--{}", flag.flag),
        Some(value) => format!("--{}={value}", flag.flag),
    };
    flags.iter().map(|flag| word(flag).into()).collect()
}
