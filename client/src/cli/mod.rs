//! The command line: what `--help`, the completions and the man pages are made of.

mod ask;
mod options;

pub use ask::{Asked, ask_command, parse_ask};
pub use options::{Canary, Global, Output, QuestionOptions, SendingOptions, SigningOptions};

use clap::{Args, Command, CommandFactory as _, Parser, Subcommand, ValueHint};
use gumshoe_protocol::{ActionId, AgentId};
use std::ffi::OsString;
use std::path::PathBuf;

/// Asks a fleet of hosts one signed question, and reads the answers.
///
/// `gumshoe MODULE flags… --target CEL` makes an action of a module's flags, shows whom it would reach, signs it with your
/// OpenPGP key, sends it, and prints what the hosts answer. `gumshoe modules` lists the modules; `gumshoe MODULE --help`
/// shows a module's own flags.
#[derive(Debug, Parser)]
#[command(name = "gumshoe", version, max_term_width = 100, after_help = EXIT_HELP, allow_external_subcommands = true)]
pub struct Cli {
    /// Where server and configuration are
    #[command(flatten)]
    pub global: Global,
    /// What to do
    #[command(subcommand)]
    pub command: Option<Task>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Make, sign, check, send, stop and follow actions
    #[command(subcommand)]
    Action(ActionTask),
    /// List, show, approve, reject and label agents
    #[command(subcommand)]
    Agents(AgentsTask),
    /// List the investigators whom the server knows
    #[command(subcommand)]
    Investigators(InvestigatorsTask),
    /// Make an action of a file written for Mozilla InvestiGator (MIG)
    ImportMig(ImportMig),
    /// List the modules on this machine
    Modules,
    /// Prove to the server who you are, with your OpenPGP key, and keep the token that it gives
    Login(SigningOptions),
    /// Give the token back and forget it
    Logout,
    /// Show, make, list and revoke tokens
    #[command(subcommand)]
    Token(TokenTask),
    /// Print a completion script for a shell
    ///
    /// The modules' own flags are part of it; print it again when modules were added.
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write man pages (section 1) of all commands and modules to a folder
    Man {
        /// The folder, which must exist
        #[arg(value_hint = ValueHint::DirPath)]
        folder: PathBuf,
    },
    /// A module and its flags
    #[command(external_subcommand)]
    Ask(Vec<OsString>),
}

