//! What could not be looked at, on its way to the report's coverage.

use gumshoe_plugin_api::{Context, Skipped};
use gumshoe_process::{Process, ProcessError, shown};

/// What coverage entries call the memory of a process.
pub const MEMORY: &str = "process memory";
/// What coverage entries call a process as a whole.
pub const PROCESS: &str = "process";
/// What coverage entries call a file that is mapped.
pub const MAPPED_FILE: &str = "mapped file";

/// Notes what was left out of one process.
#[derive(Clone, Copy)]
pub struct Notes<'c> {
    /// Where notes go.
    pub context: &'c Context,
    /// Whether each failure is also listed.
    pub logs_failures: bool,
    /// The process's number.
    pub pid: u32,
    /// The process's name.
    pub comm: &'c [u8],
}

impl<'c> Notes<'c> {
    /// Notes about `process`.
    pub fn of(context: &'c Context, process: &'c Process, logs_failures: bool) -> Notes<'c> {
        Notes {
            context,
            logs_failures,
            pid: process.pid,
            comm: &process.comm,
        }
    }

    /// `bytes` bytes of the process's memory were not read.
    pub fn memory(&self, why: &str, bytes: u64) {
        self.context
            .skipped(Skipped::one(MEMORY, why).bytes(bytes).example(self.name()));
    }

    /// A reservation of `bytes` bytes holds nothing.
    pub fn empty(&self, bytes: u64) {
        let why = "reserved, and empty by the system's count of the process's pages";
        self.context.skipped(
            Skipped::one(MEMORY, why)
                .bytes(bytes)
                .example(self.name())
                .by_design(),
        );
    }

    /// Lists that bytes at an address were not read, if that is wanted.
    pub fn log_memory(&self, why: &str, address: u64, bytes: u64) {
        self.log(format_args!("{bytes} bytes at {address:#x}: {why}"));
    }

    /// The process was not examined, or not to its end.
    pub fn process(&self, why: &str) {
        self.context
            .skipped(Skipped::one(PROCESS, why).example(self.name()));
        self.log(format_args!("{why}"));
    }

    /// `bytes` bytes of a mapped file were not read.
    pub fn file(&self, path: &[u8], why: &str, bytes: u64) {
        let example = format!("{} of {}", shown(path), self.name());
        self.context
            .skipped(Skipped::one(MAPPED_FILE, why).bytes(bytes).example(example));
        self.log(format_args!("{bytes} bytes of {}: {why}", shown(path)));
    }

    /// `bytes` bytes of a mapped file are left out because the question says so.
    pub fn file_by_design(&self, path: &[u8], why: &str, bytes: u64) {
        let entry = Skipped::one(MAPPED_FILE, why).bytes(bytes).example(shown(path));
        self.context.skipped(entry.by_design());
    }

    fn name(&self) -> String {
        format!("pid {} ({})", self.pid, shown(self.comm))
    }

    fn log(&self, what: std::fmt::Arguments<'_>) {
        if self.logs_failures {
            self.context.error(format_args!("{}: {what}", self.name()));
        }
    }
}

/// A process could not be described or opened; one that has ended is none of the report's business.
pub fn process_error(context: &Context, pid: u32, error: &ProcessError) {
    if !error.is_gone() {
        context.skipped(Skipped::one(PROCESS, why(error)).example(format!("pid {pid}")));
    }
}

/// The reason, as coverage entries word it.
pub fn why(error: &ProcessError) -> &'static str {
    match error {
        _ if error.is_denied() => "permission denied",
        _ if error.is_gone() => "ended meanwhile",
        ProcessError::Malformed { .. } => "not understood",
        _ => "unreadable",
    }
}
