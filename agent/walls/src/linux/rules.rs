//! Which system calls a process may make, as data with a reason for every group.
//!
//! Everything that is in no group is refused with `EPERM`. [`UNKNOWN`] is refused with `ENOSYS`, so that libraries take
//! the older way, whose flags a filter can see. [`FATAL`] ends the process: no module has any business there, so whoever
//! calls it is not the module any more.
//!
//! Source of numbers: the `libc` crate, of meanings: the page of each call in section 2 of the manual.

mod runner;
mod shared;

use crate::Need;

/// A test of one argument; numbers are of the argument, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// None of the bits is set.
    Clear {
        /// Which argument.
        argument: u8,
        /// The bits.
        bits: u64,
    },
    /// All of the bits are set.
    Set {
        /// Which argument.
        argument: u8,
        /// The bits.
        bits: u64,
    },
    /// The lower half is this number.
    Is {
        /// Which argument.
        argument: u8,
        /// The number.
        value: u64,
    },
    /// A null pointer.
    Null {
        /// Which argument.
        argument: u8,
    },
    /// The number of this very process.
    OwnProcess {
        /// Which argument.
        argument: u8,
    },
}

/// A system call, with tests of its arguments that have to hold all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: &'static str,
    /// Its number on this processor.
    pub number: i64,
    /// The tests; none for every call of it.
    pub tests: &'static [Test],
}

/// Whom a group is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// The courier and every runner.
    Everyone,
    /// The courier.
    Courier,
    /// Every runner.
    Runners,
    /// Runners of modules that ask for this.
    RunnersWith(Need),
}

/// What is allowed to whom, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Whom it is for.
    pub to: For,
    /// Why they need it, and what the tests keep out.
    pub why: &'static str,
    /// The calls.
    pub calls: &'static [Call],
}

/// The process that is to be walled in.
#[derive(Debug, Clone, Copy)]
pub enum Process<'a> {
    /// The courier.
    Courier,
    /// A runner whose module asks for this.
    Runner(&'a [Need]),
}

/// All groups.
pub fn groups() -> impl Iterator<Item = &'static Group> {
    shared::GROUPS.iter().chain(runner::GROUPS)
}

/// What a process is allowed.
#[must_use]
pub fn of(process: Process<'_>) -> Vec<Call> {
    let is_for = |to: For| match (to, process) {
        (For::Everyone, _) | (For::Courier, Process::Courier) | (For::Runners, Process::Runner(_)) => true,
        (For::RunnersWith(need), Process::Runner(needs)) => needs.contains(&need),
        _ => false,
    };
    groups()
        .filter(|group| is_for(group.to))
        .flat_map(|group| group.calls)
        .copied()
        .collect()
}

/// A call whatever its arguments.
const fn any(name: &'static str, number: i64) -> Call {
    Call {
        name,
        number,
        tests: &[],
    }
}

/// A call with tests.
const fn with(name: &'static str, number: i64, tests: &'static [Test]) -> Call {
    Call { name, number, tests }
}

/// What would make memory executable.
pub const NEW_CODE: &[Call] = &[
    with("mmap", libc::SYS_mmap, &[EXECUTABLE]),
    with("mprotect", libc::SYS_mprotect, &[EXECUTABLE]),
];

const EXECUTABLE: Test = Test::Set {
    argument: 2,
    bits: libc::PROT_EXEC as u64,
};

/// What is answered as if the kernel did not have it, where it is not allowed.
pub const UNKNOWN: &[Call] = &[
    any("clone3", libc::SYS_clone3),
    any("openat2", libc::SYS_openat2),
    any("io_uring_setup", libc::SYS_io_uring_setup),
    any("rseq", libc::SYS_rseq),
    any("futex_waitv", libc::SYS_futex_waitv),
    any("statx", libc::SYS_statx),
    any("faccessat2", libc::SYS_faccessat2),
];

