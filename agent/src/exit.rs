//! Exit statuses.

use crate::supervise::Report;
use gumshoe_plugin_api::Status;
use std::process::ExitCode;

/// What the exit status of `gumshoe-agent` tells. The numbers are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Found, and everything in scope was looked at; or a command did what it was asked.
    Found = 0,
    /// Nothing found, and everything in scope was looked at.
    Nothing = 1,
    /// The command line or the parameters are wrong; nothing was run.
    Usage = 2,
    /// The operation failed or was refused, or the command could not do its work.
    Failed = 3,
    /// Found, but not everything in scope was looked at.
    FoundIncomplete = 4,
    /// Nothing found, but not everything in scope was looked at: no proof of absence.
    NothingIncomplete = 5,
    /// A signed action is refused.
    Refused = 6,
    /// This host is not a signed action's target.
    NotTarget = 7,
    /// A signed action was accepted before; it is not run again.
    Repeated = 8,
}

impl Exit {
    /// The exit status that a report stands for.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let unusable = matches!(report.status, Status::Failed | Status::Refused);
        if unusable && !report.found {
            return Self::Failed;
        }
        Self::answer(report.found, report.coverage.complete && !unusable)
    }

    fn answer(found: bool, complete: bool) -> Self {
        match (found, complete) {
            (true, true) => Self::Found,
            (true, false) => Self::FoundIncomplete,
            (false, true) => Self::Nothing,
            (false, false) => Self::NothingIncomplete,
        }
    }
}

/// What the reports of an action's operations come to.
#[derive(Debug, Clone, Copy)]
pub struct Sum {
    /// Whether one of them found something.
    pub found: bool,
    /// Whether all of them looked at everything in their scope.
    pub complete: bool,
    /// Whether one of them is of any use.
    useful: bool,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            found: false,
            complete: true,
            useful: false,
        }
    }
}

impl Sum {
    /// Adds a report.
    pub fn add(&mut self, report: &Report) {
        self.found |= report.found;
        self.complete &= report.coverage.complete;
        self.useful |= report.found || !matches!(report.status, Status::Failed | Status::Refused);
    }

    /// The exit status that they stand for.
    #[must_use]
    pub fn exit(self) -> Exit {
        if self.useful {
            Exit::answer(self.found, self.complete)
        } else {
            Exit::Failed
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
