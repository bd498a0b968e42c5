//! Gumshoe's agent, as far as it works without a network: local mode.
//!
//! `run` starts a **runner**: a child process that loads exactly one plugin and runs one operation.
//! The parent (later: the warden) judges the plugin file, hands the open file to the child, enforces
//! limits, and turns whatever the child managed to say, even when it crashed, into a report.
//!
//! **Invariant:** no plugin code ever runs in the parent process.

pub mod cli;
pub mod commands;
pub mod config;
pub mod exit;
pub mod facts;
pub mod host;
pub mod obey;
pub mod plugins;
pub mod runner;
pub mod state;
pub mod supervise;
pub mod terminal;
pub mod warden;

use std::process::ExitCode;

/// The program: parses the command line, runs the command, prints errors with their causes.
///
/// Shape of the exit status: see [`exit::Exit`].
#[must_use]
pub fn main() -> ExitCode {
    // The runner's way in comes first: it must be quick, and is no command for people.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == runner::SUBCOMMAND)
    {
        return runner::main();
    }
    match commands::dispatch() {
        Ok(exit) => exit.into(),
        Err(error) => {
            terminal::print_error(&error);
            exit::Exit::Failed.into()
        }
    }
}
