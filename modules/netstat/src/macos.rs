//! macOS: sockets by the open files of processes, interfaces by `getifaddrs`, neighbours by the routing table.

#![allow(
    unsafe_code,
    reason = "the system is reached by C functions that fill buffers"
)]

use crate::finding::Process;
use crate::namespace::{Namespace, Sources};
use crate::parse::libproc;
use crate::plan::{Namespaces, Sought, Wanted};
use crate::socket::{Address, Link, Neighbour, Socket};
use gumshoe_plugin_api::Skipped;
use gumshoe_process::{Host, Names, ProcessError};
use std::collections::{BTreeMap, HashSet};
use std::ffi::CStr;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

/// Open files of one process that are looked at.
const MAX_FILES: usize = 1 << 20;
/// Files that are room for beyond those that the system announced.
const SPARE_FILES: usize = 64;
/// Bytes of the routing table that are read.
const MAX_TABLE_BYTES: usize = 64 << 20;
/// `proc_pidinfo` and `proc_pidfdinfo` (XNU `bsd/sys/proc_info.h`).
const LIST_FILES: libc::c_int = 1;
const SOCKET_OF_FILE: libc::c_int = 3;

/// Why something could not be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// Processes could not be listed.
    #[error("processes cannot be listed")]
    Processes(#[source] ProcessError),
    /// A system call failed.
    #[error("`{what}` failed")]
    System {
        /// Which.
        what: &'static str,
        /// Cause.
        source: io::Error,
    },
    /// This system does not tell.
    #[error("there is no table of them")]
    NoTable,
    /// Sockets of processes that may not be looked at are not seen.
    #[error("{processes} processes may not be looked at")]
    Denied {
        /// How many.
        processes: usize,
    },
}

/// The one network namespace.
#[derive(Debug)]
pub struct View {
    host: Host,
    /// All sockets, once they were asked for.
    sockets: Option<Vec<Socket>>,
    /// Processes that could not be looked at for them.
    denied: usize,
}

/// The agent's own place.
#[derive(Debug)]
pub struct Place {
    namespace: Namespace,
}

/// The one place that there is.
pub fn places(
    _root: &Path,
    sources: Sources,
    _which: Namespaces,
    cover: &mut dyn FnMut(Skipped),
) -> Vec<Place> {
    if sources == Sources::Tables {
        cover(Skipped::one(
            "network namespace",
            "another root has no network of its own",
        ));
        return Vec::new();
    }
    let namespace = Namespace {
        own: true,
        ..Namespace::default()
    };
    vec![Place { namespace }]
}

/// Shows the one place to `each`.
pub fn in_each(
    places: &[Place],
    root: &Path,
    _sources: Sources,
    _cover: &mut (dyn FnMut(Skipped) + Send),
    each: &mut (dyn FnMut(&Namespace, &mut View) -> ControlFlow<()> + Send),
) {
    for place in places {
        let mut view = View {
            host: Host::new(root),
            sockets: None,
            denied: 0,
        };
        if each(&place.namespace, &mut view).is_break() {
            return;
        }
    }
}

impl View {
    /// How many entries were not understood so far: kinds that are not reported are not counted.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        0
    }

    /// Hands sockets of the wanted protocol to `each`, until that breaks off.
    ///
    /// # Errors
    ///
    /// [`ViewError::Processes`]; [`ViewError::Denied`] after all that can be seen were handed over.
    pub fn sockets(
        &mut self,
        wanted: &Wanted,
        each: &mut dyn FnMut(Socket) -> ControlFlow<()>,
    ) -> Result<(), ViewError> {
        let all = match self.sockets.take() {
            Some(all) => all,
            None => self.read_sockets()?,
        };
        for socket in all.iter().filter(|socket| socket.protocol == wanted.protocol) {
            if each(socket.clone()).is_break() {
                break;
            }
        }
        self.sockets = Some(all);
        match self.denied {
            0 => Ok(()),
            processes => Err(ViewError::Denied { processes }),
        }
    }

    fn read_sockets(&mut self) -> Result<Vec<Socket>, ViewError> {
        let (mut seen, mut all) = (HashSet::new(), Vec::new());
        for pid in self.host.pids().map_err(ViewError::Processes)? {
            let sockets = sockets_of(pid).unwrap_or_else(|error| {
                self.denied += usize::from(error.kind() == io::ErrorKind::PermissionDenied);
                Vec::new()
            });
            all.extend(
                sockets
                    .into_iter()
                    .filter(|socket| socket.inode == 0 || seen.insert(socket.inode)),
            );
        }
        Ok(all)
    }

    /// The interfaces.
    ///
    /// # Errors
    ///
    /// [`ViewError::System`].
    pub fn links(&mut self) -> Result<Vec<Link>, ViewError> {
        interfaces().map(|(links, _)| links)
    }

    /// The name of an interface.
    pub fn link_name(&mut self, index: u32) -> Option<String> {
        if index == 0 {
            return None;
        }
        self.links()
            .ok()?
            .into_iter()
            .find(|link| link.index == index)
            .map(|link| link.name)
    }

    /// The addresses of all interfaces.
    ///
    /// # Errors
    ///
    /// [`ViewError::System`].
    pub fn addresses(&mut self) -> Result<Vec<Address>, ViewError> {
        interfaces().map(|(_, addresses)| addresses)
    }

    /// The neighbours, with the name of the interface behind which they are.
    ///
    /// # Errors
    ///
    /// [`ViewError::System`].
    pub fn neighbours(&mut self) -> Result<Vec<(Neighbour, Option<String>)>, ViewError> {
        let links = self.links()?;
        let named = |one: Neighbour| {
            let link = links.iter().find(|link| link.index == one.index);
            let name = link.map(|link| link.name.clone());
            (one, name)
        };
        Ok(libproc::neighbours(&routing_table()?)
            .into_iter()
            .map(named)
            .collect())
    }

    /// Whether neighbours of IPv6 are known, too.
    #[must_use]
    pub fn knows_neighbours_of_v6(&self) -> bool {
        true
    }
}