/// What ends the process, where it is not allowed.
pub const FATAL: &[Call] = &[
    // other programs
    any("execve", libc::SYS_execve),
    any("execveat", libc::SYS_execveat),
    // other processes
    any("ptrace", libc::SYS_ptrace),
    any("process_vm_writev", libc::SYS_process_vm_writev),
    any("process_madvise", libc::SYS_process_madvise),
    any("pidfd_send_signal", libc::SYS_pidfd_send_signal),
    any("kill", libc::SYS_kill),
    any("rt_sigqueueinfo", libc::SYS_rt_sigqueueinfo),
    any("rt_tgsigqueueinfo", libc::SYS_rt_tgsigqueueinfo),
    // the kernel
    any("bpf", libc::SYS_bpf),
    any("init_module", libc::SYS_init_module),
    any("finit_module", libc::SYS_finit_module),
    any("delete_module", libc::SYS_delete_module),
    any("kexec_load", libc::SYS_kexec_load),
    #[cfg(target_arch = "x86_64")]
    any("kexec_file_load", libc::SYS_kexec_file_load),
    any("perf_event_open", libc::SYS_perf_event_open),
    any("userfaultfd", libc::SYS_userfaultfd),
    any("reboot", libc::SYS_reboot),
    any("settimeofday", libc::SYS_settimeofday),
    any("clock_settime", libc::SYS_clock_settime),
    any("clock_adjtime", libc::SYS_clock_adjtime),
    any("add_key", libc::SYS_add_key),
    any("request_key", libc::SYS_request_key),
    any("keyctl", libc::SYS_keyctl),
    any("acct", libc::SYS_acct),
    any("syslog", libc::SYS_syslog),
    any("swapon", libc::SYS_swapon),
    any("swapoff", libc::SYS_swapoff),
    #[cfg(target_arch = "x86_64")]
    any("iopl", libc::SYS_iopl),
    #[cfg(target_arch = "x86_64")]
    any("ioperm", libc::SYS_ioperm),
    // another view of the host
    any("mount", libc::SYS_mount),
    any("umount2", libc::SYS_umount2),
    any("move_mount", libc::SYS_move_mount),
    any("open_tree", libc::SYS_open_tree),
    any("fsopen", libc::SYS_fsopen),
    any("fsconfig", libc::SYS_fsconfig),
    any("fsmount", libc::SYS_fsmount),
    any("fspick", libc::SYS_fspick),
    any("mount_setattr", libc::SYS_mount_setattr),
    any("pivot_root", libc::SYS_pivot_root),
    any("chroot", libc::SYS_chroot),
    any("unshare", libc::SYS_unshare),
    any("setns", libc::SYS_setns),
    any("open_by_handle_at", libc::SYS_open_by_handle_at),
    // another user
    any("setuid", libc::SYS_setuid),
    any("setgid", libc::SYS_setgid),
    any("setreuid", libc::SYS_setreuid),
    any("setregid", libc::SYS_setregid),
    any("setresuid", libc::SYS_setresuid),
    any("setresgid", libc::SYS_setresgid),
    any("setfsuid", libc::SYS_setfsuid),
    any("setfsgid", libc::SYS_setfsgid),
    any("setgroups", libc::SYS_setgroups),
];

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_NEED: Process<'static> = Process::Runner(&Need::ALL);

    fn allows(process: Process<'_>, name: &str) -> bool {
        of(process).iter().any(|call| call.name == name)
    }

    #[test]
    fn nothing_that_ends_the_process_is_allowed_but_for_namespaces() {
        for call in FATAL {
            assert!(!allows(Process::Courier, call.name), "{}", call.name);
            assert_eq!(
                allows(EVERY_NEED, call.name),
                call.name == "setns",
                "{}",
                call.name
            );
        }
    }

    #[test]
    fn runners_have_no_network_and_the_courier_no_files_to_write() {
        for name in ["socket", "connect", "bind", "listen", "accept4"] {
            assert!(!allows(Process::Runner(&[Need::ReadFiles]), name), "{name}");
        }
        for name in [
            "listen",
            "accept",
            "accept4",
            "unlinkat",
            "renameat2",
            "ftruncate",
        ] {
            assert!(!allows(Process::Courier, name), "{name}");
            assert!(!allows(EVERY_NEED, name), "{name}");
        }
    }

    #[test]
    fn files_are_opened_with_tests_only() {
        for process in [Process::Courier, EVERY_NEED] {
            let opens = of(process).into_iter().filter(|call| call.name == "openat");
            assert!(opens.clone().count() > 0 && opens.into_iter().all(|call| !call.tests.is_empty()));
        }
        assert!(!allows(Process::Runner(&[]), "openat2") && !allows(Process::Courier, "openat2"));
    }
}
