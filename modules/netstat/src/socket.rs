//! What there is to find: sockets, interfaces, neighbours.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A socket as the kernel describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// What it speaks.
    pub protocol: Protocol,
    /// Where its connection stands.
    pub state: State,
    /// Its ends.
    pub ends: Ends,
    /// Index of the interface that it is bound to or that its link-local address belongs to; 0 for none.
    pub interface: u32,
    /// Its user; none where no process has it (any more).
    pub uid: Option<u32>,
    /// Number that identifies it on the host; 0 where no process has it (any more).
    pub inode: u64,
}

/// The ends of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ends {
    /// Internet addresses; IPv4 addresses mapped into IPv6 are IPv4 addresses here.
    Ip {
        /// This end; the unspecified address when it is bound to all.
        local: SocketAddr,
        /// The other end; unspecified when there is none.
        remote: SocketAddr,
        /// All addresses of an association with more than one at an end.
        multihomed: Option<Box<Multihomed>>,
        /// The IP protocol of a raw socket.
        ip_protocol: Option<u8>,
    },
    /// A Unix domain socket.
    Unix {
        /// How it carries data.
        kind: UnixKind,
        /// Name: a path, or after a NUL byte an abstract name; empty for none.
        path: Vec<u8>,
        /// Inode of the socket that it is connected to.
        peer_inode: Option<u64>,
    },
    /// A packet socket: sees frames as they pass an interface.
    Packet {
        /// The protocol of frames that it sees (`ETH_P_…`, 3 for all).
        ethertype: u16,
    },
}

/// All addresses of an SCTP association.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Multihomed {
    /// Of this end.
    pub local: Vec<IpAddr>,
    /// Of the other end.
    pub remote: Vec<IpAddr>,
}

impl Socket {
    /// The addresses and ports, unless it has none.
    #[must_use]
    pub fn ip(&self) -> Option<(SocketAddr, SocketAddr)> {
        match self.ends {
            Ends::Ip { local, remote, .. } => Some((local, remote)),
            _ => None,
        }
    }

    /// Whether it has another end that can be named.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.ip()
            .is_some_and(|(_, remote)| remote.port() != 0 || !remote.ip().is_unspecified())
    }

    /// Whether it waits for whoever comes: listening, or bound and connected to nobody for protocols that do not
    /// listen.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        match self.protocol {
            Protocol::Udp | Protocol::Udplite => {
                self.state == State::Unconnected && self.ip().is_some_and(|(local, _)| local.port() != 0)
            }
            _ => self.state == State::Listen,
        }
    }
}

/// Protocols of sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Protocol {
    Tcp,
    Udp,
    Udplite,
    Raw,
    Sctp,
    Dccp,
    Mptcp,
    Unix,
    Packet,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Protocol; 9] = [
        Protocol::Tcp,
        Protocol::Udp,
        Protocol::Udplite,
        Protocol::Raw,
        Protocol::Sctp,
        Protocol::Dccp,
        Protocol::Mptcp,
        Protocol::Unix,
        Protocol::Packet,
    ];

    /// Its name, as in parameters and findings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Udplite => "udplite",
            Protocol::Raw => "raw",
            Protocol::Sctp => "sctp",
            Protocol::Dccp => "dccp",
            Protocol::Mptcp => "mptcp",
            Protocol::Unix => "unix",
            Protocol::Packet => "packet",
        }
    }

    /// Whether its sockets have internet addresses.
    #[must_use]
    pub fn is_ip(self) -> bool {
        !matches!(self, Protocol::Unix | Protocol::Packet)
    }
}

/// Where a connection stands. The names are those of `ss(8)`; protocols without connections know only
/// `established` (a fixed other end) and `unconnected`. `bound` is TCP with a port, neither listening nor connected, from
/// Linux 6.8 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[allow(missing_docs, reason = "the names say it")]
pub enum State {
    Established,
    SynSent,
    SynRecv,
    #[serde(rename = "fin-wait-1")]
    FinWait1,
    #[serde(rename = "fin-wait-2")]
    FinWait2,
    TimeWait,
    Unconnected,
    CloseWait,
    LastAck,
    Listen,
    Closing,
    Bound,
}

