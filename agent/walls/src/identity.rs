//! Which user a process becomes.

use rustix::process::{Gid, Uid};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A user and a group, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// User; never 0.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// Where the users begin that belong to one process each. No range of users that a distribution or systemd hands out reaches there,
/// and the highest process number (`PID_LIMIT`, 4 Mi) fits. Source: systemd's `UIDS-GIDS`, proc(5) `pid_max`.
const FIRST_OF_PROCESSES: u32 = 0x7000_0000;

impl Identity {
    /// A user that no other process of this host is: nobody else's limits, signals or files have to do with it.
    #[must_use]
    pub fn of_process(process: u32) -> Self {
        let id = FIRST_OF_PROCESSES + (process & 0x003f_ffff);
        Self { uid: id, gid: id }
    }

    /// The user that owns nothing: where a host, or a namespace of users, has no better one.
    pub const NOBODY: Self = Self {
        uid: 65_534,
        gid: 65_534,
    };

    /// The user `name` of a user table in the form of passwd(5); `None` when it is not there, or is root.
    #[must_use]
    pub fn in_table(table: &str, name: &str) -> Option<Self> {
        table.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() != Some(name) {
                return None;
            }
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            (uid != 0).then_some(Self { uid, gid })
        })
    }

    /// The host's user `name`, or [`Self::NOBODY`] when there is none.
    ///
    /// Only `/etc/passwd` is read: a directory service would be network code in a privileged process.
    #[must_use]
    pub fn of_user(name: &str) -> Self {
        /// More than any host has.
        const MAX_TABLE_BYTES: u64 = 4 << 20;
        let read = || {
            use std::io::Read;
            let mut text = String::new();
            let file = std::fs::File::open(Path::new("/etc/passwd")).ok()?;
            file.take(MAX_TABLE_BYTES).read_to_string(&mut text).ok()?;
            Self::in_table(&text, name)
        };
        read().unwrap_or(Self::NOBODY)
    }

    pub(crate) fn user(self) -> Uid {
        Uid::from_raw(self.uid)
    }

    pub(crate) fn group(self) -> Gid {
        Gid::from_raw(self.gid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name_and_root_is_refused() {
        let table = "root:x:0:0::/root:/bin/sh\ngumshoe-x:x:7:8::/:\n\ngumshoe:x:998:997::/:/x\nodd\nbad:x:y:z\ntoor:x:0:0::/:";
        let expected = Some(Identity { uid: 998, gid: 997 });
        assert_eq!(Identity::in_table(table, "gumshoe"), expected);
        for name in ["root", "toor", "gum", "odd", "bad", ""] {
            assert_eq!(Identity::in_table(table, name), None, "{name}");
        }
    }
}
