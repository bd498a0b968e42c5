//! What macOS tells of sockets, open files and neighbours, as bytes. Compiled everywhere, so that it is tested everywhere.
//!
//! Source: XNU `bsd/sys/proc_info.h` (`struct socket_fdinfo`, `struct proc_fdinfo`), `bsd/net/route.h`
//! (`struct rt_msghdr`), `bsd/net/if_dl.h`; the layout is the same on both processor architectures.

use super::hardware;
use super::netlink::{chunk_at, u16_at, u32_at};
use crate::socket::{Ends, Neighbour, Protocol, Socket, State, UnixKind, unmapped};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Bytes of `struct proc_fdinfo`.
pub const FILE_BYTES: usize = 8;
/// Bytes of `struct socket_fdinfo` up to the part that differs by kind.
const SOCKET_HEAD_BYTES: usize = 24 + 240;
/// Room for a `struct socket_fdinfo`, and for what later systems may add to it.
pub const SOCKET_BYTES: usize = SOCKET_HEAD_BYTES + 1024;
/// Bytes of `struct rt_msghdr`.
const ROUTE_HEAD_BYTES: usize = 92;
/// `AF_…` of macOS.
const UNIX: u32 = 1;
const V4: u8 = 2;
const LINK: u8 = 18;
const V6: u8 = 30;

/// The number of the open file that an entry is about, if it is a socket (`PROX_FDTYPE_SOCKET`).
#[must_use]
pub fn socket_number(entry: &[u8]) -> Option<i32> {
    const SOCKET: u32 = 2;
    let number = chunk_at(entry, 0).map(i32::from_ne_bytes)?;
    (entry.len() >= FILE_BYTES && u32_at(entry, 4) == SOCKET).then_some(number)
}

/// A socket (`struct socket_fdinfo`); `None` if it is cut or of a kind that is not reported.
#[must_use]
pub fn socket(bytes: &[u8]) -> Option<Socket> {
    let head = bytes.get(..SOCKET_HEAD_BYTES)?;
    let rest = &bytes[SOCKET_HEAD_BYTES..];
    let (kind, protocol, family) = (
        u32_at(head, 24 + 152),
        u32_at(head, 24 + 156),
        u32_at(head, 24 + 160),
    );
    let uid = Some(u32_at(head, 24 + 16));
    let inode = chunk_at(head, 24 + 136).map(u64::from_ne_bytes)?;
    if ![UNIX, V4.into(), V6.into()].contains(&family) {
        return None;
    }
    let (protocol, state, ends, interface) = if family == UNIX {
        let (state, ends) = unix(u8::try_from(kind).ok()?, u16_at(head, 24 + 174), rest)?;
        (Protocol::Unix, state, ends, 0)
    } else {
        let protocol = ip_protocol(protocol)?;
        let ends = ip(protocol, rest)?;
        (
            protocol,
            ip_state(protocol, &ends, rest)?,
            ends,
            u16_at(rest, 76).into(),
        )
    };
    Some(Socket {
        protocol,
        state,
        ends,
        interface,
        uid,
        inode,
    })
}

fn ip_protocol(number: u32) -> Option<Protocol> {
    match number {
        6 => Some(Protocol::Tcp),
        17 => Some(Protocol::Udp),
        // What is left of the internet families is raw.
        _ => Some(Protocol::Raw),
    }
}

/// `struct in_sockinfo`: ports in network order in the lower half of a number, then flags, then addresses.
fn ip(protocol: Protocol, info: &[u8]) -> Option<Ends> {
    const IS_V4: u8 = 1;
    let is_v4 = info.get(24)? & IS_V4 != 0;
    let address = |at: usize| {
        if is_v4 {
            chunk_at::<4>(info, at + 12).map(IpAddr::from)
        } else {
            chunk_at::<16>(info, at).map(IpAddr::from).map(unmapped)
        }
    };
    let port = |at: usize| u16::from_be(u16_at(info, at));
    let remote = SocketAddr::new(address(32)?, port(0));
    Some(Ends::Ip {
        local: SocketAddr::new(address(48)?, port(4)),
        remote,
        multihomed: None,
        ip_protocol: (protocol == Protocol::Raw).then_some(0),
    })
}

