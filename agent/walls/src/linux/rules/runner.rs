//! What runners need beyond that, for all modules and for those with privileges.

use super::shared::second;
use super::{For, Group, Test, any, with};
use crate::Need;

/// `PAGEMAP_SCAN`: `_IOWR('f', 16, struct pm_scan_arg)`. Source: `linux/fs.h`.
const PAGEMAP_SCAN: u64 = 0xc060_6610;
/// `SIOCGSKNS`. Source: `linux/sockios.h`.
const SIOCGSKNS: u64 = 0x894c;

/// Sockets of one netlink family: sockets' tables, or links and neighbours.
const DIAGNOSIS: [Test; 2] = netlink(libc::NETLINK_SOCK_DIAG);
const ROUTE: [Test; 2] = netlink(libc::NETLINK_ROUTE);

const fn netlink(family: i32) -> [Test; 2] {
    [
        Test::Is {
            argument: 0,
            value: libc::AF_NETLINK as u64,
        },
        Test::Is {
            argument: 2,
            value: family as u64,
        },
    ]
}

pub(super) const GROUPS: &[Group] = &[
    Group {
        to: For::Runners,
        why: "giving up more once the question is known: capabilities, and the view of files (Landlock)",
        calls: &[
            any("capget", libc::SYS_capget),
            any("capset", libc::SYS_capset),
            any("landlock_create_ruleset", libc::SYS_landlock_create_ruleset),
            any("landlock_add_rule", libc::SYS_landlock_add_rule),
            any("landlock_restrict_self", libc::SYS_landlock_restrict_self),
        ],
    },
    Group {
        to: For::Runners,
        why: "reading extended attributes and which pages of a file are in memory",
        calls: &[
            any("getxattr", libc::SYS_getxattr),
            any("lgetxattr", libc::SYS_lgetxattr),
            any("fgetxattr", libc::SYS_fgetxattr),
            any("listxattr", libc::SYS_listxattr),
            any("llistxattr", libc::SYS_llistxattr),
            any("flistxattr", libc::SYS_flistxattr),
            any("mincore", libc::SYS_mincore),
            any("readahead", libc::SYS_readahead),
        ],
    },
    Group {
        to: For::RunnersWith(Need::ReadFiles),
        why: "opening below a folder that links cannot lead out of (`RESOLVE_IN_ROOT`: trees of containers). A filter cannot \
              see its flags: what it could write is kept out by user, `RLIMIT_FSIZE` and, where there is one, the view of files",
        calls: &[any("openat2", libc::SYS_openat2)],
    },
    Group {
        to: For::RunnersWith(Need::ReadProcesses),
        why: "reading memory of other processes, and which of it is present",
        calls: &[
            any("process_vm_readv", libc::SYS_process_vm_readv),
            with("ioctl", libc::SYS_ioctl, &[second(PAGEMAP_SCAN)]),
        ],
    },
    Group {
        to: For::RunnersWith(Need::EnterNamespaces),
        why: "entering network namespaces, no others; finding the one that a socket is in",
        calls: &[
            with("setns", libc::SYS_setns, &[second(libc::CLONE_NEWNET as u64)]),
            any("pidfd_open", libc::SYS_pidfd_open),
            any("pidfd_getfd", libc::SYS_pidfd_getfd),
            with("ioctl", libc::SYS_ioctl, &[second(SIOCGSKNS)]),
        ],
    },
    Group {
        to: For::RunnersWith(Need::EnterNamespaces),
        why: "asking the kernel about sockets, links and neighbours (netlink); no socket that leads anywhere else",
        calls: &[
            with("socket", libc::SYS_socket, &DIAGNOSIS),
            with("socket", libc::SYS_socket, &ROUTE),
            any("bind", libc::SYS_bind),
            any("sendto", libc::SYS_sendto),
            any("recvmsg", libc::SYS_recvmsg),
            any("getsockname", libc::SYS_getsockname),
            any("getsockopt", libc::SYS_getsockopt),
            any("setsockopt", libc::SYS_setsockopt),
        ],
    },
];
