//! What the agent remembers: a folder of its own that outlives power loss, and is nobody else's.
//!
//! | file | what |
//! | --- | --- |
//! | `lock` | held while an agent uses the folder; names its process |
//! | `journal` | actions that were accepted, so that none runs twice: [`journal`] |
//! | `identity` | the report key and the machine it belongs to: [`identity`] |
//! | `sequence` | how many messages this agent has numbered: [`sequence`] |
//! | `spool/` | reports that wait for the relay: [`spool`] |
//! | `host.log`, `host.log.1` …, `host.log.head` | what was asked, by whom, and what came of it: [`host_log`] |
//!
//! **Invariant:** nothing is acknowledged, and no runner starts, before what it needs to be remembered is on disk.

pub mod durable;
pub mod host_log;
pub mod identity;
pub mod journal;
pub mod sequence;
pub mod spool;

mod folder;

pub use folder::{StateError, StateFolder};

/// Where state lies unless the command line says otherwise.
pub const DEFAULT_DIR: &str = "/var/lib/gumshoe";
