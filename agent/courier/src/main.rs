//! `gumshoe-courier [WALLS]`: started by the agent, with the link to the warden as its standard input.
//!
//! `WALLS` is a [`CourierWalls`] as JSON: the user to become, the memory to have.

use std::{
    env, io,
    net::ToSocketAddrs as _,
    os::{fd::AsFd as _, unix::net::UnixStream},
    process::ExitCode,
    time::Duration,
};

use gumshoe_courier::{courier, explain};
use gumshoe_walls::{CourierWalls, WallError, close_inherited_files};

/// Threads that resolve names; they end when they are not needed.
const RESOLVERS: usize = 2;
/// How long such a thread stays.
const RESOLVER_LIFE: Duration = Duration::from_secs(1);
/// Where systems keep the certificates that they trust, for relays whose authority is not configured.
const TRUST_STORES: [&str; 4] = [
    "/etc/ssl",
    "/etc/pki",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
];

/// Why the courier could not start, or ended otherwise than by being told to.
#[derive(Debug, thiserror::Error)]
enum MainError {
    /// Standard input is not the link.
    #[error("standard input is not a Unix socket; the courier is started by gumshoe-agent")]
    Link(#[source] io::Error),
    /// The runtime could not be built.
    #[error("failed to build the runtime")]
    Runtime(#[source] io::Error),
    /// The argument does not describe walls.
    #[error("the argument does not describe the courier's walls")]
    Argument(#[source] serde_json::Error),
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
    close_inherited_files().map_err(MainError::Walls)?;
    let walls = walls()?;
    let link = link().map_err(MainError::Link)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(RESOLVERS)
        .thread_keep_alive(RESOLVER_LIFE)
        .build()
        .map_err(MainError::Runtime)?;
    enter_walls(&walls).map_err(MainError::Walls)?;
    runtime.block_on(async { courier::run(link).await.map_err(MainError::Courier) })
}

/// What the agent wants the courier to keep, and what it keeps anyway.
fn walls() -> Result<CourierWalls, MainError> {
    let mut walls = match env::args().nth(1) {
        Some(json) => serde_json::from_str(&json).map_err(MainError::Argument)?,
        None => CourierWalls::default(),
    };
    walls.readable.extend(TRUST_STORES.map(Into::into));
    Ok(walls)
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
/// Afterwards the courier still makes threads (one per connection, and for names), connects out, and reads the files of
/// the system's resolver and trust store.
fn enter_walls(walls: &CourierWalls) -> Result<(), WallError> {
    // What the resolver loads has to be loaded before: no code can be loaded inside the walls.
    let _ = ("localhost", 0).to_socket_addrs();
    for missing in walls.raise()? {
        eprintln!("gumshoe-courier: {}: {}", missing.wall.words(), missing.why);
    }
    Ok(())
}