/// The sockets among the open files of a process.
fn sockets_of(pid: u32) -> io::Result<Vec<Socket>> {
    let number = i32::try_from(pid).map_err(io::Error::other)?;
    let files = fill(|buffer, length| {
        // SAFETY: the buffer has `length` bytes; a null buffer of none asks for the size.
        unsafe { libc::proc_pidinfo(number, LIST_FILES, 0, buffer, length) }
    })?;
    let mut sockets = Vec::new();
    for file in files
        .chunks_exact(libproc::FILE_BYTES)
        .filter_map(libproc::socket_number)
    {
        let mut bytes = [0_u8; libproc::SOCKET_BYTES];
        let length = i32::try_from(bytes.len()).map_err(io::Error::other)?;
        // SAFETY: the buffer has `length` bytes.
        let filled =
            unsafe { libc::proc_pidfdinfo(number, file, SOCKET_OF_FILE, bytes.as_mut_ptr().cast(), length) };
        let filled = usize::try_from(filled).ok().filter(|&filled| filled > 0);
        // A file that was closed meanwhile is not there.
        sockets.extend(filled.and_then(|filled| libproc::socket(bytes.get(..filled)?)));
    }
    Ok(sockets)
}

/// Calls a function that says how long a list is, and fills a buffer with it.
fn fill(call: impl Fn(*mut libc::c_void, libc::c_int) -> libc::c_int) -> io::Result<Vec<u8>> {
    let announced = usize::try_from(call(std::ptr::null_mut(), 0)).unwrap_or(0);
    if announced == 0 {
        return Err(io::Error::last_os_error());
    }
    let room = (announced + SPARE_FILES * libproc::FILE_BYTES).min(MAX_FILES * libproc::FILE_BYTES);
    let mut buffer = vec![0_u8; room];
    let length = libc::c_int::try_from(room).map_err(io::Error::other)?;
    let filled = usize::try_from(call(buffer.as_mut_ptr().cast(), length)).unwrap_or(0);
    buffer.truncate(filled);
    Ok(buffer)
}

/// Interfaces and their addresses.
fn interfaces() -> Result<(Vec<Link>, Vec<Address>), ViewError> {
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: the pointer is set to a list that is freed below, or left alone.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Err(ViewError::System {
            what: "getifaddrs",
            source: io::Error::last_os_error(),
        });
    }
    let (mut links, mut addresses) = (BTreeMap::new(), Vec::new());
    let mut next = list;
    // SAFETY: the list ends with a null pointer and is not changed by anybody else.
    while let Some(entry) = unsafe { next.as_ref() } {
        next = entry.ifa_next;
        // SAFETY: every entry has a name that ends with a NUL byte.
        let name = unsafe { CStr::from_ptr(entry.ifa_name) };
        // SAFETY: the name ends with a NUL byte.
        let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
        let link: &mut Link = links.entry(index).or_default();
        link.index = index;
        link.name = gumshoe_process::shown(name.to_bytes());
        link.is_up = entry.ifa_flags & libc::IFF_UP.cast_unsigned() != 0;
        // SAFETY: addresses of entries are null or begin with their length.
        let (address, netmask) = unsafe { (sockaddr(entry.ifa_addr), sockaddr(entry.ifa_netmask)) };
        link.mac
            .extend(address.and_then(libproc::link_address).unwrap_or_default());
        if let Some(ip) = address.and_then(libproc::address) {
            let prefix_length = netmask.and_then(libproc::prefix_length);
            addresses.push(Address {
                index,
                ip,
                prefix_length,
            });
        }
    }
    // SAFETY: the list comes from `getifaddrs` and is not used any more.
    unsafe { libc::freeifaddrs(list) };
    Ok((links.into_values().collect(), addresses))
}