/// `TSI_S_…` for TCP; otherwise whether there is another end.
fn ip_state(protocol: Protocol, ends: &Ends, info: &[u8]) -> Option<State> {
    const STATES: [State; 11] = [
        State::Unconnected,
        State::Listen,
        State::SynSent,
        State::SynRecv,
        State::Established,
        State::CloseWait,
        State::FinWait1,
        State::Closing,
        State::LastAck,
        State::FinWait2,
        State::TimeWait,
    ];
    if protocol == Protocol::Tcp {
        return STATES.get(usize::try_from(u32_at(info, 80)).ok()?).copied();
    }
    match ends {
        Ends::Ip { remote, .. } if remote.port() != 0 => Some(State::Established),
        _ => Some(State::Unconnected),
    }
}

/// `struct un_sockinfo`: the peer, then this end's `struct sockaddr_un`.
fn unix(kind: u8, queue_limit: u16, info: &[u8]) -> Option<(State, Ends)> {
    let peer = chunk_at(info, 0).map(u64::from_ne_bytes)?;
    let length = usize::from(*info.get(16)?);
    let path = info.get(18..16 + length.max(2))?;
    let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
    let state = match (peer, queue_limit) {
        (0, 0) => State::Unconnected,
        (0, _) => State::Listen,
        _ => State::Established,
    };
    let ends = Ends::Unix {
        kind: UnixKind::from_kernel(kind)?,
        path: path[..end].to_vec(),
        peer_inode: (peer != 0).then_some(peer),
    };
    Some((state, ends))
}

/// The neighbours in a routing table of entries with a hardware address (`NET_RT_FLAGS`, `RTF_LLINFO`).
#[must_use]
pub fn neighbours(mut table: &[u8]) -> Vec<Neighbour> {
    let mut found = Vec::new();
    while !table.is_empty() {
        let length = usize::from(u16_at(table, 0));
        let Some(message) = table
            .get(..length)
            .filter(|message| message.len() >= ROUTE_HEAD_BYTES)
        else {
            break;
        };
        found.extend(neighbour(message));
        table = &table[length..];
    }
    found
}

/// `struct rt_msghdr`, then a destination and a gateway.
fn neighbour(message: &[u8]) -> Option<Neighbour> {
    const DESTINATION_AND_GATEWAY: u32 = 3;
    if u32_at(message, 12) & DESTINATION_AND_GATEWAY != DESTINATION_AND_GATEWAY {
        return None;
    }
    let destination = message.get(ROUTE_HEAD_BYTES..)?;
    let gateway = destination.get(usize::from(*destination.first()?).max(4).next_multiple_of(4)..)?;
    let mac = link_address(gateway)?;
    Some(Neighbour {
        index: u16_at(gateway, 2).into(),
        ip: address(destination)?,
        state: if mac.is_empty() { "incomplete" } else { "complete" },
        mac,
    })
}

/// The address in a `struct sockaddr_in` or `struct sockaddr_in6`, without the scope that the kernel keeps inside of a
/// link-local one.
#[must_use]
pub fn address(sockaddr: &[u8]) -> Option<IpAddr> {
    match *sockaddr.get(1)? {
        V4 => chunk_at::<4>(sockaddr, 4).map(IpAddr::from),
        V6 => {
            let mut octets = chunk_at::<16>(sockaddr, 8)?;
            if Ipv6Addr::from(octets).is_unicast_link_local() {
                octets[2..4].fill(0);
            }
            Some(octets.into())
        }
        _ => None,
    }
}

/// The hardware address in a `struct sockaddr_dl`.
#[must_use]
pub fn link_address(sockaddr: &[u8]) -> Option<Vec<u8>> {
    if *sockaddr.get(1)? != LINK {
        return None;
    }
    let (name, length) = (usize::from(*sockaddr.get(5)?), usize::from(*sockaddr.get(6)?));
    let mac = sockaddr.get(8 + name..8 + name + length)?;
    Some(mac.get(..hardware::MAX_BYTES).unwrap_or(mac).to_vec())
}

