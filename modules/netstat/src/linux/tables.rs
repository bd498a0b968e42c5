//! Text tables below `/proc/net`, and interfaces below `/sys/class/net`.

use crate::parse::{hardware, proc_net};
use crate::socket::{Address, Link, Neighbour};
use gumshoe_process::shown;
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Bytes read of one table.
const MAX_TABLE_BYTES: u64 = 1 << 30;
/// Bytes of one line; a longer one is an error.
const MAX_LINE_BYTES: u64 = 4096;
/// Bytes read of a file that is read as a whole.
const MAX_TEXT_BYTES: u64 = 16 << 20;
/// Interfaces taken from `/sys/class/net`.
const MAX_LINKS: usize = 65_536;

/// Why a table could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// It could not be opened.
    #[error("failed to open `{}`", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// It could not be read on.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// Interfaces of another namespace have no table that can be reached.
    #[error("interfaces are listed inside the namespace only")]
    Elsewhere,
    /// It is longer, or has a longer line, than is read.
    #[error("`{}` has more than {limit} bytes in a {unit}", path.display())]
    TooLong {
        /// Which.
        path: PathBuf,
        /// Bytes that are read.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
}

/// The tables of one network namespace.
#[derive(Debug)]
pub struct Tables {
    net: PathBuf,
    interfaces: Option<PathBuf>,
}

impl Tables {
    /// The tables in the folder `net`; interfaces below `root`, if these are those of the same namespace.
    pub fn new(net: &Path, root: Option<&Path>) -> Tables {
        Tables {
            net: net.to_owned(),
            interfaces: root.map(|root| root.join("sys/class/net")),
        }
    }

    /// The text of `protocols`; empty when it cannot be read.
    pub fn protocols(&self) -> Vec<u8> {
        text(&self.net.join("protocols")).unwrap_or_default()
    }

    /// Hands each line of a table, its heading included, to `each`, until that breaks off.
    pub fn lines(
        &self,
        name: &str,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), TableError> {
        let path = self.net.join(name);
        let read_failed = |source| TableError::Read {
            path: path.clone(),
            source,
        };
        let too_long = |limit, unit| TableError::TooLong {
            path: path.clone(),
            limit,
            unit,
        };
        let mut reader = BufReader::with_capacity(64 << 10, open(&path)?);
        let (mut line, mut total) = (Vec::new(), 0);
        loop {
            line.clear();
            let length = reader
                .by_ref()
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut line)
                .map_err(read_failed)?;
            total += length as u64;
            if length as u64 == MAX_LINE_BYTES {
                return Err(too_long(MAX_LINE_BYTES, "line"));
            }
            if total > MAX_TABLE_BYTES {
                return Err(too_long(MAX_TABLE_BYTES, "table"));
            }
            if length == 0 || each(line.strip_suffix(b"\n").unwrap_or(&line)).is_break() {
                return Ok(());
            }
        }
    }

    /// The interfaces, by number: those below `/sys` that are listed by name in this namespace, because `/sys` shows the
    /// namespace that it was mounted in.
    pub fn links(&self) -> Result<Vec<Link>, TableError> {
        let interfaces = self.interfaces.as_ref().ok_or(TableError::Elsewhere)?;
        let failed = |source| TableError::Open {
            path: interfaces.clone(),
            source,
        };
        let mut listed: HashSet<Vec<u8>> = HashSet::new();
        self.lines("dev", &mut |line| {
            listed.extend(proc_net::interface(line).map(<[u8]>::to_vec));
            if listed.len() < MAX_LINKS {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        let mut links = Vec::new();
        for entry in std::fs::read_dir(interfaces).map_err(failed)?.take(MAX_LINKS) {
            let entry = entry.map_err(failed)?;
            if listed.contains(entry.file_name().as_bytes()) {
                links.push(link(&entry.path(), &shown(entry.file_name().as_bytes())));
            }
        }
        links.sort_by_key(|link| link.index);
        Ok(links)
    }

    /// The host's own addresses.
    pub fn addresses(&self) -> Result<Vec<Address>, TableError> {
        let mut addresses = proc_net::addresses_v4(&text(&self.net.join("fib_trie"))?);
        let read = self.lines("if_inet6", &mut |line| {
            addresses.extend(proc_net::address_v6(line));
            ControlFlow::Continue(())
        });
        match read {
            // Without IPv6 there is no table.
            Err(TableError::Open { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(addresses),
            other => other.map(|()| addresses),
        }
    }

    /// The IPv4 neighbours, with the names of their interfaces.
    pub fn neighbours(&self) -> Result<Vec<(Neighbour, Option<String>)>, TableError> {
        let mut neighbours = Vec::new();
        self.lines("arp", &mut |line| {
            neighbours.extend(proc_net::neighbour(line).map(|(one, name)| (one, Some(name))));
            ControlFlow::Continue(())
        })?;
        Ok(neighbours)
    }
}

/// An interface by its folder in `/sys/class/net`.
fn link(folder: &Path, name: &str) -> Link {
    const UP: u64 = 1;
    let read = |file: &str| {
        let text = text(&folder.join(file)).unwrap_or_default();
        String::from_utf8_lossy(&text).trim().to_owned()
    };
    let flags = read("flags");
    let flags = flags
        .strip_prefix("0x")
        .and_then(|digits| u64::from_str_radix(digits, 16).ok());
    Link {
        index: read("ifindex").parse().unwrap_or(0),
        name: name.to_owned(),
        mac: hardware::parse(&read("address")).unwrap_or_default(),
        permanent_mac: Vec::new(),
        is_up: flags.is_some_and(|flags| flags & UP != 0),
    }
}

/// Reads a file as a whole.
pub(super) fn text(path: &Path) -> Result<Vec<u8>, TableError> {
    let mut text = Vec::new();
    let read = open(path)?.take(MAX_TEXT_BYTES + 1).read_to_end(&mut text);
    read.map_err(|source| TableError::Read {
        path: path.to_owned(),
        source,
    })?;
    if text.len() as u64 > MAX_TEXT_BYTES {
        return Err(TableError::TooLong {
            path: path.to_owned(),
            limit: MAX_TEXT_BYTES,
            unit: "file",
        });
    }
    Ok(text)
}

/// Opens a regular file; anything else, such as a pipe that would never end, is refused.
fn open(path: &Path) -> Result<File, TableError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let open = || {
        let file = openat(CWD, path, flags, Mode::empty())?;
        let kind = FileType::from_raw_mode(fstat(&file)?.st_mode);
        if kind == FileType::RegularFile {
            Ok(file)
        } else {
            Err(rustix::io::Errno::INVAL)
        }
    };
    open()
        .map(File::from)
        .map_err(|errno: rustix::io::Errno| TableError::Open {
            path: path.to_owned(),
            source: errno.into(),
        })
}
