//! Answers to `sock_diag` about packet sockets.
//!
//! Source: Linux `uapi/linux/packet_diag.h`.

use super::netlink::{attributes, chunk_at, u16_at, u32_at};
use crate::socket::{Ends, Protocol, Socket, State};

/// Bytes of `struct packet_diag_msg`.
pub const MESSAGE_BYTES: usize = 16;
/// `PACKET_DIAG_INFO`, whose first number is the interface's, and `PACKET_DIAG_UID`.
const INFO: u16 = 0;
const UID: u16 = 5;

/// The socket that `payload` describes; `None` if it is too short.
#[must_use]
pub fn socket(payload: &[u8]) -> Option<Socket> {
    let message: &[u8; MESSAGE_BYTES] = payload.first_chunk()?;
    let (mut interface, mut uid) = (0, None);
    for (attribute, value) in attributes(payload, MESSAGE_BYTES) {
        match attribute {
            INFO => interface = u32_at(value, 0),
            UID => uid = chunk_at(value, 0).map(u32::from_ne_bytes),
            _ => {}
        }
    }
    Some(Socket {
        protocol: Protocol::Packet,
        state: State::Unconnected,
        ends: Ends::Packet {
            ethertype: u16_at(message, 2),
        },
        interface,
        uid,
        inode: u32_at(message, 4).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            prop_assert_eq!(socket(&bytes).is_some(), bytes.len() >= MESSAGE_BYTES);
        }
    }
}
