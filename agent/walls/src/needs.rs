//! What a module may ask to keep, and which capabilities that stands for.

use serde::{Deserialize, Serialize};

/// Something that a runner keeps for its module: the privileges of a manifest, by the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Read every file.
    ReadFiles,
    /// Look into other processes.
    ReadProcesses,
    /// Enter other network namespaces and query the network stack.
    EnterNamespaces,
}

impl Need {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ReadFiles, Self::ReadProcesses, Self::EnterNamespaces];

    /// The name, as a manifest has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadFiles => "read-files",
            Self::ReadProcesses => "read-processes",
            Self::EnterNamespaces => "enter-namespaces",
        }
    }
}

/// A capability that a runner keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Its name without `CAP_`.
    pub name: &'static str,
    /// Its number. Source: `linux/capability.h`.
    pub number: u8,
    /// What it is kept for.
    pub need: Need,
    /// Why nothing less does.
    pub why: &'static str,
}

/// Every capability that any runner keeps.
pub const CAPABILITIES: &[Kept] = &[
    Kept {
        name: "DAC_READ_SEARCH",
        number: 2,
        need: Need::ReadFiles,
        why: "reads files and folders whoever owns them",
    },
    Kept {
        name: "FOWNER",
        number: 3,
        need: Need::ReadFiles,
        why: "opens with `O_NOATIME`: looking at a file must not change when it was last read",
    },
    Kept {
        name: "SYS_PTRACE",
        number: 19,
        need: Need::ReadProcesses,
        why: "`/proc/PID` of other users: `mem`, `maps`, `fd`, `root`",
    },
    Kept {
        name: "CHECKPOINT_RESTORE",
        number: 40,
        need: Need::ReadProcesses,
        why: "`/proc/PID/map_files`: the very file that is mapped, also when it was deleted",
    },
    Kept {
        name: "SYS_ADMIN",
        number: 21,
        need: Need::EnterNamespaces,
        why: "`setns`: asking the kernel inside another network namespace",
    },
    Kept {
        name: "NET_ADMIN",
        number: 12,
        need: Need::EnterNamespaces,
        why: "`SIOCGSKNS`: which namespace a socket is in",
    },
    Kept {
        name: "SYS_PTRACE",
        number: 19,
        need: Need::EnterNamespaces,
        why: "`/proc/PID/ns` and `pidfd_getfd` of other users' processes",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_changes_the_host_is_kept_but_what_namespaces_take() {
        // Sources: capabilities(7). Each of these alone is as good as root.
        let as_good_as_root = [
            "DAC_OVERRIDE",
            "SETUID",
            "SETGID",
            "SETPCAP",
            "SYS_MODULE",
            "SYS_RAWIO",
            "SYS_ADMIN",
            "BPF",
        ];
        for kept in CAPABILITIES {
            assert!(
                kept.need == Need::EnterNamespaces || !as_good_as_root.contains(&kept.name),
                "{kept:?}"
            );
        }
    }
}
