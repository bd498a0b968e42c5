//! The courier's process: started, spoken to, ended. It is believed nothing but the form of its messages.

use super::event::Event;
use crate::config::daemon::Relay;
use gumshoe_link::blocking::{receive, send};
use gumshoe_link::{ToCourier, ToWarden};
use gumshoe_plugin_api::host::trust::{self, TrustError};
use gumshoe_walls::{CourierWalls, Identity};
use std::io;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// How many messages to the courier may wait; more than can be in flight, so that only a courier that does not read
/// fills it.
const OUTBOX: usize = 4 * gumshoe_link::MAX_IN_FLIGHT + 512;
/// The courier's memory: a few envelopes in each direction, and what TLS takes.
const MEMORY_BYTES: u64 = 512 << 20;
/// How long a courier may take to end after it was told to.
const END_TIME: Duration = Duration::from_secs(5);
/// How long to wait before looking again whether it has.
const PAUSE: Duration = Duration::from_millis(10);

/// Why no courier could be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CourierError {
    /// Others could write to its program.
    #[error("the courier's program is refused")]
    Trust(#[source] TrustError),
    /// The process, its socket or a thread for it could not be made.
    #[error("failed to start the courier `{path}`")]
    Start {
        /// Its program.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

/// The courier does not take what it is told.
#[derive(Debug, thiserror::Error)]
#[error("the courier does not read what it is told")]
pub struct Stuck;

/// A courier that runs. Dropping it kills the process.
#[derive(Debug)]
pub struct Courier {
    child: Child,
    socket: UnixStream,
    outbox: SyncSender<ToCourier>,
    generation: u64,
}

impl Courier {
    /// Starts the courier; what it says arrives in `events`.
    ///
    /// Its only descriptors are the socket, as standard input, and standard error; its environment is empty. Where the
    /// agent is root the courier is another user.
    ///
    /// # Errors
    ///
    /// [`CourierError`].
    pub fn start(relay: &Relay, generation: u64, events: &SyncSender<Event>) -> Result<Self, CourierError> {
        let failed = |source| CourierError::Start {
            path: relay.courier.clone(),
            source,
        };
        let (_, program) = trust::open(&relay.courier).map_err(CourierError::Trust)?;
        let (socket, theirs) = UnixStream::pair().map_err(failed)?;
        let walls = CourierWalls {
            memory_bytes: MEMORY_BYTES,
            ..CourierWalls::default()
        };
        let walls = serde_json::to_string(&walls).map_err(|error| failed(error.into()))?;
        let mut command = Command::new(program);
        command
            .arg(walls)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null());
        if rustix::process::geteuid().is_root() {
            let user = Identity::of_user(&relay.run_as);
            // No other groups: the standard library drops them when root gives itself up.
            command.uid(user.uid).gid(user.gid);
        }
        let child = command.spawn().map_err(failed)?;
        let (outbox, inbox) = sync_channel(OUTBOX);
        let courier = Self {
            child,
            outbox,
            generation,
            socket,
        };
        courier.threads(inbox, events).map_err(failed)?;
        Ok(courier)
    }

    /// One thread hears, one tells; both end when the socket does.
    fn threads(&self, inbox: Receiver<ToCourier>, events: &SyncSender<Event>) -> io::Result<()> {
        let (mut ear, mut mouth) = (self.socket.try_clone()?, self.socket.try_clone()?);
        let (generation, events) = (self.generation, events.clone());
        let thread = |name: &str| {
            std::thread::Builder::new()
                .name(name.to_owned())
                .stack_size(256 << 10)
        };
        thread("courier-ear").spawn(move || {
            let why = hear(&mut ear, generation, &events);
            let _ = events.send(Event::CourierEnded { generation, why }); // the warden may be gone
        })?;
        thread("courier-mouth").spawn(move || {
            // What cannot be said is noticed by the one who hears.
            while let Ok(message) = inbox.recv() {
                if send(&mut mouth, &message).is_err() {
                    let _ = mouth.shutdown(Shutdown::Both);
                    break;
                }
            }
        })?;
        Ok(())
    }

    /// Which courier this is.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells it something; never waits.
    ///
    /// # Errors
    ///
    /// [`Stuck`]: it should be replaced.
    pub fn tell(&self, message: ToCourier) -> Result<(), Stuck> {
        match self.outbox.try_send(message) {
            // Whoever is gone will be noticed by the one who hears.
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Stuck),
        }
    }

    /// Has it end in an orderly way, or kills it when that takes too long.
    pub fn stop(mut self) {
        if self.tell(ToCourier::Stop).is_ok() {
            let give_up = Instant::now() + END_TIME;
            while Instant::now() < give_up && matches!(self.child.try_wait(), Ok(None)) {
                std::thread::sleep(PAUSE);
            }
        }
    }

    /// How it ended, if it has.
    pub fn post_mortem(&mut self) -> String {
        match self.child.try_wait() {
            Ok(Some(status)) => status.to_string(),
            Ok(None) => "it still runs, and is killed".to_owned(),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both); // ends both threads
        let _ = self.child.kill(); // it may be gone already
        let _ = self.child.wait();
    }
}

/// Passes on what the courier says until it hangs up; returns why.
fn hear(ear: &mut UnixStream, generation: u64, events: &SyncSender<Event>) -> String {
    loop {
        match receive::<ToWarden>(ear) {
            Ok(Some(message)) => {
                if events.send(Event::Courier { generation, message }).is_err() {
                    return "the warden ends".to_owned();
                }
            }
            Ok(None) => return "it hung up".to_owned(),
            Err(error) => return crate::terminal::chain(&error),
        }
    }
}
