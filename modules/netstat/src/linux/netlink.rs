//! A netlink socket that asks for lists.

use crate::parse::netlink::{DONE, ERROR, HEADER_BYTES, INTERRUPTED, Malformed, error_number, messages};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recvfrom, sendto,
    socket_with, sockopt,
};
use std::io;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Bytes received at once; Linux sends at most 32 KiB (`netlink_dump`).
const BUFFER_BYTES: usize = 64 << 10;
/// How long to wait for the kernel's next datagram, which it makes while it is asked for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const REQUEST_DUMP: u16 = 0x301;

/// Why a list could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DumpError {
    /// The socket could not be opened.
    #[error("failed to open a netlink socket")]
    Open {
        /// Cause.
        source: io::Error,
    },
    /// The request could not be sent.
    #[error("failed to send a netlink request")]
    Send {
        /// Cause.
        source: io::Error,
    },
    /// The answer could not be received.
    #[error("failed to receive from netlink")]
    Receive {
        /// Cause.
        source: io::Error,
    },
    /// The kernel refused the request.
    #[error("the kernel refused a netlink request")]
    Refused {
        /// Cause.
        source: io::Error,
    },
    /// An answer does not fit the buffer.
    #[error("a netlink answer has {bytes} bytes, more than {BUFFER_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// An answer is not understood.
    #[error("a netlink answer is not understood")]
    Malformed(#[from] Malformed),
}

/// Whether a list is of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// It is, as far as the kernel says.
    Whole,
    /// Something changed meanwhile: entries may be missing or twice.
    Torn,
}

/// A netlink socket.
///
/// It stays in the network namespace that the thread was in when it was opened.
#[derive(Debug)]
pub struct Netlink {
    fd: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Netlink {
    /// Opens a socket for a netlink protocol; `None` is `NETLINK_ROUTE`, whose number is zero.
    ///
    /// # Errors
    ///
    /// [`DumpError::Open`].
    pub fn open(protocol: Option<Protocol>) -> Result<Netlink, DumpError> {
        let open = || {
            let fd = socket_with(
                AddressFamily::NETLINK,
                SocketType::RAW,
                SocketFlags::CLOEXEC,
                protocol,
            )?;
            bind(&fd, &SocketAddrNetlink::new(0, 0))?;
            sockopt::set_socket_timeout(&fd, sockopt::Timeout::Recv, Some(PATIENCE))?;
            Ok(fd)
        };
        let fd = open().map_err(|errno: rustix::io::Errno| DumpError::Open { source: errno.into() })?;
        Ok(Netlink {
            fd,
            buffer: vec![0; BUFFER_BYTES],
            sequence: 0,
        })
    }

    /// Asks for a list and hands the payload of each entry to `each`, until that breaks off.
    ///
    /// A list that was broken off leaves the socket with answers that nobody reads: it must not be used again.
    ///
    /// # Errors
    ///
    /// All of [`DumpError`] but [`DumpError::Open`]; entries handed over before are good.
    pub fn dump(
        &mut self,
        kind: u16,
        body: &[u8],
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<Consistency, DumpError> {
        self.request(kind, body)?;
        let mut consistency = Consistency::Whole;
        loop {
            let length = self.receive()?;
            for message in messages(&self.buffer[..length]) {
                let message = message?;
                if message.sequence != self.sequence {
                    continue;
                }
                if message.flags & INTERRUPTED != 0 {
                    consistency = Consistency::Torn;
                }
                if matches!(message.kind, DONE | ERROR) {
                    return ended(message.payload).map(|()| consistency);
                }
                if each(message.payload).is_break() {
                    return Ok(consistency);
                }
            }
        }
    }

    fn request(&mut self, kind: u16, body: &[u8]) -> Result<(), DumpError> {
        self.sequence = self.sequence.wrapping_add(1);
        let length = u32::try_from(HEADER_BYTES + body.len()).unwrap_or(u32::MAX);
        let mut request = Vec::with_capacity(HEADER_BYTES + body.len());
        request.extend_from_slice(&length.to_ne_bytes());
        request.extend_from_slice(&kind.to_ne_bytes());
        request.extend_from_slice(&REQUEST_DUMP.to_ne_bytes());
        request.extend_from_slice(&self.sequence.to_ne_bytes());
        request.extend_from_slice(&[0; 4]);
        request.extend_from_slice(body);
        sendto(
            &self.fd,
            &request,
            SendFlags::empty(),
            &SocketAddrNetlink::new(0, 0),
        )
        .map(drop)
        .map_err(|errno| DumpError::Send { source: errno.into() })
    }

    /// Receives one datagram from the kernel.
    fn receive(&mut self) -> Result<usize, DumpError> {
        loop {
            let received =
                rustix::io::retry_on_intr(|| recvfrom(&self.fd, &mut self.buffer[..], RecvFlags::TRUNC));
            let (_, bytes, sender) = received.map_err(|errno| DumpError::Receive { source: errno.into() })?;
            if bytes > BUFFER_BYTES {
                return Err(DumpError::TooLong { bytes });
            }
            let sender = sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok());
            // Other programs may send to this socket too; only the kernel has number 0.
            if sender.is_some_and(|sender| sender.pid() == 0) {
                return Ok(bytes);
            }
        }
    }
}

fn ended(payload: &[u8]) -> Result<(), DumpError> {
    match error_number(payload) {
        0 => Ok(()),
        number => Err(DumpError::Refused {
            source: io::Error::from_raw_os_error(number),
        }),
    }
}
