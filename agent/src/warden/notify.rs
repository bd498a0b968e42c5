//! Telling the service manager how the daemon is: readiness, reload, watchdog.
//!
//! Source: sd_notify(3): datagrams to the socket that `NOTIFY_SOCKET` names; nothing happens where it names none.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// The way to the service manager, if there is one.
#[derive(Debug)]
pub struct Notify {
    socket: Option<UnixDatagram>,
    /// How often the watchdog wants to hear something.
    pub watchdog: Option<Duration>,
}

impl Notify {
    /// From the environment, which is left without the variables: no child is to speak for the daemon.
    #[must_use]
    pub fn from_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(|address| connect(&address));
        Self {
            watchdog: socket.as_ref().and_then(|_| watchdog()),
            socket,
        }
    }

    /// The daemon is ready.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// The daemon reads its configuration anew; [`Self::ready`] follows.
    pub fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// The daemon stops.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// The daemon is alive.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// One line for `systemctl status`.
    pub fn status(&self, text: &str) {
        self.send(&format!("STATUS={text}"));
    }

    fn send(&self, text: &str) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(text.as_bytes()); // nothing depends on it but the manager itself
        }
    }
}

fn connect(address: &std::ffi::OsStr) -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    #[cfg(target_os = "linux")]
    if let Some(name) = address.as_encoded_bytes().strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name).ok()?;
        socket.connect_addr(&address).ok()?;
        return Some(socket);
    }
    socket.connect(address).ok()?;
    Some(socket)
}

/// Half of the time after which the manager takes the daemon for dead, if it watches this process.
fn watchdog() -> Option<Duration> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    if number("WATCHDOG_PID").is_some_and(|pid| pid != u64::from(std::process::id())) {
        return None;
    }
    let time = number("WATCHDOG_USEC").filter(|time| *time > 0)?;
    Some(Duration::from_micros(time / 2))
}
