//! Answers to `sock_diag` about internet sockets.
//!
//! Source: `sock_diag(7)`, Linux `uapi/linux/inet_diag.h`; SCTP states from `linux/sctp/constants.h`.

use super::netlink::{attributes, chunk_at, u16_at, u32_at};
use crate::socket::{Ends, Multihomed, Protocol, Socket, State, unmapped};
use std::net::{IpAddr, SocketAddr};

/// Bytes of `struct inet_diag_msg`.
pub const MESSAGE_BYTES: usize = 72;
/// `AF_INET` and `AF_INET6` of Linux.
pub(crate) const FAMILY_V4: u8 = 2;
pub(crate) const FAMILY_V6: u8 = 10;
/// All addresses of an association at this and at the other end (`INET_DIAG_LOCALS`, `INET_DIAG_PEERS`).
const LOCALS: u16 = 12;
const PEERS: u16 = 13;
/// Bytes of `struct __kernel_sockaddr_storage`, of which those two are lists.
const STORAGE_BYTES: usize = 128;
/// Addresses kept of each end of an association; more are not sent by Linux in practice.
const MAX_ADDRESSES: usize = 64;

/// The socket that `payload` describes; `None` if it is too short or of an unknown family or state.
///
/// Units: ports are in host order.
#[must_use]
pub fn socket(payload: &[u8], protocol: Protocol) -> Option<Socket> {
    let message: &[u8; MESSAGE_BYTES] = payload.first_chunk()?;
    let [source_port, port] = [4, 6].map(|at| u16::from_be(u16_at(message, at)));
    let [source, destination] = [8, 24].map(|at| address(message[0], &message[at..]));
    let (source, destination) = (source?, destination?);
    let is_raw = protocol == Protocol::Raw;
    let ends = Ends::Ip {
        // A raw socket has its IP protocol where others have a port.
        local: SocketAddr::new(source, if is_raw { 0 } else { source_port }),
        remote: SocketAddr::new(destination, port),
        multihomed: if protocol == Protocol::Sctp {
            multihomed(payload)
        } else {
            None
        },
        ip_protocol: if is_raw {
            u8::try_from(source_port).ok()
        } else {
            None
        },
    };
    let inode = u32_at(message, 68);
    Some(Socket {
        protocol,
        state: state(protocol, message[1], port)?,
        ends,
        interface: u32_at(message, 40),
        uid: (inode != 0).then(|| u32_at(message, 64)),
        inode: inode.into(),
    })
}

/// The address at the beginning of `bytes`.
fn address(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    match family {
        FAMILY_V4 => chunk_at::<4>(bytes, 0).map(IpAddr::from),
        FAMILY_V6 => chunk_at::<16>(bytes, 0).map(IpAddr::from).map(unmapped),
        _ => None,
    }
}

/// SCTP numbers the states of associations in its own way.
fn state(protocol: Protocol, number: u8, remote_port: u16) -> Option<State> {
    if protocol != Protocol::Sctp || remote_port == 0 {
        return State::from_kernel(number);
    }
    match number {
        0 => Some(State::Unconnected),
        1 | 2 => Some(State::SynSent),
        3 => Some(State::Established),
        4 | 5 => Some(State::FinWait1),
        6 => Some(State::CloseWait),
        7 => Some(State::LastAck),
        _ => None,
    }
}

fn multihomed(payload: &[u8]) -> Option<Box<Multihomed>> {
    let mut all = Multihomed::default();
    for (kind, value) in attributes(payload, MESSAGE_BYTES) {
        match kind {
            LOCALS => all.local = storages(value),
            PEERS => all.remote = storages(value),
            _ => {}
        }
    }
    (all.local.len() > 1 || all.remote.len() > 1).then(|| Box::new(all))
}

/// A list of `sockaddr_in` and `sockaddr_in6`, each in a slot of its own.
fn storages(value: &[u8]) -> Vec<IpAddr> {
    let one = |slot: &[u8]| {
        let family = u8::try_from(u16_at(slot, 0)).ok()?;
        let offset = if family == FAMILY_V4 { 4 } else { 8 };
        address(family, slot.get(offset..)?)
    };
    value
        .chunks_exact(STORAGE_BYTES)
        .take(MAX_ADDRESSES)
        .filter_map(one)
        .collect()
}

/// For fuzzing: any answer, as every protocol.
pub fn fuzz(data: &[u8]) {
    for protocol in Protocol::ALL {
        let _ = socket(data, protocol);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::netlink::push_attribute;
    use proptest::prelude::*;

    fn message(family: u8, state: u8) -> Vec<u8> {
        let mut bytes = vec![0; MESSAGE_BYTES];
        bytes[0] = family;
        bytes[1] = state;
        bytes[4..8].copy_from_slice(&[0x1f, 0x90, 0, 53]);
        bytes
    }

    #[test]
    fn a_mapped_address_is_ipv4() {
        let mut bytes = message(FAMILY_V6, 1);
        bytes[18..24].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 1]);
        bytes[39] = 1;
        bytes[64..68].copy_from_slice(&1000_u32.to_ne_bytes());
        bytes[68..72].copy_from_slice(&77_u32.to_ne_bytes());
        let socket = socket(&bytes, Protocol::Tcp).unwrap();
        let expected = ("192.0.2.1:8080".parse().unwrap(), "[::1]:53".parse().unwrap());
        assert_eq!(socket.ip(), Some(expected));
        assert_eq!(
            (socket.uid, socket.inode, socket.state),
            (Some(1000), 77, State::Established)
        );
    }

    #[test]
    fn all_addresses_of_an_association_are_read() {
        let mut bytes = message(FAMILY_V4, 3);
        let mut storage = [0; 2 * STORAGE_BYTES];
        storage[..8].copy_from_slice(&[2, 0, 0, 0, 10, 0, 0, 1]);
        storage[STORAGE_BYTES..][..2].copy_from_slice(&10_u16.to_ne_bytes());
        storage[STORAGE_BYTES + 23] = 9;
        storage[..2].copy_from_slice(&2_u16.to_ne_bytes());
        push_attribute(&mut bytes, PEERS, &storage);
        let socket = socket(&bytes, Protocol::Sctp).unwrap();
        let Ends::Ip {
            multihomed: Some(all),
            ..
        } = &socket.ends
        else {
            panic!("{socket:?}")
        };
        assert_eq!(
            all.remote,
            ["10.0.0.1", "::9"].map(|text| text.parse::<IpAddr>().unwrap())
        );
        assert_eq!(socket.state, State::Established);
    }

    #[test]
    fn what_is_cut_or_unknown_is_no_socket() {
        let bytes = message(FAMILY_V4, 1);
        for end in 0..MESSAGE_BYTES {
            assert_eq!(socket(&bytes[..end], Protocol::Udp), None);
        }
        assert_eq!(socket(&message(1, 1), Protocol::Udp), None);
        assert_eq!(socket(&message(FAMILY_V4, 99), Protocol::Udp), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400), family in 0_u8..12, state in 0_u8..14) {
            fuzz(&bytes);
            let mut framed = message(family, state);
            framed.extend_from_slice(&bytes);
            fuzz(&framed);
        }
    }
}
