//! `gumshoe-courier`: started by the agent, with the link to the warden as its standard input.

use std::{
    io,
    net::ToSocketAddrs as _,
    os::{fd::AsFd as _, unix::net::UnixStream},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use gumshoe_courier::{courier, explain};
use gumshoe_walls::{CourierWalls, WallError};

/// Threads that resolve names; they end when they are not needed.
const RESOLVERS: usize = 2;
/// How long such a thread stays.
const RESOLVER_LIFE: Duration = Duration::from_secs(1);
/// Where systems keep the authorities that they trust, for relays without an authority of their own.
const TRUST_STORES: [&str; 4] = [
    "/etc/ssl",
    "/etc/pki",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
];
/// Private memory: all messages that may be in flight at their greatest length, and room to spare.
const MEMORY_BYTES: u64 = 1 << 30;

/// Why the courier could not start, or ended otherwise than by being told to.
#[derive(Debug, thiserror::Error)]
enum MainError {
    /// Standard input is not the link.
    #[error("standard input is not a Unix socket; the courier is started by gumshoe-agent")]
    Link(#[source] io::Error),
    /// The runtime could not be built.
    #[error("failed to build the runtime")]
    Runtime(#[source] io::Error),
    /// Rights could not be given up.
    #[error("failed to give up rights")]
    Walls(#[source] WallError),
    /// The courier ended with an error.
    #[error("the courier ended")]
    Courier(#[source] courier::CourierError),
}

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gumshoe-courier: {}", explain(&error));
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), MainError> {
    let link = link().map_err(MainError::Link)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(RESOLVERS)
        .thread_keep_alive(RESOLVER_LIFE)
        .build()
        .map_err(MainError::Runtime)?;
    enter_walls().map_err(MainError::Walls)?;
    runtime.block_on(async { courier::run(link).await.map_err(MainError::Courier) })
}

/// The socket to the warden, which is standard input.
fn link() -> io::Result<UnixStream> {
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Fails where it is no socket of this kind.
    stream.peer_addr()?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Gives up every right that the courier does not need, before a byte from the network is read.
///
/// Afterwards the courier still makes threads (one per connection, and for names), opens Internet sockets, and reads
/// the files of the system's resolver and trust store. The warden chose its user already. Walls that this system does
/// not have are named on standard error, which is the agent's log.
fn enter_walls() -> Result<(), WallError> {
    // What the C library loads to resolve a name cannot be loaded later; whether the name resolves does not matter.
    drop(("localhost", 0).to_socket_addrs());
    let walls = CourierWalls {
        identity: None,
        readable: TRUST_STORES.iter().map(PathBuf::from).collect(),
        memory_bytes: MEMORY_BYTES,
    };
    for missing in walls.raise()? {
        eprintln!("gumshoe-courier: {missing}");
    }
    Ok(())
}
