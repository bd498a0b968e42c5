//! Which processes have which sockets open.

use super::files::{each_entry, link};
use crate::finding::Process;
use crate::parse::links;
use crate::plan::Sought;
use gumshoe_plugin_api::Skipped;
use gumshoe_process::{Dir, Host, ProcessError};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Processes that one thread should have to look at, at least.
const MIN_PIDS_PER_THREAD: usize = 32;

/// Processes by the sockets that they have.
#[derive(Debug, Default)]
pub struct Holders {
    /// By number.
    processes: Vec<Process>,
    /// Inode and place in `processes`, sorted.
    pairs: Vec<(u64, usize)>,
}

impl Holders {
    /// The processes that have a socket, in the order of their numbers.
    pub fn of(&self, inode: u64) -> impl Iterator<Item = &Process> {
        let first = self.pairs.partition_point(|pair| pair.0 < inode);
        let pairs = self.pairs[first..].iter().take_while(move |pair| pair.0 == inode);
        pairs.filter_map(|&(_, place)| self.processes.get(place))
    }

    /// How many processes have one of the sockets.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.processes.len()
    }

    fn new(mut seen: Vec<Seen>) -> Holders {
        seen.sort_unstable_by_key(|one| one.process.pid);
        let mut holders = Holders::default();
        for (place, one) in seen.into_iter().enumerate() {
            holders
                .pairs
                .extend(one.inodes.into_iter().map(|inode| (inode, place)));
            holders.processes.push(one.process);
        }
        holders.pairs.sort_unstable();
        // A process may have a socket under several numbers.
        holders.pairs.dedup();
        holders
    }
}

/// A process and those of the sockets in question that it has.
struct Seen {
    process: Process,
    inodes: Vec<u64>,
}

/// Finds the processes that have sockets, in one pass over the open files below `root/proc`, by at most `max_threads`
/// threads. A process that has one is described while it is looked at, so that its number cannot have gone to another.
/// What could not be looked at goes to `cover`.
pub fn holders(
    root: &Path,
    sought: Sought<'_>,
    max_threads: usize,
    cover: &(dyn Fn(Skipped) + Sync),
) -> Holders {
    if matches!(sought, Sought::Sockets([])) {
        return Holders::default();
    }
    let host = Host::new(root);
    let pids = match host.pids() {
        Ok(pids) => pids,
        Err(error) => {
            cover(skipped(&error));
            return Holders::default();
        }
    };
    let threads = max_threads.min(pids.len() / MIN_PIDS_PER_THREAD).max(1);
    let pass = Pass {
        host,
        sought,
        pids,
        next: AtomicUsize::new(0),
        cover,
    };
    let seen = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| pass.run())).collect();
        let mut seen = pass.run();
        for other in others {
            match other.join() {
                Ok(more) => seen.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        seen
    });
    Holders::new(seen)
}

/// One pass over all processes, shared by threads.
struct Pass<'a> {
    host: Host,
    sought: Sought<'a>,
    pids: Vec<u32>,
    /// Place in `pids` of the next process that nobody has taken.
    next: AtomicUsize,
    cover: &'a (dyn Fn(Skipped) + Sync),
}

impl Pass<'_> {
    /// Takes processes until there is none left.
    fn run(&self) -> Vec<Seen> {
        let mut seen = Vec::new();
        while let Some(&pid) = self.pids.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            match self.host.dir(pid).and_then(|dir| self.look_at(&dir)) {
                Ok(one) => seen.extend(one),
                Err(error) if error.is_gone() => {}
                Err(error) => (self.cover)(skipped(&error).example(format!("pid {pid}"))),
            }
        }
        seen
    }

    fn look_at(&self, dir: &Dir) -> Result<Option<Seen>, ProcessError> {
        if let Sought::Programs(fits) = self.sought
            && !fits(&dir.link("exe")?)
        {
            return Ok(None);
        }
        let files = dir.open("fd")?;
        let mut inodes = Vec::new();
        each_entry(&files, &mut |name| {
            if let Ok(Some(text)) = link(&files, name)
                && let Some(inode) = links::socket(text.bytes())
                && self.is_sought(inode)
            {
                inodes.push(inode);
            }
        });
        Ok((!inodes.is_empty()).then(|| Seen {
            process: self.describe(dir),
            inodes,
        }))
    }

    fn is_sought(&self, inode: u64) -> bool {
        match self.sought {
            Sought::Sockets(inodes) => inodes.binary_search(&inode).is_ok(),
            Sought::Programs(_) => true,
        }
    }

    /// What can be told of a process; its number at least.
    fn describe(&self, dir: &Dir) -> Process {
        match self.host.describe(dir) {
            Ok(process) => Process::new(process, self.host.users()),
            Err(_ended_or_hidden) => Process::unknown(dir.pid()),
        }
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
