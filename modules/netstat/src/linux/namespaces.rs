//! Every network namespace of the host, and ways into it.

use super::files::{each_entry, link, open_namespace, reason};
use super::probe::Probe;
use crate::namespace::{Namespace, Sources};
use crate::parse::{links, mounts};
use crate::plan::Namespaces;
use gumshoe_plugin_api::Skipped;
use gumshoe_process::{Dir, Host, ProcessError};
use rustix::fs::{Mode, OFlags, fstat, openat};
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Namespaces that are entered in one run.
const MAX_NAMESPACES: usize = 4096;
/// Sockets that are asked for the namespace that they belong to, in one run.
const MAX_PROBES: u32 = 65_536;

/// A network namespace and the way into it.
#[derive(Debug)]
pub struct Place {
    /// The namespace.
    pub namespace: Namespace,
    pub(super) way: Way,
}

/// A way into a namespace.
#[derive(Debug)]
pub(super) enum Way {
    /// This thread is in it.
    Inside,
    /// It can be entered; or else its tables are below a process's folder.
    Enter { fd: OwnedFd, tables: Option<PathBuf> },
    /// Only its tables are there.
    Tables(PathBuf),
}

/// The network namespaces to look at, the agent's own first; what could not be looked at goes to `cover`.
///
/// Namespaces are found by the processes and threads in them, by mounts of them in any mount namespace, by open files
/// of processes, and by the sockets of processes (`SIOCGSKNS`).
pub fn places(
    root: &Path,
    sources: Sources,
    which: Namespaces,
    cover: &mut dyn FnMut(Skipped),
) -> Vec<Place> {
    let own = std::fs::read_link(root.join("proc/thread-self/ns/net"))
        .or_else(|_| std::fs::read_link(root.join("proc/self/ns/net")))
        .ok()
        .and_then(|text| links::net_namespace(text.as_os_str().as_bytes()));
    let own = Place {
        namespace: Namespace {
            inode: own.unwrap_or(0),
            own: true,
            ..Namespace::default()
        },
        way: Way::Inside,
    };
    if which == Namespaces::Own {
        return vec![own];
    }
    let mut finder = Finder {
        root,
        sources,
        host: Host::new(root),
        known: BTreeMap::from([(own.namespace.inode, own)]),
        mounts: HashSet::new(),
        probes: 0,
        cover,
    };
    finder.find();
    let mut places: Vec<Place> = finder.known.into_values().collect();
    places.sort_by_key(|place| !place.namespace.own);
    places
}

struct Finder<'a> {
    root: &'a Path,
    sources: Sources,
    host: Host,
    /// By number.
    known: BTreeMap<u64, Place>,
    /// Numbers of mount namespaces whose mounts were looked at.
    mounts: HashSet<u64>,
    probes: u32,
    cover: &'a mut dyn FnMut(Skipped),
}

/// How a namespace was found.
struct Clue<'a> {
    /// Its number, as a link or a mount says.
    inode: u64,
    /// What to open to get into it.
    open: &'a dyn Fn() -> io::Result<OwnedFd>,
    /// Where it is mounted.
    path: Option<&'a [u8]>,
    /// A process in it.
    inside: Option<u32>,
    /// A process that has to do with it.
    pid: Option<u32>,
}

