//! Answers to `sock_diag` about Unix domain sockets.
//!
//! Source: `sock_diag(7)`, Linux `uapi/linux/unix_diag.h`.

use super::netlink::{attributes, chunk_at, u32_at};
use crate::socket::{Ends, Protocol, Socket, State, UnixKind};

/// Bytes of `struct unix_diag_msg`.
pub const MESSAGE_BYTES: usize = 16;
/// Bytes kept of a name: all that `struct sockaddr_un` has room for.
pub const MAX_NAME_BYTES: usize = 108;
/// `UNIX_DIAG_NAME`, `UNIX_DIAG_PEER`, `UNIX_DIAG_UID`.
const NAME: u16 = 0;
const PEER: u16 = 2;
const UID: u16 = 7;

/// The socket that `payload` describes; `None` if it is too short or of an unknown kind or state.
///
/// The user is known from Linux 5.3 on.
#[must_use]
pub fn socket(payload: &[u8]) -> Option<Socket> {
    let message: &[u8; MESSAGE_BYTES] = payload.first_chunk()?;
    let kind = UnixKind::from_kernel(message[1])?;
    let state = State::from_kernel(message[2])?;
    let (mut path, mut peer_inode, mut uid) = (Vec::new(), None, None);
    for (attribute, value) in attributes(payload, MESSAGE_BYTES) {
        match attribute {
            NAME => path = value.get(..MAX_NAME_BYTES).unwrap_or(value).to_vec(),
            PEER => peer_inode = chunk_at(value, 0).map(|bytes| u32::from_ne_bytes(bytes).into()),
            UID => uid = chunk_at(value, 0).map(u32::from_ne_bytes),
            _ => {}
        }
    }
    if path.first().is_some_and(|&first| first != 0) {
        // A path ends at its first NUL byte; an abstract name has its length.
        path.truncate(path.iter().position(|&byte| byte == 0).unwrap_or(path.len()));
    }
    Some(Socket {
        protocol: Protocol::Unix,
        state,
        ends: Ends::Unix {
            kind,
            path,
            peer_inode,
        },
        interface: 0,
        uid,
        inode: u32_at(message, 4).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::netlink::push_attribute;
    use proptest::prelude::*;

    #[test]
    fn names_end_where_they_should() {
        for (name, expected) in [
            (&b"/run/x\0"[..], &b"/run/x"[..]),
            (b"/run/x", b"/run/x"),
            (b"\0abstract\0with", b"\0abstract\0with"),
            (b"", b""),
            (&[b'x'; 300], &[b'x'; MAX_NAME_BYTES]),
        ] {
            let mut bytes = vec![1, 1, 10, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            push_attribute(&mut bytes, NAME, name);
            let Some(Socket {
                ends: Ends::Unix { path, .. },
                ..
            }) = socket(&bytes)
            else {
                panic!("{name:?}")
            };
            assert_eq!(path, expected);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(kind in 0_u8..7, state in 0_u8..12, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = socket(&bytes);
            let _ = socket(&[&[1, kind, state], bytes.as_slice()].concat());
        }
    }
}
