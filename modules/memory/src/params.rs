//! The parameters as they arrive: types and help texts. [`crate::check`] turns them into a plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Searches the memory of running processes for patterns, and for signs of injected code.
///
/// Processes are never stopped, attached to or changed. Findings carry addresses, never content. Memory that was in
/// scope and could not be examined is listed in the report's coverage.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Starts a search; the flags that follow belong to it.
    ///
    /// Labels have 1 to 64 letters, digits, `_` or `-`. The memory of a process is read once for all searches.
    #[schemars(extend("x-flag-group" = {"name": "search", "label": "s1", "value": "LABEL"}))]
    pub searches: BTreeMap<String, Search>,
}

/// One search: which processes, and for what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// What the search is for, in words.
    ///
    /// It is not evaluated.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "description", "value": "TEXT"}))]
    pub description: Option<String>,
    /// A regular expression that the path of the process's program must match.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "name", "value": "REGEX"}))]
    pub names: Vec<String>,
    /// A regular expression that the path of a mapped file, such as a library, must match.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "lib", "value": "REGEX"}))]
    pub libraries: Vec<String>,
    /// A regular expression that the process's memory must match.
    ///
    /// Works on bytes; `(?i)` ignores case, `(?u)` switches Unicode on. It must not match the empty string.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "content", "value": "REGEX"}))]
    pub contents: Vec<String>,
    /// Bytes in hexadecimal that the process's memory must contain; `?` stands for any digit.
    ///
    /// Blanks may stand between digits: `DE AD ?? B? ?F`.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "bytes", "value": "HEX"}))]
    pub bytes: Vec<String>,
    /// Only these processes are examined.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "pid", "value": "PID"}))]
    pub pids: Vec<u32>,
    /// Only processes of these users are examined: name or number of the effective user.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "user", "value": "USER"}))]
    pub users: Vec<String>,
    /// Contents are also looked for as UTF-16LE text.
    ///
    /// All contents must then be plain text, or text with classes of ASCII characters.
    #[serde(default)]
    #[schemars(extend("x-flag" = "wide"))]
    pub wide: bool,
    /// Only memory of these kinds is read; by default all.
    ///
    /// heap, stack (of the first thread), anon (other memory without a file), file (mapped files), exec (executable),
    /// write (writable). Of several, one is enough.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "region", "value": "KIND"}))]
    pub regions: Vec<RegionClass>,
    /// A sign of injected or replaced code; of several, one is enough.
    ///
    /// anon_exec: executable memory without a file (just-in-time compilers make it too); write_exec: writable and
    /// executable; deleted_exe: the program's file is gone; memfd_exe: code from a file that is in no folder;
    /// modified_code: code differs from its file; exe_mismatch: the program's entry is not mapped from its file.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "anomaly", "value": "KIND"}))]
    pub anomalies: Vec<AnomalyKind>,
    /// How to search.
    #[serde(default)]
    pub options: Options,
}

/// How one search is carried out.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// All filters must match, each value of each, rather than any one of them; on the command line this is the default.
    #[schemars(extend(
        "x-flag" = [
            {"name": "matchall", "help": "All filters must match (the default)"},
            {"name": "matchany", "sets": false, "help": "Any filter may match; the finding says which did"},
        ],
        "x-flag-default" = true,
    ))]
    pub matchall: bool,
    /// Address from which on memory is examined.
    #[schemars(extend("x-flag" = {"name": "offset", "value": "ADDRESS"}))]
    pub offset: u64,
    /// How much memory of a process is examined; 0: all.
    #[schemars(extend("x-flag" = {"name": "maxlength", "value": "N"}, "x-unit" = "bytes"))]
    pub maxlength: u64,
    /// List each failure with its process and address, besides counting it.
    #[schemars(extend("x-flag" = "logfailures"))]
    pub logfailures: bool,
    /// How many matches of one pattern are listed per process; it is no longer looked for then.
    #[schemars(extend("x-flag" = {"name": "max-matches", "value": "N"}, "x-unit" = "matches"))]
    pub max_matches: u32,
    /// How much may be read back from swap, which makes the host slower.
    #[schemars(extend("x-flag" = {"name": "swap-bytes", "value": "N"}, "x-unit" = "bytes"))]
    pub swap_bytes: u64,
    /// How much may be read in all, of processes and of files; 0: all.
    #[schemars(extend("x-flag" = {"name": "max-bytes", "value": "N"}, "x-unit" = "bytes"))]
    pub max_bytes: u64,
    /// How much of one processor the search may use on average, all threads together; 0: as much as there is.
    #[schemars(extend("x-flag" = {"name": "cpu-percent", "value": "N"}, "x-unit" = "percent of one processor"))]
    pub cpu_percent: u32,
    /// Do not read parts of mapped files from disk that are not in memory.
    #[schemars(extend("x-flag" = "resident-only"))]
    pub resident_only: bool,
    /// How many threads to use; 0: half of the host's processors.
    #[schemars(extend("x-flag" = {"name": "threads", "value": "N"}))]
    pub threads: u32,
    /// Longest match that is found wherever it lies.
    #[schemars(extend("x-flag" = {"name": "max-match-bytes", "value": "N"}, "x-unit" = "bytes"))]
    pub max_match_bytes: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            matchall: false,
            offset: 0,
            maxlength: 0,
            logfailures: false,
            max_matches: 16,
            swap_bytes: 0,
            max_bytes: 0,
            cpu_percent: 0,
            resident_only: false,
            threads: 0,
            max_match_bytes: 4096,
        }
    }
}

/// Kinds of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[allow(missing_docs, reason = "the parameter's help text explains them")]
pub enum RegionClass {
    Heap,
    Stack,
    Anon,
    File,
    Exec,
    Write,
}

/// Signs of injected or replaced code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[allow(missing_docs, reason = "the parameter's help text explains them")]
pub enum AnomalyKind {
    AnonExec,
    WriteExec,
    DeletedExe,
    MemfdExe,
    ModifiedCode,
    ExeMismatch,
}

/// A filter, as findings name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are those of the parameters")]
pub enum Filter {
    Name,
    Library,
    Content,
    Bytes,
}