/// The bytes of an address.
///
/// # Safety
///
/// `address` is null, or points to as many bytes as the first of them says, for as long as the result is used.
unsafe fn sockaddr<'a>(address: *const libc::sockaddr) -> Option<&'a [u8]> {
    // SAFETY: by this function's contract.
    let length = unsafe { address.as_ref() }?.sa_len;
    // SAFETY: by this function's contract.
    Some(unsafe { std::slice::from_raw_parts(address.cast(), usize::from(length)) })
}

/// The entries of the routing table that have a hardware address.
fn routing_table() -> Result<Vec<u8>, ViewError> {
    let failed = || ViewError::System {
        what: "sysctl",
        source: io::Error::last_os_error(),
    };
    let mut name = [
        libc::CTL_NET,
        libc::PF_ROUTE,
        0,
        0,
        libc::NET_RT_FLAGS,
        libc::RTF_LLINFO,
    ];
    let count = 6;
    let mut length = 0;
    // SAFETY: the name has six parts; without a buffer the length is set to what is needed.
    let asked = unsafe {
        libc::sysctl(
            name.as_mut_ptr(),
            count,
            std::ptr::null_mut(),
            &raw mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    if asked != 0 {
        return Err(failed());
    }
    // A quarter more, for entries that come meanwhile.
    length = (length + length / 4).min(MAX_TABLE_BYTES);
    let mut table = vec![0_u8; length];
    // SAFETY: the buffer has `length` bytes, and the length is set to those that were filled.
    let filled = unsafe {
        libc::sysctl(
            name.as_mut_ptr(),
            count,
            table.as_mut_ptr().cast(),
            &raw mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    if filled != 0 {
        return Err(failed());
    }
    table.truncate(length);
    Ok(table)
}

/// Processes by the sockets that they have.
#[derive(Debug, Default)]
pub struct Holders {
    by_inode: BTreeMap<u64, Vec<Process>>,
    processes: usize,
}

impl Holders {
    /// The processes that have a socket, in the order of their numbers.
    pub fn of(&self, inode: u64) -> impl Iterator<Item = &Process> {
        self.by_inode.get(&inode).into_iter().flatten()
    }

    /// How many processes have one of the sockets.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.processes
    }
}

/// Finds the processes that have sockets. What could not be looked at goes to `cover`.
pub fn holders(
    root: &Path,
    sought: Sought<'_>,
    _max_threads: usize,
    cover: &(dyn Fn(Skipped) + Sync),
) -> Holders {
    let mut found = Holders::default();
    let host = Host::new(root);
    let pids = match host.pids() {
        Ok(pids) => pids,
        Err(error) => {
            cover(Skipped::one("process, for its open sockets", error.to_string()));
            return found;
        }
    };
    for pid in pids {
        if let Sought::Programs(fits) = sought {
            let exe = host.describe(pid).ok().and_then(|process| process.exe);
            if !exe.is_some_and(|exe| fits(&exe)) {
                continue;
            }
        }
        match sockets_of(pid) {
            Ok(sockets) => found.add(&host, pid, sought, &sockets),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                cover(
                    Skipped::one("process, for its open sockets", "permission denied")
                        .example(format!("pid {pid}")),
                );
            }
            // It has ended, or has no file open.
            Err(_) => {}
        }
    }
    found
}

impl Holders {
    fn add(&mut self, host: &Host, pid: u32, sought: Sought<'_>, sockets: &[Socket]) {
        let inodes: HashSet<u64> = sockets
            .iter()
            .map(|socket| socket.inode)
            .filter(|inode| match sought {
                Sought::Sockets(inodes) => inodes.binary_search(inode).is_ok(),
                Sought::Programs(_) => *inode != 0,
            })
            .collect();
        if inodes.is_empty() {
            return;
        }
        self.processes += 1;
        let process = host
            .describe(pid)
            .map_or_else(|_| Process::unknown(pid), |one| Process::new(one, host.users()));
        for inode in inodes {
            self.by_inode.entry(inode).or_default().push(process.clone());
        }
    }
}

/// Names of the host's users.
#[must_use]
pub fn users(root: &Path) -> Names {
    Host::new(root).users().clone()
}
