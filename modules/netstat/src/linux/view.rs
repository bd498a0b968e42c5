//! One network namespace, as it is seen from inside or by its tables in `/proc`.

use super::netlink::{Consistency, DumpError, Netlink};
use super::requests::{self, Request};
use super::tables::{TableError, Tables};
use crate::namespace::Sources;
use crate::parse::{inet_diag, packet_diag, proc_net, route, unix_diag};
use crate::plan::Wanted;
use crate::socket::{Address, Link, Neighbour, Protocol, Socket};
use rustix::net::netlink::SOCK_DIAG;
use std::ops::ControlFlow;
use std::path::Path;

/// How often a list that changed while it was read is read again.
const ATTEMPTS: usize = 4;
/// Interfaces, addresses or neighbours taken from one namespace.
const MAX_ENTRIES: usize = 1 << 20;

/// Why something could not be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// Netlink failed, and tables have nothing to offer instead.
    #[error("netlink does not list them")]
    Netlink(#[source] DumpError),
    /// Netlink failed, or was not to be used, and a table could not be read either.
    #[error("their table cannot be read")]
    Table(#[source] TableError),
    /// They are listed by netlink only, which was not to be used.
    #[error("there is no table of them")]
    NoTable,
    /// They changed each time they were listed.
    #[error("they changed each time they were listed")]
    Torn,
    /// There are more of them than are taken.
    #[error("limit reached: entries = {MAX_ENTRIES}")]
    TooMany,
}

/// One network namespace.
///
/// Netlink sockets are opened when they are first used: the thread has to be in the namespace then.
#[derive(Debug)]
pub struct View {
    sources: Sources,
    tables: Tables,
    /// The text of `/proc/net/protocols`; empty when it could not be read.
    protocols: Vec<u8>,
    diag: Option<Netlink>,
    route: Option<Netlink>,
    /// Interfaces, once they were asked for.
    links: Option<Vec<Link>>,
    /// Lines and messages that were not understood.
    malformed: u64,
}

impl View {
    /// The namespace whose tables lie in the folder `tables`; interfaces are looked for below `root`, if that shows
    /// those of the namespace.
    #[must_use]
    pub fn new(sources: Sources, tables: &Path, root: Option<&Path>) -> View {
        let tables = Tables::new(tables, root);
        View {
            sources,
            protocols: tables.protocols(),
            tables,
            diag: None,
            route: None,
            links: None,
            malformed: 0,
        }
    }

    /// How many entries were not understood so far.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Hands the wanted sockets, and maybe others, to `each`, in the kernel's order, until that breaks off.
    ///
    /// A protocol that the kernel has not loaded has no sockets; it is not asked for, so that it is not loaded now.
    ///
    /// # Errors
    ///
    /// [`ViewError`]; sockets handed over before are good.
    pub fn sockets(
        &mut self,
        wanted: &Wanted,
        each: &mut dyn FnMut(Socket) -> ControlFlow<()>,
    ) -> Result<(), ViewError> {
        if !self.protocols.is_empty() && !proc_net::lists_protocol(&self.protocols, wanted.protocol) {
            return Ok(());
        }
        match self.sources {
            Sources::Tables => self.sockets_by_tables(wanted.protocol, each),
            Sources::System => match self.sockets_by_netlink(wanted, each) {
                Dumped::Ended => Ok(()),
                Dumped::Unavailable(error) => match self.sockets_by_tables(wanted.protocol, each) {
                    Err(ViewError::NoTable) => Err(ViewError::Netlink(error)),
                    other => other,
                },
                Dumped::Failed(error) => Err(ViewError::Netlink(error)),
            },
        }
    }

    fn sockets_by_netlink(
        &mut self,
        wanted: &Wanted,
        each: &mut dyn FnMut(Socket) -> ControlFlow<()>,
    ) -> Dumped {
        let mut diag = match self
            .diag
            .take()
            .map_or_else(|| Netlink::open(Some(SOCK_DIAG)), Ok)
        {
            Ok(diag) => diag,
            Err(error) => return Dumped::Unavailable(error),
        };
        let mut listed = Listing::default();
        for (kind, body) in requests::sockets(wanted) {
            let dumped = diag.dump(kind, &body, &mut |payload| {
                let socket = match wanted.protocol {
                    Protocol::Unix => unix_diag::socket(payload),
                    Protocol::Packet => packet_diag::socket(payload),
                    protocol => inet_diag::socket(payload, protocol),
                };
                listed.take(socket, each)
            });
            match dumped {
                // A family that is switched off is refused after the other one was listed.
                Err(DumpError::Refused { .. }) if listed.requests > 0 => {}
                Err(error @ (DumpError::Refused { .. } | DumpError::Send { .. })) if listed.entries == 0 => {
                    self.diag = Some(diag);
                    return Dumped::Unavailable(error);
                }
                Err(error) => return Dumped::Failed(error),
                Ok(_) if listed.broken_off => return Dumped::Ended,
                Ok(_) => {}
            }
            listed.requests += 1;
        }
        self.malformed += listed.malformed;
        self.diag = Some(diag);
        Dumped::Ended
    }

    fn sockets_by_tables(
        &mut self,
        protocol: Protocol,
        each: &mut dyn FnMut(Socket) -> ControlFlow<()>,
    ) -> Result<(), ViewError> {
        let parse: fn(&[u8], Protocol) -> Option<Socket> = match protocol {
            Protocol::Unix => |line, _| proc_net::unix(line),
            Protocol::Packet => |line, _| proc_net::packet(line),
            _ => proc_net::inet,
        };
        let names: &[&str] = match protocol {
            Protocol::Tcp => &["tcp", "tcp6"],
            Protocol::Udp => &["udp", "udp6"],
            Protocol::Udplite => &["udplite", "udplite6"],
            Protocol::Raw => &["raw", "raw6"],
            Protocol::Unix => &["unix"],
            Protocol::Packet => &["packet"],
            Protocol::Sctp | Protocol::Dccp | Protocol::Mptcp => return Err(ViewError::NoTable),
        };
        let mut listed = Listing::default();
        for (index, name) in names.iter().enumerate() {
            let mut is_heading = true;
            let read = self.tables.lines(name, &mut |line| {
                if std::mem::take(&mut is_heading) {
                    return ControlFlow::Continue(());
                }
                listed.take(parse(line, protocol), each)
            });
            match read {
                // Without IPv6 there is no second table.
                Err(TableError::Open { source, .. })
                    if index > 0 && source.kind() == std::io::ErrorKind::NotFound => {}
                other => other.map_err(ViewError::Table)?,
            }
            if listed.broken_off {
                break;
            }
        }
        self.malformed += listed.malformed;
        Ok(())
    }

    /// The interfaces; read once.
    ///
    /// # Errors
    ///
    /// [`ViewError`].
    pub fn links(&mut self) -> Result<&[Link], ViewError> {
        if self.links.is_none() {
            let links = match self.by_route(&requests::links(), route::link) {
                Ok(links) => links,
                Err(_unavailable) => self.tables.links().map_err(ViewError::Table)?,
            };
            self.links = Some(links);
        }
        Ok(self.links.as_deref().unwrap_or_default())
    }

    /// The name of an interface; `None` when it is not there or cannot be told.
    pub fn link_name(&mut self, index: u32) -> Option<String> {
        if index == 0 {
            return None;
        }
        let links = self.links().ok()?;
        links
            .iter()
            .find(|link| link.index == index)
            .map(|link| link.name.clone())
    }

    /// The addresses of all interfaces.
    ///
    /// # Errors
    ///
    /// [`ViewError`].
    pub fn addresses(&mut self) -> Result<Vec<Address>, ViewError> {
        match self.by_route(&requests::addresses(), route::address) {
            Ok(addresses) => Ok(addresses),
            Err(_unavailable) => self.tables.addresses().map_err(ViewError::Table),
        }
    }

    /// The neighbours, with the name of the interface behind which they are. Tables know those of IPv4 only.
    ///
    /// # Errors
    ///
    /// [`ViewError`].
    pub fn neighbours(&mut self) -> Result<Vec<(Neighbour, Option<String>)>, ViewError> {
        match self.by_route(&requests::neighbours(), route::neighbour) {
            Ok(neighbours) => {
                let named = |one: Neighbour| {
                    let name = self.link_name(one.index);
                    (one, name)
                };
                Ok(neighbours.into_iter().map(named).collect())
            }
            Err(_unavailable) => self.tables.neighbours().map_err(ViewError::Table),
        }
    }

    /// Whether neighbours of IPv6 are known, too.
    #[must_use]
    pub fn knows_neighbours_of_v6(&self) -> bool {
        self.route.is_some()
    }

    /// A list by `rtnetlink`; read again when it changed meanwhile.
    fn by_route<T>(&mut self, request: &Request, parse: fn(&[u8]) -> Option<T>) -> Result<Vec<T>, ViewError> {
        if self.sources == Sources::Tables {
            return Err(ViewError::NoTable);
        }
        let mut route = match self.route.take() {
            Some(route) => route,
            None => Netlink::open(None).map_err(ViewError::Netlink)?,
        };
        for _ in 0..ATTEMPTS {
            let mut entries = Vec::new();
            let consistency = route.dump(request.0, &request.1, &mut |payload| {
                entries.extend(parse(payload));
                if entries.len() > MAX_ENTRIES {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            if entries.len() > MAX_ENTRIES {
                return Err(ViewError::TooMany);
            }
            if consistency.map_err(ViewError::Netlink)? == Consistency::Whole {
                self.route = Some(route);
                return Ok(entries);
            }
        }
        Err(ViewError::Torn)
    }
}

/// How a list by netlink ended.
enum Dumped {
    /// Read to its end, or broken off by whoever it was for.
    Ended,
    /// Nothing was handed over.
    Unavailable(DumpError),
    /// Something was handed over before.
    Failed(DumpError),
}

/// What came of a list so far.
#[derive(Default)]
struct Listing {
    requests: usize,
    entries: u64,
    malformed: u64,
    broken_off: bool,
}

impl Listing {
    fn take(
        &mut self,
        socket: Option<Socket>,
        each: &mut dyn FnMut(Socket) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.entries += 1;
        let Some(socket) = socket else {
            self.malformed += 1;
            return ControlFlow::Continue(());
        };
        let flow = each(socket);
        self.broken_off = flow.is_break();
        flow
    }
}