impl Finder<'_> {
    fn find(&mut self) {
        let pids = match self.host.pids() {
            Ok(pids) => pids,
            Err(error) => return (self.cover)(skipped(&error)),
        };
        // Mounts come last but one, so that a namespace is known by its processes first; then what is only held.
        let looks = [Self::by_process, Self::by_mounts, Self::by_files];
        for look in looks {
            for &pid in &pids {
                let looked = self.host.dir(pid).and_then(|dir| look(self, &dir));
                match looked {
                    Err(error) if !error.is_gone() => {
                        (self.cover)(skipped(&error).example(format!("pid {pid}")))
                    }
                    _ => {}
                }
            }
        }
    }

    /// The namespaces of a process and its threads.
    fn by_process(&mut self, dir: &Dir) -> Result<(), ProcessError> {
        self.by_thread(dir, dir, "ns/net")?;
        let Ok(tasks) = openat(
            dir,
            "task",
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        ) else {
            return Ok(());
        };
        let own = dir.pid().to_string();
        each_entry(&tasks, &mut |name| {
            if name.to_bytes() != own.as_bytes() {
                let path = [name.to_bytes(), b"/ns/net"].concat();
                // A thread that has ended meanwhile needs no mention.
                let _ = self.by_thread(dir, &tasks, OsStr::from_bytes(&path));
            }
        });
        Ok(())
    }

    fn by_thread(&mut self, dir: &Dir, at: &impl AsFd, path: impl AsRef<Path>) -> Result<(), ProcessError> {
        let path = path.as_ref();
        let pid = dir.pid();
        let text = link(at, path).map_err(|source| ProcessError::Read {
            pid,
            what: "ns/net",
            source,
        })?;
        let Some(inode) = text.and_then(|text| links::net_namespace(text.bytes())) else {
            return Ok(());
        };
        let is_process = path == Path::new("ns/net");
        self.add(&Clue {
            inode,
            open: &|| open_namespace(at, path),
            path: None,
            inside: is_process.then_some(pid),
            pid: Some(pid),
        });
        Ok(())
    }

    /// The namespaces that are mounted somewhere in the mount namespace of a process.
    fn by_mounts(&mut self, dir: &Dir) -> Result<(), ProcessError> {
        let link = dir.link("ns/mnt")?;
        let inode = link
            .strip_prefix(b"mnt:[")
            .and_then(|rest| rest.strip_suffix(b"]"))
            .and_then(links::decimal);
        if inode.is_some_and(|inode| !self.mounts.insert(inode)) {
            return Ok(());
        }
        let text = dir.read("mountinfo")?;
        for mounted in mounts::net_namespaces(&text) {
            let path = [b"root".as_slice(), &mounted.path].concat();
            self.add(&Clue {
                inode: mounted.inode,
                open: &|| open_namespace(dir, Path::new(OsStr::from_bytes(&path))),
                path: Some(&mounted.path),
                inside: None,
                pid: None,
            });
        }
        Ok(())
    }

    /// The namespaces that a process has open, or that its sockets belong to.
    fn by_files(&mut self, dir: &Dir) -> Result<(), ProcessError> {
        let pid = dir.pid();
        let files = dir.open("fd")?;
        let probe = Probe::new(pid);
        let mut denied = 0;
        each_entry(&files, &mut |name| {
            let Ok(Some(text)) = link(&files, name) else {
                return;
            };
            if let Some(inode) = links::net_namespace(text.bytes()) {
                let clue = Clue {
                    inode,
                    open: &|| open_namespace(&files, Path::new(OsStr::from_bytes(name.to_bytes()))),
                    path: None,
                    inside: None,
                    pid: Some(pid),
                };
                self.add(&clue);
            } else if self.sources == Sources::System && links::socket(text.bytes()).is_some() {
                let asked = match &probe {
                    Some(probe) => self.by_socket(probe, name.to_bytes()),
                    None => Err(io::ErrorKind::Unsupported.into()),
                };
                denied += u64::from(asked.is_err());
            }
        });
        if denied > 0 {
            let why = "the network namespace that it belongs to cannot be asked for";
            (self.cover)(
                Skipped::one("socket", why)
                    .count(denied)
                    .example(format!("pid {pid}")),
            );
        }
        Ok(())
    }

    /// The namespace that a socket of another process belongs to.
    fn by_socket(&mut self, probe: &Probe, name: &[u8]) -> io::Result<()> {
        self.probes += 1;
        if self.probes > MAX_PROBES {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let Some(fd) = probe.namespace_of(name)? else {
            return Ok(());
        };
        let inode = fstat(&fd)?.st_ino;
        if !self.known.contains_key(&inode) {
            let clue = Clue {
                inode,
                open: &|| fd.try_clone(),
                path: None,
                inside: None,
                pid: Some(probe.pid),
            };
            self.add(&clue);
        }
        Ok(())
    }

    /// Takes note of a namespace; where it was known, of where it is mounted.
    fn add(&mut self, clue: &Clue<'_>) {
        let path = clue.path.map(gumshoe_process::shown);
        if let Some(place) = self.known.get_mut(&clue.inode) {
            place.namespace.path = place.namespace.path.take().or(path);
            return;
        }
        if self.known.len() > MAX_NAMESPACES {
            let why = format!("limit reached: namespaces = {MAX_NAMESPACES}");
            return (self.cover)(
                Skipped::one("network namespace", why).example(format!("net:[{}]", clue.inode)),
            );
        }
        let tables = clue.inside.map(|pid| self.root.join(format!("proc/{pid}/net")));
        let way = match (self.sources, tables) {
            (Sources::System, tables) => match opened(clue) {
                Ok(fd) => Way::Enter { fd, tables },
                Err(error) => return (self.cover)(unopened(clue, &error)),
            },
            (Sources::Tables, Some(tables)) => Way::Tables(tables),
            (Sources::Tables, None) => {
                return (self.cover)(unopened(clue, &io::ErrorKind::Unsupported.into()));
            }
        };
        let container = clue
            .pid
            .and_then(|pid| self.host.describe(&self.host.dir(pid).ok()?).ok()?.container);
        let namespace = Namespace {
            inode: clue.inode,
            own: false,
            path,
            pid: clue.pid,
            container,
        };
        self.known.insert(clue.inode, Place { namespace, way });
    }
}

/// Opens a namespace, and makes sure that it is the one meant: links are read and opened one after the other.
fn opened(clue: &Clue<'_>) -> io::Result<OwnedFd> {
    let fd = (clue.open)()?;
    if fstat(&fd)?.st_ino == clue.inode {
        Ok(fd)
    } else {
        Err(io::ErrorKind::NotFound.into())
    }
}

fn unopened(clue: &Clue<'_>, error: &io::Error) -> Skipped {
    let mut example = format!("net:[{}]", clue.inode);
    clue.pid
        .iter()
        .for_each(|pid| example.push_str(&format!(" pid {pid}")));
    clue.path
        .iter()
        .for_each(|path| example.push_str(&format!(" {}", gumshoe_process::shown(path))));
    Skipped::one("network namespace", reason(error)).example(example)
}

fn skipped(error: &ProcessError) -> Skipped {
    let why = if error.is_denied() {
        "permission denied".to_owned()
    } else {
        error.to_string()
    };
    Skipped::one("process, for its network namespaces", why)
}
