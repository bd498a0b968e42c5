//! Walls that any Unix has: open files, resource limits, priority.

use crate::WallError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;

/// How many files a walk may hold open: one per folder on its way down.
const OPEN_FILES: u64 = 65_536;
/// How many threads all processes of one user may have together, and a runner is a user of its own: against a module that starts
/// them without end. Not counted for root (getrlimit(2)).
const THREADS: u64 = 512;

/// Closes everything but the standard streams: what the agent, or whoever started it, had open.
///
/// # Errors
///
/// [`WallError::InheritedFiles`].
#[allow(unsafe_code, reason = "close_range(2) has no safe wrapper")]
pub fn close_inherited_files() -> Result<(), WallError> {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: nothing in this process has opened a file yet; only numbers from 3 on are closed.
        let closed = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) };
        if closed == 0 {
            return Ok(());
        }
    }
    let highest = getrlimit(Resource::Nofile)
        .current
        .unwrap_or(OPEN_FILES)
        .min(OPEN_FILES);
    for number in 3..i32::try_from(highest).unwrap_or(i32::MAX) {
        // SAFETY: as above.
        unsafe { libc::close(number) };
    }
    Ok(())
}

/// No core dump, no growing file, a bound on threads, many open files, and `memory_bytes` of private writable memory
/// (0 for no limit).
pub(crate) fn limit(memory_bytes: u64) -> Result<(), WallError> {
    set("RLIMIT_CORE", Resource::Core, 0)?;
    set("RLIMIT_FSIZE", Resource::Fsize, 0)?;
    lower("RLIMIT_NPROC", Resource::Nproc, THREADS)?;
    raise_open_files()?;
    if memory_bytes > 0 {
        // RLIMIT_DATA counts private writable memory since Linux 4.7 (getrlimit(2)); mapping a large
        // file for reading stays free, which an address-space limit would forbid.
        set("RLIMIT_DATA", Resource::Data, memory_bytes)?;
    }
    Ok(())
}

/// Sets a limit for good.
fn set(name: &'static str, resource: Resource, value: u64) -> Result<(), WallError> {
    let limit = Rlimit {
        current: Some(value),
        maximum: Some(value),
    };
    setrlimit(resource, limit).map_err(|errno| WallError::Resource {
        resource: name,
        source: errno.into(),
    })
}

/// Sets a limit unless there is a lower one already.
fn lower(name: &'static str, resource: Resource, value: u64) -> Result<(), WallError> {
    let hard = getrlimit(resource).maximum;
    set(name, resource, hard.map_or(value, |hard| hard.min(value)))
}

/// As many open files as the hard limit allows.
fn raise_open_files() -> Result<(), WallError> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(OPEN_FILES, |hard| hard.min(OPEN_FILES));
    if limit.current.is_some_and(|soft| soft >= wanted) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|errno| WallError::Resource {
        resource: "RLIMIT_NOFILE",
        source: io::Error::from(errno),
    })
}

/// Lets the host's own work go first, on the processor and on its disks.
#[allow(unsafe_code, reason = "ioprio_set(2) has no safe wrapper")]
pub(crate) fn lower_priority() {
    const NICENESS: i32 = 10;
    // A refusal is no reason not to answer: it only makes the answer less polite.
    let _ = rustix::process::nice(NICENESS);
    #[cfg(target_os = "linux")]
    {
        const IOPRIO_WHO_PROCESS: i32 = 1;
        const IOPRIO_BEST_EFFORT_LOWEST: i32 = (2 << 13) | 7;
        // SAFETY: three integers; it changes nothing but this process's I/O class.
        unsafe {
            libc::syscall(
                libc::SYS_ioprio_set,
                IOPRIO_WHO_PROCESS,
                0,
                IOPRIO_BEST_EFFORT_LOWEST,
            )
        };
    }
}
