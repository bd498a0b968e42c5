//! The investigator's command line: asks a fleet of hosts one signed question, and reads the answers.
//!
//! `gumshoe MODULE flags…` goes from flags to findings in one command; `gumshoe action …` does the same step by step, so
//! that several people can sign one file. Modules' flags come from the modules' own declarations: this program knows no
//! module by name, and never loads one. It asks the agent's program (`gumshoe-agent`), which does both in a runner; see [`modules`].
//!
//! **Invariant:** no plugin code runs in this process; no private key is read by it (`gpg` signs); nothing is sent that was
//! not shown and agreed to, where somebody is there to agree.

pub mod cli;
pub mod commands;
pub mod config;
pub mod exit;
pub mod terminal;

pub mod action;
pub mod document;
pub mod modules;
pub mod show;
pub mod signing;

pub mod api;
pub mod follow;
pub mod output;

pub mod mig;

use std::process::ExitCode;

/// The program: parses the command line, runs the command, prints errors with their causes.
///
/// Shape of the exit status: see [`exit::Exit`].
#[must_use]
pub fn main() -> ExitCode {
    match commands::dispatch() {
        Ok(exit) => exit.into(),
        Err(error) => terminal::print_error(&error).into(),
    }
}
