//! Answers of `rtnetlink`: interfaces, their addresses, neighbours.
//!
//! Source: `rtnetlink(7)`, Linux `uapi/linux/if_link.h`, `if_addr.h`, `neighbour.h`.

use super::hardware;
use super::inet_diag::{FAMILY_V4, FAMILY_V6};
use super::netlink::{attributes, chunk_at, u16_at, u32_at};
use crate::socket::{Address, Link, Neighbour};
use std::net::IpAddr;

/// Bytes of `struct ifinfomsg`, `struct ifaddrmsg` and `struct ndmsg`.
pub const LINK_BYTES: usize = 16;
/// See [`LINK_BYTES`].
pub const ADDRESS_BYTES: usize = 8;
/// See [`LINK_BYTES`].
pub const NEIGHBOUR_BYTES: usize = 12;
/// Bytes kept of an interface's name, with the NUL byte that ends it (`IFNAMSIZ`).
const NAME_BYTES: usize = 16;
/// The interface is switched on (`IFF_UP`).
const UP: u32 = 1;

/// The interface that `payload` describes; `None` if it is too short.
#[must_use]
pub fn link(payload: &[u8]) -> Option<Link> {
    const ADDRESS: u16 = 1;
    const NAME: u16 = 3;
    const PERMANENT_ADDRESS: u16 = 54;
    let message: &[u8; LINK_BYTES] = payload.first_chunk()?;
    let mut link = Link {
        index: u32_at(message, 4),
        is_up: u32_at(message, 8) & UP != 0,
        ..Link::default()
    };
    for (kind, value) in attributes(payload, LINK_BYTES) {
        match kind {
            ADDRESS => link.mac = mac(value),
            PERMANENT_ADDRESS => link.permanent_mac = mac(value),
            NAME => link.name = name(value),
            _ => {}
        }
    }
    if link.permanent_mac == link.mac {
        link.permanent_mac.clear();
    }
    Some(link)
}

/// The address of an interface that `payload` describes; `None` if it is too short or of an unknown family.
#[must_use]
pub fn address(payload: &[u8]) -> Option<Address> {
    const ADDRESS: u16 = 1;
    const LOCAL: u16 = 2;
    let message: &[u8; ADDRESS_BYTES] = payload.first_chunk()?;
    let (mut own, mut any) = (None, None);
    for (kind, value) in attributes(payload, ADDRESS_BYTES) {
        match kind {
            LOCAL => own = ip(message[0], value),
            // The other end of a point-to-point link, otherwise the same.
            ADDRESS => any = ip(message[0], value),
            _ => {}
        }
    }
    Some(Address {
        index: u32_at(message, 4),
        ip: own.or(any)?,
        prefix_length: Some(message[1]),
    })
}

/// The neighbour that `payload` describes; `None` if it is too short, of an unknown family, or none that was ever
/// asked for: multicast and loopback entries, which the kernel computes (`NUD_NOARP`, `NUD_NONE`).
#[must_use]
pub fn neighbour(payload: &[u8]) -> Option<Neighbour> {
    const DESTINATION: u16 = 1;
    const MAC: u16 = 2;
    let message: &[u8; NEIGHBOUR_BYTES] = payload.first_chunk()?;
    let state = neighbour_state(u16_at(message, 8))?;
    let (mut address, mut hardware) = (None, Vec::new());
    for (kind, value) in attributes(payload, NEIGHBOUR_BYTES) {
        match kind {
            DESTINATION => address = ip(message[0], value),
            MAC => hardware = mac(value),
            _ => {}
        }
    }
    Some(Neighbour {
        index: u32_at(message, 4),
        ip: address?,
        mac: hardware,
        state,
    })
}

fn neighbour_state(bits: u16) -> Option<&'static str> {
    match bits {
        0x01 => Some("incomplete"),
        0x02 => Some("reachable"),
        0x04 => Some("stale"),
        0x08 => Some("delay"),
        0x10 => Some("probe"),
        0x20 => Some("failed"),
        bits if bits & 0x80 != 0 => Some("permanent"),
        _ => None,
    }
}

fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match family {
        FAMILY_V4 => chunk_at::<4>(value, 0).map(IpAddr::from),
        FAMILY_V6 => chunk_at::<16>(value, 0).map(IpAddr::from),
        _ => None,
    }
}

fn mac(value: &[u8]) -> Vec<u8> {
    value.get(..hardware::MAX_BYTES).unwrap_or(value).to_vec()
}

fn name(value: &[u8]) -> String {
    let end = value
        .iter()
        .take(NAME_BYTES)
        .take_while(|&&byte| byte != 0)
        .count();
    gumshoe_process::shown(&value[..end])
}

/// For fuzzing: any answer.
pub fn fuzz(data: &[u8]) {
    let _ = (link(data), address(data), neighbour(data));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::netlink::push_attribute;
    use proptest::prelude::*;

    #[test]
    fn an_interface_says_when_its_address_was_changed() {
        let mut bytes = vec![0; LINK_BYTES];
        bytes[4..8].copy_from_slice(&3_u32.to_ne_bytes());
        push_attribute(&mut bytes, 3, b"eth0\0");
        push_attribute(&mut bytes, 1, &[2; 6]);
        push_attribute(&mut bytes, 54, &[2; 6]);
        let same = link(&bytes).unwrap();
        assert_eq!(
            (
                same.index,
                same.name.as_str(),
                same.mac.len(),
                same.permanent_mac.len()
            ),
            (3, "eth0", 6, 0)
        );
        push_attribute(&mut bytes, 54, &[4; 6]);
        assert_eq!(link(&bytes).unwrap().permanent_mac, [4; 6]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), family in 0_u8..12) {
            fuzz(&bytes);
            fuzz(&[&[family], bytes.as_slice()].concat());
        }
    }
}
