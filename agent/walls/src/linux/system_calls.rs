//! The filters of system calls that [`super::rules`] describe: seccomp(2).

use super::program::{Table, Verdict};
use super::rules::{self, Call, Process};
use crate::{Missing, Need, Wall, WallError};
use libc::sock_filter;
use std::io;

const REFUSED: Verdict = Verdict::Errno(libc::EPERM as u16);
const NOT_THERE: Verdict = Verdict::Errno(libc::ENOSYS as u16);

/// Allows a runner what its class and its needs allow; see [`rules`].
pub fn filter_runner(needs: &[Need], missing: &mut Vec<Missing>) -> Result<(), WallError> {
    filter(Process::Runner(needs), missing)
}

/// Allows the courier what its class allows; see [`rules`].
pub fn filter_courier(missing: &mut Vec<Missing>) -> Result<(), WallError> {
    filter(Process::Courier, missing)?;
    // It has no plugin to load.
    forbid_new_code()
}

/// No thread of this process can make memory executable from now on, whatever a plugin's initialisers have started. Of two filters
/// the kernel takes the stricter verdict.
pub fn forbid_new_code() -> Result<(), WallError> {
    let program = Table::new(Verdict::Allow).set(rules::NEW_CODE, REFUSED).compile();
    match install(&program, libc::SECCOMP_FILTER_FLAG_TSYNC) {
        Err(error) if is_unsupported(&error) => Ok(()), // told when the first filter was refused
        other => other.map_err(WallError::SystemCalls),
    }
}

fn filter(process: Process<'_>, missing: &mut Vec<Missing>) -> Result<(), WallError> {
    match install(&table(&rules::of(process)).compile(), 0) {
        Err(error) if is_unsupported(&error) => {
            missing.push(Missing::new(
                Wall::SystemCalls,
                "this kernel has no seccomp filters",
            ));
            Ok(())
        }
        other => other.map_err(WallError::SystemCalls),
    }
}

/// What becomes of every call: allowed, fatal, as if the kernel did not have it, refused.
pub(super) fn table(allowed: &[Call]) -> Table {
    Table::new(REFUSED)
        .set(allowed, Verdict::Allow)
        .set_others(rules::FATAL, Verdict::Kill)
        .set_others(rules::UNKNOWN, NOT_THERE)
}

/// Installs a filter for this thread and those that it starts, with `SECCOMP_FILTER_FLAG_TSYNC` for all there are.
#[allow(unsafe_code, reason = "seccomp(2) has no safe wrapper")]
fn install(program: &[sock_filter], flags: libc::c_ulong) -> io::Result<()> {
    let described = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies `len` instructions from `filter` and changes nothing.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &raw const described,
        )
    };
    match result {
        0 => Ok(()),
        -1 => Err(io::Error::last_os_error()),
        thread => Err(io::Error::other(format!(
            "thread {thread} has a filter of its own"
        ))),
    }
}

/// seccomp(2): `ENOSYS` without the system call, `EINVAL` without filters.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL))
}
