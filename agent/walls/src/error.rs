//! What can go wrong at each step, and which wall is not there.

use serde::{Deserialize, Serialize};
use std::io;

/// A wall, or a right, as reports name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wall {
    /// A right that the module asked for, which this process does not have to begin with.
    Privilege,
    /// A user of its own.
    User,
    /// System calls by class (seccomp).
    SystemCalls,
    /// A read-only view of files, and no connections (Landlock).
    Files,
    /// A share of processor time.
    ProcessorTime,
}

impl Wall {
    /// A few words for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Privilege => "privilege of the module",
            Self::User => "sandbox: a user of its own",
            Self::SystemCalls => "sandbox: system calls by class",
            Self::Files => "sandbox: read-only view of files",
            Self::ProcessorTime => "limit: processor time",
        }
    }
}

/// A wall that could not be put up, or a right that the module asked for and does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What is missing.
    pub wall: Wall,
    /// Why.
    pub why: String,
    /// Which one, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub which: Option<String>,
}

impl Missing {
    /// A wall that is not there, because of `why`.
    #[must_use]
    pub fn new(wall: Wall, why: impl Into<String>) -> Self {
        Self {
            wall,
            why: why.into(),
            which: None,
        }
    }

    /// A privilege that is not there, because of `why`.
    #[must_use]
    pub fn privilege(which: &str, why: impl Into<String>) -> Self {
        Self {
            which: Some(which.to_owned()),
            ..Self::new(Wall::Privilege, why)
        }
    }
}

/// The step at which the walls could not be put up. The process must not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WallError {
    /// Files that were open when the process started.
    #[error("failed to close inherited files")]
    InheritedFiles(#[source] io::Error),
    /// A resource limit.
    #[error("failed to set the resource limit `{resource}`")]
    Resource {
        /// Which limit, as getrlimit(2) names it.
        resource: &'static str,
        /// Cause.
        source: io::Error,
    },
    /// The bounding or the ambient set of capabilities.
    #[error("failed to drop what a program could gain by being started")]
    BoundingSet(#[source] io::Error),
    /// Groups, group or user.
    #[error("failed to become user {uid} and group {gid}")]
    Identity {
        /// User.
        uid: u32,
        /// Group.
        gid: u32,
        /// Cause.
        source: io::Error,
    },
    /// The capability sets.
    #[error("failed to drop capabilities")]
    Capabilities(#[source] io::Error),
    /// `no_new_privs`.
    #[error("failed to forbid gaining privileges")]
    NoNewPrivileges(#[source] io::Error),
    /// The protection from other processes of the same user.
    #[error("failed to make the process unreadable for others")]
    Dumpable(#[source] io::Error),
    /// The tie to the parent.
    #[error("failed to tie the process to its parent's life")]
    ParentDeath(#[source] io::Error),
    /// The view of files.
    #[cfg(target_os = "linux")]
    #[error("failed to restrict the view of files")]
    Files(#[source] landlock::RulesetError),
    /// A path of that view.
    #[cfg(target_os = "linux")]
    #[error("failed to open a path that the process keeps")]
    Path(#[source] landlock::PathFdError),
    /// The filter of system calls.
    #[error("failed to filter system calls")]
    SystemCalls(#[source] io::Error),
}