/// How many bits of a netmask, as a `struct sockaddr_in` or `struct sockaddr_in6`, are set.
#[must_use]
pub fn prefix_length(netmask: &[u8]) -> Option<u8> {
    let bits = match address(netmask)? {
        IpAddr::V4(mask) => mask.to_bits().leading_ones(),
        IpAddr::V6(mask) => mask.to_bits().leading_ones(),
    };
    u8::try_from(bits).ok()
}

/// For fuzzing: any bytes.
pub fn fuzz(data: &[u8]) {
    let _ = (socket(data), socket_number(data), neighbours(data));
    let _ = (address(data), link_address(data), prefix_length(data));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head(kind: u32, protocol: u32, family: u32) -> Vec<u8> {
        let mut bytes = vec![0; SOCKET_BYTES];
        bytes[40..44].copy_from_slice(&501_u32.to_ne_bytes());
        bytes[160..168].copy_from_slice(&0xabcd_u64.to_ne_bytes());
        for (at, number) in [(176, kind), (180, protocol), (184, family)] {
            bytes[at..at + 4].copy_from_slice(&number.to_ne_bytes());
        }
        bytes
    }

    #[test]
    fn a_connection_is_read() {
        let mut bytes = head(1, 6, 2);
        let info = &mut bytes[SOCKET_HEAD_BYTES..];
        info[0..2].copy_from_slice(&443_u16.to_be_bytes());
        info[4..6].copy_from_slice(&50_000_u16.to_be_bytes());
        info[24] = 1;
        info[44..48].copy_from_slice(&[192, 0, 2, 1]);
        info[60..64].copy_from_slice(&[10, 0, 0, 1]);
        info[80..84].copy_from_slice(&4_u32.to_ne_bytes());
        let socket = socket(&bytes).unwrap();
        assert_eq!(
            socket.ip(),
            Some((
                "10.0.0.1:50000".parse().unwrap(),
                "192.0.2.1:443".parse().unwrap()
            ))
        );
        assert_eq!(
            (socket.state, socket.uid, socket.inode),
            (State::Established, Some(501), 0xabcd)
        );
    }

    #[test]
    fn a_unix_listener_is_read() {
        let mut bytes = head(1, 0, 1);
        bytes[198..200].copy_from_slice(&128_u16.to_ne_bytes());
        bytes[SOCKET_HEAD_BYTES + 16..][..9].copy_from_slice(b"\x0a\x01/tmp/x\0");
        let socket = socket(&bytes).unwrap();
        assert_eq!(socket.state, State::Listen);
        assert!(
            matches!(socket.ends, Ends::Unix { ref path, .. } if path == b"/tmp/x"),
            "{socket:?}"
        );
    }

    #[test]
    fn a_neighbour_is_read() {
        let mut table = vec![0; ROUTE_HEAD_BYTES];
        table[12..16].copy_from_slice(&3_u32.to_ne_bytes());
        table.extend_from_slice(&[16, 2, 0, 0, 10, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
        table.extend_from_slice(&[20, 18, 4, 0, 6, 0, 6, 0, 2, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0]);
        let length = u16::try_from(table.len()).unwrap();
        table[..2].copy_from_slice(&length.to_ne_bytes());
        let found = neighbours(&[table.clone(), table].concat());
        assert_eq!(
            (found.len(), found[0].ip.to_string().as_str(), found[0].index),
            (2, "10.0.0.9", 4)
        );
        assert_eq!(found[0].mac, [2, 0, 0, 0, 0, 9]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600), family in 0_u8..31) {
            fuzz(&bytes);
            fuzz(&[&[20, family], bytes.as_slice()].concat());
            let mut whole = head(1, 6, family.into());
            whole.truncate(SOCKET_HEAD_BYTES);
            whole.extend_from_slice(&bytes);
            fuzz(&whole);
        }
    }
}
