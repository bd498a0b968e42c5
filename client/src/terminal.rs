//! What people see: errors with their causes, hostile text made harmless, colours where they are wanted, questions.

use crate::exit::{Exit, UsageError};
use anyhow::Context as _;
pub use gumshoe_plugin_api::text::{chain, count, escape as one_line, is_harmless, printable};
use std::io::{BufRead as _, IsTerminal as _, Write as _};

/// Prints an error with its causes to standard error, unless it is that nobody reads any more; says how to end.
pub fn print_error(error: &anyhow::Error) -> Exit {
    let is_pipe = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe;
    if error
        .chain()
        .any(|cause| cause.downcast_ref().is_some_and(is_pipe))
    {
        return Exit::Failed;
    }
    eprintln!("gumshoe: {}", printable(&chain(error.as_ref())));
    if error.chain().any(|cause| cause.is::<UsageError>()) {
        Exit::Usage
    } else {
        Exit::Failed
    }
}

/// A part of what is printed, which may have a colour of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A heading, a host's name.
    Strong,
    /// What matters less.
    Faint,
    /// Found.
    Good,
    /// Incomplete, or to be minded.
    Warning,
    /// Failed or refused.
    Bad,
}

/// Whether to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// With escape sequences.
    On,
    /// Plain text.
    Off,
}

impl Colours {
    /// For standard output: on a terminal, unless `NO_COLOR` (no-color.org) is set or the terminal is a dumb one.
    #[must_use]
    pub fn of_stdout() -> Self {
        Self::wanted(std::io::stdout().is_terminal())
    }

    /// The same for standard error.
    #[must_use]
    pub fn of_stderr() -> Self {
        Self::wanted(std::io::stderr().is_terminal())
    }

    fn wanted(is_terminal: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if is_terminal && !refused && !dumb {
            Self::On
        } else {
            Self::Off
        }
    }

    /// The text in a style.
    #[must_use]
    pub fn paint(self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Strong => "1",
            Style::Faint => "2",
            Style::Good => "32",
            Style::Warning => "33",
            Style::Bad => "31",
        };
        match self {
            Self::On => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Off => text.to_owned(),
        }
    }
}

/// What became of a question to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Yes.
    Given,
    /// No, or nothing.
    Denied,
    /// Nobody is there to be asked: standard input is no terminal.
    Nobody,
}

/// Asks a question that is answered with yes or no; no is what Enter means.
///
/// # Errors
///
/// When the terminal cannot be read.
pub fn confirm(question: &str) -> anyhow::Result<Consent> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Ok(Consent::Nobody);
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush().context("failed to ask")?;
    let mut answer = String::new();
    stdin
        .lock()
        .read_line(&mut answer)
        .context("failed to read the answer")?;
    Ok(match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Consent::Given,
        _ => Consent::Denied,
    })
}

/// Prints one line to standard output.
///
/// # Errors
///
/// The stream's error: a closed pipe is one, and no reason to panic.
pub fn line(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")
}
