//! Exit statuses: those of `gumshoe-agent run`, for a whole fleet.

use std::process::ExitCode;

/// What the exit status of `gumshoe` tells. The numbers are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Some host found something, and every host looked at everything in scope; or a command did what it was asked.
    Found = 0,
    /// Nothing found, and every host looked at everything in scope.
    Nothing = 1,
    /// The command line or the parameters are wrong, or the user said no; nothing was sent.
    Usage = 2,
    /// The action was refused or reached nobody, or the command could not do its work.
    Failed = 3,
    /// Found, but some host did not answer or did not look at everything.
    FoundIncomplete = 4,
    /// Nothing found, but some host did not answer or did not look at everything: no proof of absence.
    NothingIncomplete = 5,
}

impl Exit {
    /// The exit status for answers that found something or not, and were complete or not.
    #[must_use]
    pub fn of(found: bool, complete: bool) -> Self {
        match (found, complete) {
            (true, true) => Self::Found,
            (false, true) => Self::Nothing,
            (true, false) => Self::FoundIncomplete,
            (false, false) => Self::NothingIncomplete,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error of the user's, not of the world's: ends with [`Exit::Usage`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// Ends a command because of what the user wrote.
pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
    UsageError(message.into()).into()
}
