//! The walls around a runner that need no privileges. Capabilities, seccomp and Landlock come after
//! loading the plugin; their place is marked in [`super`].

use super::Walls;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;

/// Closes everything but the standard streams: what the agent, or whoever started it, had open.
///
/// # Errors
///
/// The system call's error.
#[allow(unsafe_code, reason = "close_range(2) has no safe wrapper")]
pub fn close_inherited_files() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: nothing in this process has opened a file yet; only numbers from 3 on are closed.
        let closed = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) };
        if closed == 0 {
            return Ok(());
        }
    }
    let highest = getrlimit(Resource::Nofile).current.unwrap_or(65_536).min(65_536);
    for number in 3..i32::try_from(highest).unwrap_or(65_536) {
        // SAFETY: as above.
        unsafe { libc::close(number) };
    }
    Ok(())
}

/// Dies with the agent, leaves no core dump, may open many files, is nice, and is bounded in memory.
///
/// # Errors
///
/// The first system call that fails.
pub fn apply(walls: &Walls) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    raise_open_files()?;
    if walls.memory_bytes > 0 {
        // RLIMIT_DATA counts private writable memory since Linux 4.7 (getrlimit(2)); mapping a large
        // file for reading stays free, which an address-space limit would forbid.
        let bytes = Some(walls.memory_bytes);
        setrlimit(
            Resource::Data,
            Rlimit {
                current: bytes,
                maximum: bytes,
            },
        )?;
    }
    lower_priority();
    Ok(())
}

/// As many open files as the hard limit allows: a walk holds one per folder on its way down.
fn raise_open_files() -> io::Result<()> {
    const ENOUGH: u64 = 65_536;
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(ENOUGH, |hard| hard.min(ENOUGH));
    if limit.current.is_some_and(|soft| soft < wanted) {
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(wanted),
                maximum: limit.maximum,
            },
        )?;
    }
    Ok(())
}

/// Lets the host's own work go first, on the processor and on its disks.
#[allow(unsafe_code, reason = "ioprio_set(2) has no safe wrapper")]
fn lower_priority() {
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
