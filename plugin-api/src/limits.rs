//! The surroundings of one operation: where it looks and how far it may go.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// How far one operation may go. The agent enforces all of these; a module that respects them
/// ends tidily instead of being ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Wall time in milliseconds.
    pub timeout_ms: u64,
    /// Private writable memory of the runner, in bytes.
    pub memory_bytes: u64,
    /// Findings in the report.
    pub findings: u64,
    /// Bytes of all findings together, as JSON.
    pub report_bytes: u64,
    /// Worker threads that a module may start; 0 leaves the choice to the module.
    pub threads: u32,
    /// Processor time of all threads together, in percent of one processor; 0 for no limit.
    pub cpu_percent: u32,
}

impl Default for Limits {
    /// Five minutes, 512 MiB, 10,000 findings, 8 MiB of report, threads as the module sees fit, no limit on processor time.
    fn default() -> Self {
        Self {
            timeout_ms: 300_000,
            memory_bytes: 512 << 20,
            findings: 10_000,
            report_bytes: 8 << 20,
            threads: 0,
            cpu_percent: 0,
        }
    }
}

/// The surroundings of one operation, as the host describes them to the plugin.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Operation {
    /// Everything that is read from the system is read below this folder.
    pub root: PathBuf,
    /// How far the operation may go.
    pub limits: Limits,
    /// The `[settings]` of the module's file in `modules.d`, as JSON.
    pub settings: Value,
    /// Processes that belong to the agent itself and should not be reported on.
    pub own_processes: Vec<u32>,
}

impl Default for Operation {
    fn default() -> Self {
        Self {
            root: PathBuf::from("/"),
            limits: Limits::default(),
            settings: Value::Object(serde_json::Map::new()),
            own_processes: Vec::new(),
        }
    }
}
