//! What both kinds of process need to be a process at all, and what the courier needs beyond that.

use super::{Call, For, Group, Test, any, with};

/// Open flags by which anything is written, created or cut. An access mode of 0 is reading.
const WRITES: u64 = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND) as u64;

pub(super) const READS: Test = Test::Clear {
    argument: 2,
    bits: WRITES,
};

/// Namespaces that a new thread could be put into. Source: `linux/sched.h`.
const NEW_NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;

/// A bit of `MAP_SHARED` and `MAP_SHARED_VALIDATE`: a writable mapping of a file is a way to write that no other wall sees.
const SHARED: u64 = libc::MAP_SHARED as u64;
/// `PR_SET_VMA`: names for anonymous memory. Source: `linux/prctl.h`.
const PR_SET_VMA: u64 = 0x5356_4d41;

const fn first(value: u64) -> Test {
    Test::Is { argument: 0, value }
}

pub(super) const fn second(value: u64) -> Test {
    Test::Is { argument: 1, value }
}

pub(super) const GROUPS: &[Group] = &[
    Group {
        to: For::Everyone,
        why: "memory of its own; none that is shared, so that no file is written by mapping it",
        calls: &[
            with(
                "mmap",
                libc::SYS_mmap,
                &[Test::Clear {
                    argument: 3,
                    bits: SHARED,
                }],
            ),
            any("munmap", libc::SYS_munmap),
            any("mremap", libc::SYS_mremap),
            any("mprotect", libc::SYS_mprotect),
            any("madvise", libc::SYS_madvise),
            any("brk", libc::SYS_brk),
        ],
    },
    Group {
        to: For::Everyone,
        why: "threads, but neither processes nor namespaces; waiting; the end",
        calls: &[
            with(
                "clone",
                libc::SYS_clone,
                &[
                    Test::Set {
                        argument: 0,
                        bits: libc::CLONE_THREAD as u64,
                    },
                    Test::Clear {
                        argument: 0,
                        bits: NEW_NAMESPACES,
                    },
                ],
            ),
            any("set_robust_list", libc::SYS_set_robust_list),
            any("get_robust_list", libc::SYS_get_robust_list),
            any("rseq", libc::SYS_rseq),
            any("set_tid_address", libc::SYS_set_tid_address),
            any("futex", libc::SYS_futex),
            any("sched_yield", libc::SYS_sched_yield),
            any("sched_getaffinity", libc::SYS_sched_getaffinity),
            any("membarrier", libc::SYS_membarrier),
            any("nanosleep", libc::SYS_nanosleep),
            any("clock_nanosleep", libc::SYS_clock_nanosleep),
            any("restart_syscall", libc::SYS_restart_syscall),
            any("exit", libc::SYS_exit),
            any("exit_group", libc::SYS_exit_group),
        ],
    },
    Group {
        to: For::Everyone,
        why: "its own signals; sends them to itself only (abort)",
        calls: &[
            any("rt_sigaction", libc::SYS_rt_sigaction),
            any("rt_sigprocmask", libc::SYS_rt_sigprocmask),
            any("rt_sigreturn", libc::SYS_rt_sigreturn),
            any("sigaltstack", libc::SYS_sigaltstack),
            with("tgkill", libc::SYS_tgkill, &[Test::OwnProcess { argument: 0 }]),
        ],
    },
    Group {
        to: For::Everyone,
        why: "who and where it is, the time, random numbers",
        calls: &[
            any("getpid", libc::SYS_getpid),
            any("gettid", libc::SYS_gettid),
            any("getppid", libc::SYS_getppid),
            any("getuid", libc::SYS_getuid),
            any("geteuid", libc::SYS_geteuid),
            any("getgid", libc::SYS_getgid),
            any("getegid", libc::SYS_getegid),
            any("getcwd", libc::SYS_getcwd),
            any("getcpu", libc::SYS_getcpu),
            any("getrusage", libc::SYS_getrusage),
            any("uname", libc::SYS_uname),
            any("sysinfo", libc::SYS_sysinfo),
            any("clock_gettime", libc::SYS_clock_gettime),
            any("clock_getres", libc::SYS_clock_getres),
            any("gettimeofday", libc::SYS_gettimeofday),
            any("getrandom", libc::SYS_getrandom),
            with("prctl", libc::SYS_prctl, &[first(libc::PR_SET_NAME as u64)]),
            with("prctl", libc::SYS_prctl, &[first(libc::PR_GET_NAME as u64)]),
            with("prctl", libc::SYS_prctl, &[first(PR_SET_VMA)]),
            with(
                "prlimit64",
                libc::SYS_prlimit64,
                &[first(0), Test::Null { argument: 2 }],
            ),
        ],
    },
    Group {
        to: For::Everyone,
        why: "taking more rights away from itself",
        calls: &[
            with(
                "prctl",
                libc::SYS_prctl,
                &[first(libc::PR_SET_NO_NEW_PRIVS as u64)],
            ),
            any("seccomp", libc::SYS_seccomp),
        ],
    },
    Group {
        to: For::Everyone,
        why: "opening for reading; `O_WRONLY`, `O_RDWR`, `O_CREAT`, `O_TRUNC` and `O_APPEND` are refused",
        calls: &[
            with("openat", libc::SYS_openat, &[READS]),
            #[cfg(target_arch = "x86_64")]
            with(
                "open",
                libc::SYS_open,
                &[Test::Clear {
                    argument: 1,
                    bits: WRITES,
                }],
            ),
        ],
    },
    Group {
        to: For::Everyone,
        why: "reading what is open, and what files say of themselves",
        calls: FILE_READS,
    },
    Group {
        to: For::Everyone,
        why: "answering on what is open already; sockets are not addressed, so that only their own peer hears",
        calls: &[
            any("write", libc::SYS_write),
            any("writev", libc::SYS_writev),
            with("sendto", libc::SYS_sendto, &[Test::Null { argument: 4 }]),
            any("recvfrom", libc::SYS_recvfrom),
            any("shutdown", libc::SYS_shutdown),
            any("ppoll", libc::SYS_ppoll),
            #[cfg(target_arch = "x86_64")]
            any("poll", libc::SYS_poll),
        ],
    },
    Group {
        to: For::Courier,
        why: "connections out by TCP, over IPv4 and IPv6; asking for names by UDP; local ones; never listening",
        calls: COURIER_NETWORK,
    },
    Group {
        to: For::Courier,
        why: "waiting for many things at once (an asynchronous runtime)",
        calls: &[
            any("epoll_create1", libc::SYS_epoll_create1),
            any("epoll_ctl", libc::SYS_epoll_ctl),
            any("epoll_pwait", libc::SYS_epoll_pwait),
            any("epoll_pwait2", libc::SYS_epoll_pwait2),
            #[cfg(target_arch = "x86_64")]
            any("epoll_wait", libc::SYS_epoll_wait),
            any("eventfd2", libc::SYS_eventfd2),
            any("timerfd_create", libc::SYS_timerfd_create),
            any("timerfd_settime", libc::SYS_timerfd_settime),
            any("pipe2", libc::SYS_pipe2),
        ],
    },
];