/// `action`.
#[derive(Debug, Subcommand)]
pub enum ActionTask {
    /// Make an action without signing it: `gumshoe action new --target … -- MODULE flags… [-- MODULE flags…]`
    New(NewAction),
    /// Sign an action; a file with signatures gets another one
    Sign(SignFile),
    /// Check the signatures of a file against your keyring
    Verify {
        /// The file; `-` is standard input
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Show all that a file asks, and who signed it
    Show {
        /// The file; `-` is standard input
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Print the action as JSON
        #[arg(long)]
        json: bool,
    },
    /// Send a signed action (or a signed cancellation), and follow it
    Send(SendFile),
    /// Sign and send the wish to stop an action: hosts end what runs, and do not begin
    Cancel(CancelAction),
    /// Have the server send an action to no further host; unlike `cancel`, this needs no signature and reaches no host
    Stop {
        /// The action
        id: ActionId,
    },
    /// Show how far an action is, and which hosts have not answered
    Status {
        /// The action
        id: ActionId,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Follow an action until every host has answered or it expires, then print what was found
    Follow {
        /// The action
        id: ActionId,
        /// How to print findings
        #[command(flatten)]
        output: Output,
    },
    /// Print what was found until now
    Results {
        /// The action
        id: ActionId,
        /// How to print findings
        #[command(flatten)]
        output: Output,
    },
    /// List actions, the newest first
    List {
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// `action new`.
#[derive(Debug, Args)]
pub struct NewAction {
    /// What is asked of whom
    #[command(flatten)]
    pub question: QuestionOptions,
    /// An operation with parameters from a JSON file, whether the module is on this machine or not
    #[arg(long = "operation", value_name = "MODULE=FILE")]
    pub operations: Vec<String>,
    /// Where to write the action; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub save: PathBuf,
    /// Operations: each a module's name and its flags, with `--` before each
    #[arg(last = true, value_name = "MODULE")]
    pub words: Vec<OsString>,
}

/// `action sign`.
#[derive(Debug, Args)]
pub struct SignFile {
    /// The action, or an envelope that others have signed
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// With which key
    #[command(flatten)]
    pub signing: SigningOptions,
    /// Where to write the envelope; `-` is standard output [default: the file itself where it is signed already, otherwise its name with `.signed.json`]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub save: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `action send`.
#[derive(Debug, Args)]
pub struct SendFile {
    /// The envelope
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// How it is sent
    #[command(flatten)]
    pub sending: SendingOptions,
    /// How to print findings
    #[command(flatten)]
    pub output: Output,
}

/// `action cancel`.
#[derive(Debug, Args)]
pub struct CancelAction {
    /// The action
    pub id: ActionId,
    /// Why, in a line
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// With which key
    #[command(flatten)]
    pub signing: SigningOptions,
    /// Write the signed cancellation to this file instead of sending it, for others to sign as well
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub save: Option<PathBuf>,
}

/// `agents`.
#[derive(Debug, Subcommand)]
pub enum AgentsTask {
    /// List agents
    List {
        /// Only those in this state: pending, approved, rejected, retired
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Only those with this text in their host's name, or whose identifier begins with it
        #[arg(long, value_name = "TEXT")]
        text: Option<String>,
        /// Print one JSON object per line
        #[arg(long)]
        ndjson: bool,
    },
    /// Show one agent
    Show {
        /// Its identifier
        id: AgentId,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Let agents take part
    Approve {
        /// Their identifiers
        #[arg(required = true)]
        ids: Vec<AgentId>,
    },
    /// Turn agents away
    Reject {
        /// Their identifiers
        #[arg(required = true)]
        ids: Vec<AgentId>,
    },
    /// Label an agent on the server (targets look at the host's own tags, in tags.d, not at labels)
    Tag {
        /// Its identifier
        id: AgentId,
        /// Labels to set, as NAME=VALUE; NAME= takes a label away
        #[arg(required = true, value_name = "NAME=VALUE")]
        labels: Vec<String>,
    },
}

/// `investigators`.
#[derive(Debug, Subcommand)]
pub enum InvestigatorsTask {
    /// List the investigators in the server's policy
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// `token`.
#[derive(Debug, Subcommand)]
pub enum TokenTask {
    /// Show whose token is used, what it allows, and until when
    Show,
    /// List the server's tokens
    List,
    /// Make a token for a program; it is printed once
    Create {
        /// What it is for
        name: String,
        /// What it allows: read, submit or admin
        #[arg(long, default_value = "read")]
        role: String,
        /// How long it is valid
        #[arg(long, value_name = "TIME", default_value = "90d")]
        expires: gumshoe_protocol::units::Duration,
    },
    /// Make a token worthless
    Revoke {
        /// Its number, from `gumshoe token list`
        id: String,
    },
}

/// `import-mig`.
#[derive(Debug, Args)]
pub struct ImportMig {
    /// The action, in MIG's JSON; `-` is standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// What MIG's file does not say, or says differently
    #[command(flatten)]
    pub question: QuestionOptions,
    /// Where to write the action; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub save: PathBuf,
    /// Do not have the parameters checked by the modules on this machine
    #[arg(long)]
    pub unchecked: bool,
}

const EXIT_HELP: &str = "\
MODULE is the name of a module on this machine (`gumshoe modules` lists them).

Exit status of what asks hosts:
  0  found, and every host looked at everything in scope
  1  nothing found, and every host looked at everything in scope
  2  the command line or the parameters are wrong, or you said no; nothing was sent
  3  refused, failed, or nobody was reached
  4  found, but some host did not answer or did not look at everything
  5  nothing found, but some host did not answer or did not look at everything";

/// The whole command, with the given modules as subcommands: for completions and man pages.
#[must_use]
pub fn whole_command(modules: &[crate::modules::Module]) -> Command {
    let commands = modules.iter().map(ask_command);
    Cli::command()
        .allow_external_subcommands(false)
        .subcommands(commands)
}

/// Names of the commands that are not modules.
#[must_use]
pub fn own_commands() -> Vec<String> {
    let command = Cli::command();
    command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declarations_are_consistent() {
        Cli::command().debug_assert();
    }
}
