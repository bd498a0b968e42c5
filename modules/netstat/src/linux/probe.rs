//! Sockets of other processes, asked for their network namespace.

use crate::parse::links;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Asks sockets of another process for their namespace, by a short-lived copy of their descriptor.
pub(super) struct Probe {
    /// The process.
    pub(super) pid: u32,
    process: OwnedFd,
}

impl Probe {
    /// Takes hold of a process; `None` where that is denied or not known (before Linux 5.3), or it has ended.
    pub(super) fn new(pid: u32) -> Option<Probe> {
        let number = Pid::from_raw(i32::try_from(pid).ok()?)?;
        let process = pidfd_open(number, PidfdFlags::empty()).ok()?;
        Some(Probe { pid, process })
    }

    /// The namespace of the socket with a descriptor's number; `None` when it is gone.
    pub(super) fn namespace_of(&self, name: &[u8]) -> io::Result<Option<OwnedFd>> {
        let Some(number) = links::decimal(name).and_then(|number| i32::try_from(number).ok()) else {
            return Ok(None);
        };
        match pidfd_getfd(&self.process, number, PidfdGetfdFlags::empty()) {
            Ok(socket) => socket_namespace(&socket).map(Some),
            Err(rustix::io::Errno::BADF | rustix::io::Errno::SRCH) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// The network namespace of a socket.
#[allow(unsafe_code, reason = "SIOCGSKNS has no safe wrapper")]
fn socket_namespace(socket: &OwnedFd) -> io::Result<OwnedFd> {
    /// `SIOCGSKNS`, Linux `uapi/linux/sockios.h`: returns a descriptor of the socket's network namespace.
    const SIOCGSKNS: libc::Ioctl = 0x894c;
    // SAFETY: the request takes no argument, and returns a new descriptor or -1.
    let number = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCGSKNS) };
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