impl State {
    /// All of them with the kernel's number and name.
    ///
    /// Source: Linux `include/net/tcp_states.h`. Number 12 is a form of 3 that is never shown.
    const TABLE: [(State, u8, &'static str); 12] = [
        (State::Established, 1, "established"),
        (State::SynSent, 2, "syn-sent"),
        (State::SynRecv, 3, "syn-recv"),
        (State::FinWait1, 4, "fin-wait-1"),
        (State::FinWait2, 5, "fin-wait-2"),
        (State::TimeWait, 6, "time-wait"),
        (State::Unconnected, 7, "unconnected"),
        (State::CloseWait, 8, "close-wait"),
        (State::LastAck, 9, "last-ack"),
        (State::Listen, 10, "listen"),
        (State::Closing, 11, "closing"),
        (State::Bound, 13, "bound"),
    ];

    /// All of them.
    pub fn all() -> impl Iterator<Item = State> {
        State::TABLE.into_iter().map(|row| row.0)
    }

    /// The state that the kernel gives this number; `None` for one that is not known.
    #[must_use]
    pub fn from_kernel(number: u8) -> Option<State> {
        const SYN_RECV_NEW: u8 = 12;
        let number = if number == SYN_RECV_NEW { 3 } else { number };
        State::TABLE.iter().find(|row| row.1 == number).map(|row| row.0)
    }

    /// The bit that stands for it in the kernel's sets of states.
    #[must_use]
    pub fn bit(self) -> u32 {
        1 << State::TABLE[self as usize].1
    }

    /// Its name, as in parameters and findings.
    #[must_use]
    pub fn name(self) -> &'static str {
        State::TABLE[self as usize].2
    }
}

/// How a Unix domain socket carries data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum UnixKind {
    Stream,
    Dgram,
    Seqpacket,
}

impl UnixKind {
    /// The kind for a `SOCK_…` number (`socket(2)`).
    #[must_use]
    pub fn from_kernel(number: u8) -> Option<UnixKind> {
        match number {
            1 => Some(UnixKind::Stream),
            2 => Some(UnixKind::Dgram),
            5 => Some(UnixKind::Seqpacket),
            _ => None,
        }
    }
}

/// A network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// Its number in its namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its hardware address; empty for none.
    pub mac: Vec<u8>,
    /// The address that it was made with, where that is known and differs.
    pub permanent_mac: Vec<u8>,
    /// Whether it is switched on.
    pub is_up: bool,
}

/// An address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The interface's number.
    pub index: u32,
    /// The address.
    pub ip: IpAddr,
    /// Bits of it that are the network's, where that is known.
    pub prefix_length: Option<u8>,
}

/// Somebody on a network that this host is attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The number of the interface behind which it is.
    pub index: u32,
    /// Its address.
    pub ip: IpAddr,
    /// Its hardware address; empty while or because it did not answer.
    pub mac: Vec<u8>,
    /// What is known of it: `reachable`, `stale`, `failed` and so on, as in `ip-neighbour(8)`.
    pub state: &'static str,
}

/// The address itself, or the IPv4 address that is mapped into it.
#[must_use]
pub fn unmapped(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

/// No address and no port.
#[must_use]
pub fn unspecified() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_parameters() {
        for protocol in Protocol::ALL {
            assert_eq!(serde_json::to_value(protocol).unwrap(), protocol.name());
        }
        for (state, number, name) in State::TABLE {
            assert_eq!(serde_json::to_value(state).unwrap(), name);
            assert_eq!(
                (State::from_kernel(number), state.name(), state.bit()),
                (Some(state), name, 1 << number)
            );
        }
        assert_eq!(State::from_kernel(12), Some(State::SynRecv));
        assert_eq!([0, 14, 255].map(State::from_kernel), [None; 3]);
    }
}
