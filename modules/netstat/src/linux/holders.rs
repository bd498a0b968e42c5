//! Which processes have which sockets open.

use super::namespaces::{each_entry, link};
use crate::finding::Process;
use crate::parse::links;
use gumshoe_plugin_api::Skipped;
use gumshoe_process::{Dir, Host, ProcessError};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Processes by the sockets that they have.
#[derive(Debug, Default)]
pub struct Holders {
    processes: Vec<Process>,
    /// Places in `processes` by inode.
    by_inode: HashMap<u64, Vec<u32>>,
}

impl Holders {
    /// The processes that have a socket, in the order of their numbers.
    pub fn of(&self, inode: u64) -> impl Iterator<Item = &Process> {
        let places = self.by_inode.get(&inode).map(Vec::as_slice).unwrap_or_default();
        places
            .iter()
            .filter_map(|&place| self.processes.get(usize::try_from(place).ok()?))
    }

    /// How many processes have one of the sockets.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.processes.len()
    }
}

/// Finds the processes that have these sockets, in one pass over all open files below `root/proc`. A process that has
/// one is described while it is looked at, so that its number cannot have gone to another. What could not be looked at
/// goes to `cover`.
pub fn holders(root: &Path, inodes: impl Iterator<Item = u64>, cover: &mut dyn FnMut(Skipped)) -> Holders {
    let mut found = Holders {
        processes: Vec::new(),
        by_inode: inodes
            .filter(|&inode| inode != 0)
            .map(|inode| (inode, Vec::new()))
            .collect(),
    };
    if found.by_inode.is_empty() {
        return found;
    }
    let host = Host::new(root);
    let pids = match host.pids() {
        Ok(pids) => pids,
        Err(error) => {
            cover(skipped(&error));
            return found;
        }
    };
    for pid in pids {
        let looked = host.dir(pid).and_then(|dir| found.look_at(&host, &dir));
        match looked {
            Err(error) if !error.is_gone() => cover(skipped(&error).example(format!("pid {pid}"))),
            _ => {}
        }
    }
    found
}

impl Holders {
    fn look_at(&mut self, host: &Host, dir: &Dir) -> Result<(), ProcessError> {
        let files = dir.open("fd")?;
        let place = u32::try_from(self.processes.len()).unwrap_or(u32::MAX);
        let mut has_some = false;
        each_entry(&files, &mut |name| {
            let Ok(Some(text)) = link(&files, OsStr::from_bytes(name)) else {
                return;
            };
            let wanted = links::socket(text.bytes()).and_then(|inode| self.by_inode.get_mut(&inode));
            // A process may have a socket under several numbers.
            if let Some(places) = wanted.filter(|places| places.last() != Some(&place)) {
                places.push(place);
                has_some = true;
            }
        });
        if has_some {
            self.processes.push(describe(host, dir));
        }
        Ok(())
    }
}

/// What can be told of a process; its number at least.
fn describe(host: &Host, dir: &Dir) -> Process {
    match host.describe(dir) {
        Ok(process) => Process::new(process, host.users()),
        Err(_ended_or_hidden) => Process::unknown(dir.pid()),
    }
}

fn skipped(error: &ProcessError) -> Skipped {
    let why = if error.is_denied() {
        "permission denied".to_owned()
    } else {
        error.to_string()
    };
    Skipped::one("process, for its open sockets", why)
}
