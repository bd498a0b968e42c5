//! Ways out of a sandbox, each tried by the very system call that it takes.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub use linux::attempt;

use schemars::JsonSchema;
use serde::Deserialize;

/// The ways.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Write to a file.
    WriteFile,
    /// Open a file for writing by the call whose flags no filter sees, and write.
    WriteFileUnseen,
    /// Make a file by that call.
    CreateFileUnseen,
    /// Make a file.
    CreateFile,
    /// Write to a file through a mapping, having opened it by that call.
    WriteMapped,
    /// Remove a file.
    Unlink,
    /// Rename a file.
    Rename,
    /// Cut a file.
    Truncate,
    /// Change a file's mode.
    Chmod,
    /// Make a folder.
    MakeFolder,
    /// Read a file.
    ReadFile,
    /// Connect by TCP.
    Connect,
    /// Connect to a local socket.
    ConnectLocal,
    /// Listen.
    Listen,
    /// Start a program.
    Start,
    /// Become a program.
    Exec,
    /// Fork without end.
    ForkBomb,
    /// Start threads without end.
    ThreadBomb,
    /// Attach to the agent.
    TraceParent,
    /// Read the agent's memory.
    ReadParent,
    /// Read the memory of a process.
    ReadProcess,
    /// Kill the agent.
    KillParent,
    /// Load another plugin.
    LoadCode,
    /// Make memory executable.
    MakeCode,
    /// Mount something.
    Mount,
    /// Become root again.
    BecomeRoot,
    /// Take capabilities back.
    TakeCapabilities,
    /// Raise a limit.
    RaiseLimit,
}

/// There are too few walls on macOS to try them.
#[cfg(not(target_os = "linux"))]
pub fn attempt(_way: Way, _target: &str) -> std::io::Result<String> {
    Err(std::io::ErrorKind::Unsupported.into())
}