#[allow(
    clippy::unnecessary_cast,
    trivial_numeric_casts,
    reason = "the type of ioctl requests differs between C libraries"
)]
const FILE_READS: &[Call] = &[
    any("close", libc::SYS_close),
    any("close_range", libc::SYS_close_range),
    any("read", libc::SYS_read),
    any("readv", libc::SYS_readv),
    any("pread64", libc::SYS_pread64),
    any("preadv", libc::SYS_preadv),
    any("lseek", libc::SYS_lseek),
    any("fstat", libc::SYS_fstat),
    any("newfstatat", libc::SYS_newfstatat),
    any("statx", libc::SYS_statx),
    any("statfs", libc::SYS_statfs),
    any("fstatfs", libc::SYS_fstatfs),
    any("getdents64", libc::SYS_getdents64),
    any("readlinkat", libc::SYS_readlinkat),
    any("faccessat", libc::SYS_faccessat),
    any("faccessat2", libc::SYS_faccessat2),
    any("fadvise64", libc::SYS_fadvise64),
    any("dup", libc::SYS_dup),
    with("fcntl", libc::SYS_fcntl, &[second(libc::F_GETFD as u64)]),
    with("fcntl", libc::SYS_fcntl, &[second(libc::F_SETFD as u64)]),
    with("fcntl", libc::SYS_fcntl, &[second(libc::F_GETFL as u64)]),
    with("fcntl", libc::SYS_fcntl, &[second(libc::F_DUPFD_CLOEXEC as u64)]),
    with("ioctl", libc::SYS_ioctl, &[second(libc::FIONBIO as u64)]),
    with("ioctl", libc::SYS_ioctl, &[second(libc::FIONREAD as u64)]),
    with("ioctl", libc::SYS_ioctl, &[second(libc::TCGETS as u64)]),
    #[cfg(target_arch = "x86_64")]
    any("stat", libc::SYS_stat),
    #[cfg(target_arch = "x86_64")]
    any("lstat", libc::SYS_lstat),
    #[cfg(target_arch = "x86_64")]
    any("access", libc::SYS_access),
    #[cfg(target_arch = "x86_64")]
    any("readlink", libc::SYS_readlink),
];

/// A protocol family that the courier may open sockets of.
const fn family(value: i32) -> Test {
    first(value as u64)
}

const COURIER_NETWORK: &[Call] = &[
    with("socket", libc::SYS_socket, &[family(libc::AF_INET)]),
    with("socket", libc::SYS_socket, &[family(libc::AF_INET6)]),
    with("socket", libc::SYS_socket, &[family(libc::AF_UNIX)]),
    // getaddrinfo(3) asks the kernel for the host's own addresses
    with("socket", libc::SYS_socket, &[family(libc::AF_NETLINK)]),
    with("socketpair", libc::SYS_socketpair, &[family(libc::AF_UNIX)]),
    any("connect", libc::SYS_connect),
    // UDP to name servers, and netlink
    any("bind", libc::SYS_bind),
    any("sendto", libc::SYS_sendto),
    any("sendmsg", libc::SYS_sendmsg),
    any("sendmmsg", libc::SYS_sendmmsg),
    any("recvmsg", libc::SYS_recvmsg),
    any("recvmmsg", libc::SYS_recvmmsg),
    any("getsockname", libc::SYS_getsockname),
    any("getpeername", libc::SYS_getpeername),
    any("getsockopt", libc::SYS_getsockopt),
    any("setsockopt", libc::SYS_setsockopt),
    with("fcntl", libc::SYS_fcntl, &[second(libc::F_SETFL as u64)]),
];
