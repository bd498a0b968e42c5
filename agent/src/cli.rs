//! The command line: what `--help`, the completions and the man pages are made of.

mod actions;

pub use actions::{
    Apply, Daemon, Explain, IdentityOptions, Log, Policy, RelayPermissions, ShowIdentity, State, VerifyReport,
};

use crate::config::{Bytes, DEFAULT_DIR, Duration};
use clap::{Arg, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand, ValueHint};
use gumshoe_plugin_api::command::{arguments, examples, occurrences};
use gumshoe_plugin_api::{Description, Occurrence};
use std::ffi::OsString;
use std::path::PathBuf;

/// Answers precise questions about this host with module plugins.
///
/// This is the agent's local mode: it needs no network and no server. Every operation runs in a
/// process of its own, within limits; a module that fails costs one report.
#[derive(Debug, Parser)]
#[command(name = "gumshoe-agent", version, max_term_width = 100)]
pub struct Cli {
    /// Folder with agent.toml and modules.d
    #[arg(long, global = true, value_name = "DIR", env = "GUMSHOE_CONFIG_DIR", default_value = DEFAULT_DIR, value_hint = ValueHint::DirPath)]
    pub config_dir: PathBuf,
    /// What to do
    #[command(subcommand)]
    pub command: Option<Action>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Run one operation of a module on this host and print what it finds
    Run(Run),
    /// Print the parameters that a module's flags stand for, as JSON, after the module has checked them; runs nothing
    ///
    /// Takes the same command line as `run`. What is printed can be given to `run MODULE --params -`, and is what a
    /// signed action contains.
    Params(Run),
    /// Print findings, read as one JSON object a line from standard input, as lines for humans
    ///
    /// The module writes them, in a process of its own as always. Findings are what reports list under `findings`; they
    /// may come from another host. A finding that the module does not know is an error, after all others were printed.
    Render(Render),
    /// Run as a service: obey signed actions that arrive over the relay
    Daemon(Daemon),
    /// Show how the daemon is: connection, running operations, last actions
    Status(IdentityOptions),
    /// Obey a signed action, once, if this host's policy allows it
    Apply(Apply),
    /// Check the signatures on an agent's reports
    VerifyReport(VerifyReport),
    /// Check this host's policy, and say what it makes of an action
    #[command(subcommand)]
    Policy(Policy),
    /// Show and check the host log: what was asked of this host
    #[command(subcommand)]
    Log(Log),
    /// Print who this agent is: identifier, public report key, since when
    Identity(ShowIdentity),
    /// Print what this agent's user at the relay may do, for RabbitMQ's administrator
    RelayPermissions(RelayPermissions),
    /// List, describe, check, enable, disable and pin modules
    #[command(subcommand)]
    Modules(Modules),
    /// Print what this host says about itself: the facts that targets are expressions over
    Facts(Facts),
    /// Check agent.toml and modules.d; say what is wrong and where
    CheckConfig,
    /// Print a completion script for a shell
    ///
    /// The enabled modules' own flags are part of it; print it again after enabling a module.
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write man pages (section 1) of all commands and enabled modules to a folder
    Man {
        /// The folder, which must exist
        #[arg(value_hint = ValueHint::DirPath)]
        folder: PathBuf,
    },
}

/// `render`.
#[derive(Debug, Args)]
pub struct Render {
    /// Name of an enabled module, or path of a plugin file
    pub module: String,
    /// Answer each line with one line, at once: the text as a JSON string, or null for a finding that the module does not know
    #[arg(long)]
    pub json: bool,
}

/// `facts`.
#[derive(Debug, Args)]
pub struct Facts {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Read files below this folder as if it were `/`
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub root: Option<PathBuf>,
}

/// `run`: options before the module's name; they may also stand after it, among the module's flags.
#[derive(Debug, Args)]
#[command(after_help = EXIT_HELP, subcommand_value_name = "MODULE", subcommand_help_heading = "Modules")]
pub struct Run {
    /// Options
    #[command(flatten)]
    pub options: RunOptions,
    /// The module and its flags
    #[command(subcommand)]
    pub module: External,
}

/// The module's name and everything after it.
#[derive(Debug, Subcommand)]
pub enum External {
    /// Module and flags
    #[command(external_subcommand)]
    Module(Vec<OsString>),
}

