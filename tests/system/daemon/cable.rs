//! Two network namespaces with one cable between them that can be cut: nothing else reaches from one to the other.
//!
//! The addresses (192.0.2.0/24, for documentation: RFC 5737) exist in these two only; the machine's own network is
//! left alone. The namespaces end with the last process and descriptor in them.

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::Command;

/// The agent's end of the cable.
const AGENT: &str = "192.0.2.1/24";
/// The relay's end.
pub const RELAY: &str = "192.0.2.2";

/// The cable, and the namespaces at its ends.
pub struct Cable {
    agent: Namespace,
    relay: Namespace,
}

impl Cable {
    /// Makes both namespaces and connects them.
    pub fn lay() -> Self {
        let cable = Self {
            agent: Namespace::new(),
            relay: Namespace::new(),
        };
        // A path instead of a name: ip-link(8) finds the namespace by the descriptor.
        let far = format!("/proc/{}/fd/{}", std::process::id(), cable.relay.0.as_raw_fd());
        cable
            .agent
            .ip(&format!("link add near type veth peer name far netns {far}"));
        for line in [
            &format!("addr add {AGENT} dev near"),
            "link set near up",
            "link set lo up",
        ] {
            cable.agent.ip(line);
        }
        cable.relay.ip(&format!("addr add {RELAY}/24 dev far"));
        cable.mend();
        cable
    }

    /// Does something at the agent's end; programs that are started there stay there.
    pub fn at_agent<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        self.agent.enter(run)
    }

    /// Opens a port at [`RELAY`] behind which is a port of this machine's 127.0.0.1, until the test program ends.
    pub fn forward(&self, port: u16) -> u16 {
        // A socket stays in the namespace in which it was made; the threads that use it are outside.
        let listener = self.relay.enter(|| TcpListener::bind((RELAY, 0)).unwrap());
        let opened = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                    pass_on(near.try_clone().unwrap(), far.try_clone().unwrap());
                    pass_on(far, near);
                }
            }
        });
        opened
    }

    /// Cuts it: packets go nowhere, and nobody is told but by silence.
    pub fn cut(&self) {
        self.relay.ip("link set far down");
    }

    /// Mends it.
    pub fn mend(&self) {
        self.relay.ip("link set far up");
    }
}

/// Copies from one connection to another until either ends.
fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to); // either end may be gone
        let _ = to.flush();
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// A network namespace, which lives as long as the descriptor.
struct Namespace(OwnedFd);

impl Namespace {
    fn new() -> Self {
        std::thread::scope(|scope| scope.spawn(Self::of_this_thread).join().unwrap())
    }

    /// Puts the calling thread into a new namespace.
    #[allow(
        unsafe_code,
        reason = "rustix leaves it to the caller which namespaces are left"
    )]
    fn of_this_thread() -> Self {
        // SAFETY: only the network namespace changes, and only for this thread; no descriptor table is concerned.
        unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.expect("making a network namespace needs root");
        Self(File::open("/proc/thread-self/ns/net").unwrap().into())
    }

    /// Runs something on a thread that is in the namespace.
    fn enter<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        let inside = || {
            move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            run()
        };
        std::thread::scope(|scope| scope.spawn(inside).join().unwrap())
    }

    /// Runs `ip` with these arguments.
    fn ip(&self, arguments: &str) {
        let status = self.enter(|| Command::new("ip").args(arguments.split(' ')).status());
        assert!(status.unwrap().success(), "ip {arguments}");
    }
}
