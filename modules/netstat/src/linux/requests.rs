//! What is asked of `sock_diag` and `rtnetlink`.
//!
//! Source: `sock_diag(7)`, `rtnetlink(7)`, Linux `uapi/linux/inet_diag.h`, `unix_diag.h`, `packet_diag.h`.

use crate::parse::inet_diag::{FAMILY_V4, FAMILY_V6};
use crate::parse::netlink::push_attribute;
use crate::plan::Wanted;
use crate::socket::Protocol;

/// Kinds of requests (`TCPDIAG_GETSOCK`, `SOCK_DIAG_BY_FAMILY`, `RTM_GETLINK`, `RTM_GETADDR`, `RTM_GETNEIGH`).
const TCP_OF_ALL_FAMILIES: u16 = 18;
const SOCKETS_OF_FAMILY: u16 = 20;
const GET_LINKS: u16 = 18;
const GET_ADDRESSES: u16 = 22;
const GET_NEIGHBOURS: u16 = 30;
/// Bytes of `struct inet_diag_sockid`, which says nothing in a request for a list.
const SOCKET_ID_BYTES: usize = 48;
/// Attributes of a request (`INET_DIAG_REQ_BYTECODE`, `INET_DIAG_REQ_PROTOCOL`).
const BYTECODE: u16 = 1;
const PROTOCOL: u16 = 3;

/// A request: its kind and what follows the header.
pub type Request = (u16, Vec<u8>);

/// The requests that list the wanted sockets.
///
/// TCP is asked for in the older form, which gives both families in one walk over the kernel's table.
pub fn sockets(wanted: &Wanted) -> Vec<Request> {
    match wanted.protocol {
        Protocol::Tcp => vec![tcp(wanted)],
        Protocol::Unix => vec![unix(wanted)],
        Protocol::Packet => vec![packet()],
        _ => [FAMILY_V4, FAMILY_V6].map(|family| inet(wanted, family)).to_vec(),
    }
}

/// `struct inet_diag_req`.
fn tcp(wanted: &Wanted) -> Request {
    let mut body = vec![0; 4 + SOCKET_ID_BYTES];
    body.extend_from_slice(&wanted.states.to_ne_bytes());
    body.extend_from_slice(&[0; 4]);
    push_program(&mut body, wanted);
    (TCP_OF_ALL_FAMILIES, body)
}

/// `struct inet_diag_req_v2`.
fn inet(wanted: &Wanted, family: u8) -> Request {
    let number = ip_protocol(wanted.protocol);
    // Numbers beyond a byte go into an attribute; a kernel that does not know that one finds nothing for 0.
    let mut body = vec![family, u8::try_from(number).unwrap_or(0), 0, 0];
    body.extend_from_slice(&wanted.states.to_ne_bytes());
    body.resize(body.len() + SOCKET_ID_BYTES, 0);
    push_program(&mut body, wanted);
    if number > u32::from(u8::MAX) {
        push_attribute(&mut body, PROTOCOL, &number.to_ne_bytes());
    }
    (SOCKETS_OF_FAMILY, body)
}

fn push_program(body: &mut Vec<u8>, wanted: &Wanted) {
    if let Some(program) = &wanted.program {
        push_attribute(body, BYTECODE, program);
    }
}

/// `IPPROTO_…`.
fn ip_protocol(protocol: Protocol) -> u32 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Dccp => 33,
        Protocol::Sctp => 132,
        Protocol::Udplite => 136,
        Protocol::Mptcp => 262,
        Protocol::Raw | Protocol::Unix | Protocol::Packet => 255,
    }
}

/// `struct unix_diag_req`.
fn unix(wanted: &Wanted) -> Request {
    const FAMILY: u8 = 1;
    const SHOW_NAME_PEER_UID: u32 = 0x01 | 0x04 | 0x40;
    let mut body = vec![FAMILY, 0, 0, 0];
    body.extend_from_slice(&wanted.states.to_ne_bytes());
    body.extend_from_slice(&[0; 4]);
    body.extend_from_slice(&SHOW_NAME_PEER_UID.to_ne_bytes());
    body.extend_from_slice(&[0; 8]);
    (SOCKETS_OF_FAMILY, body)
}

/// `struct packet_diag_req`.
fn packet() -> Request {
    const FAMILY: u8 = 17;
    const SHOW_INFO: u32 = 0x01;
    let mut body = vec![FAMILY, 0, 0, 0];
    body.extend_from_slice(&[0; 4]);
    body.extend_from_slice(&SHOW_INFO.to_ne_bytes());
    body.extend_from_slice(&[0; 8]);
    (SOCKETS_OF_FAMILY, body)
}

/// All interfaces, without their counters (`struct ifinfomsg`, `IFLA_EXT_MASK`, `RTEXT_FILTER_SKIP_STATS`).
pub fn links() -> Request {
    const EXTENSIONS: u16 = 29;
    const WITHOUT_COUNTERS: u32 = 8;
    let mut body = vec![0; crate::parse::route::LINK_BYTES];
    push_attribute(&mut body, EXTENSIONS, &WITHOUT_COUNTERS.to_ne_bytes());
    (GET_LINKS, body)
}

/// Addresses of all interfaces (`struct ifaddrmsg`).
pub fn addresses() -> Request {
    (GET_ADDRESSES, vec![0; crate::parse::route::ADDRESS_BYTES])
}

/// All neighbours (`struct ndmsg`).
pub fn neighbours() -> Request {
    (GET_NEIGHBOURS, vec![0; crate::parse::route::NEIGHBOUR_BYTES])
}