/// What every operation can be told, whatever the module.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options for every module")]
pub struct RunOptions {
    /// Print the report as JSON instead of lines for humans
    #[arg(long)]
    pub json: bool,
    /// Read the parameters from a JSON file, or from standard input with `-`, instead of from flags
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub params: Option<PathBuf>,
    /// End the operation after this time, such as 90s, 5m [default: from the configuration, else 5m]
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Duration>,
    /// Give the module at most this much memory, such as 512m [default: from the configuration, else 512m]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<Bytes>,
    /// Return at most this many findings [default: from the configuration, else 10000]
    #[arg(long, value_name = "N")]
    pub findings: Option<u64>,
    /// Look at this folder as if it were `/`: a mounted image, a chroot, a test fixture
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub root: Option<PathBuf>,
    /// Print findings only: no progress, no summary
    #[arg(long, short)]
    pub quiet: bool,
}

impl RunOptions {
    /// These options, completed by `other` where they say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            json: self.json || other.json,
            params: self.params.or(other.params),
            timeout: self.timeout.or(other.timeout),
            memory: self.memory.or(other.memory),
            findings: self.findings.or(other.findings),
            root: self.root.or(other.root),
            quiet: self.quiet || other.quiet,
        }
    }
}

/// `modules`.
#[derive(Debug, Subcommand)]
pub enum Modules {
    /// List the modules on this host: enabled or not, version, and why one is refused
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a module's manifest, flags and examples
    Describe {
        /// Name of an enabled module, or path of a plugin file
        module: String,
        /// Print JSON: manifest, description and schema
        #[arg(long)]
        json: bool,
        /// Print the JSON Schema of the parameters only
        #[arg(long, conflicts_with = "json")]
        schema: bool,
    },
    /// Test whether a plugin file keeps its side of the contract; for module authors
    Check {
        /// The plugin file
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Enable a module on this host, after checking its plugin file
    Enable {
        /// Name of the module
        name: String,
    },
    /// Disable a module on this host
    Disable {
        /// Name of the module
        name: String,
    },
    /// Allow only the plugin file that is there now, by its SHA-256
    Pin {
        /// Name of the module
        name: String,
        /// Remove the pin
        #[arg(long)]
        clear: bool,
    },
}

const EXIT_HELP: &str = "\
MODULE is the name of an enabled module (see `gumshoe-agent modules list`) or the path of a plugin \
file. `gumshoe-agent run MODULE --help` shows the module's own flags.

Exit status:
  0  found, and everything in scope was looked at
  1  nothing found, and everything in scope was looked at
  2  the command line or the parameters are wrong; nothing was run
  3  the operation failed or was refused
  4  found, but not everything in scope was looked at
  5  nothing found, but not everything in scope was looked at";

/// The `run MODULE` command with the module's own flags.
#[must_use]
pub fn module_command(name: &str, summary: &str, description: &Description) -> Command {
    let heading = format!("Flags of the module {name}");
    let command = Command::new(name.to_owned())
        .bin_name(format!("gumshoe-agent run {name}"))
        .after_help(examples("gumshoe-agent run", name, description))
        .max_term_width(100)
        .next_help_heading(heading)
        .args(arguments(description));
    RunOptions::augment_args(command.next_help_heading("Options for every module"))
        .about(summary.to_owned())
        .long_about(format!("{summary}\n\n{}", description.about))
        .arg(
            Arg::new("config_dir")
                .long("config-dir")
                .value_name("DIR")
                .hide(true),
        )
}

/// Parses a module's command line; clap's error otherwise (which may be the help text).
///
/// # Errors
///
/// clap's error, ready to be printed.
pub fn parse_module(
    command: Command,
    description: &Description,
    arguments: &[OsString],
) -> Result<(RunOptions, Vec<Occurrence>), clap::Error> {
    let name = OsString::from(command.get_name());
    let matches = command.try_get_matches_from(std::iter::once(&name).chain(arguments))?;
    let options = RunOptions::from_arg_matches(&matches)?;
    Ok((options, occurrences(description, &matches)))
}

/// The whole command, with the given modules as subcommands of `run`: for completions and man pages.
#[must_use]
pub fn whole_command(modules: &[(String, String, Description)]) -> Command {
    Cli::command().mut_subcommand("run", |run| {
        run.subcommands(
            modules
                .iter()
                .map(|(name, summary, description)| module_command(name, summary, description)),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declarations_are_consistent() {
        Cli::command().debug_assert();
    }
}
