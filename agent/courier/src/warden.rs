//! The way to the warden.

use std::{
    os::unix::net::UnixStream as StdUnixStream,
    time::{SystemTime, UNIX_EPOCH},
};

use gumshoe_link::{
    Phase, State, ToCourier, ToWarden,
    asynchronous::{Receiver, send},
    blocking::{ReceiveError, SendError},
};
use tokio::{
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    task::JoinHandle,
};

use crate::memory;

/// After a message of this size, memory is given back.
const LARGE_BYTES: usize = 256 << 10;

/// What the warden says.
#[derive(Debug)]
pub struct Commands(Receiver<OwnedReadHalf, ToCourier>);

impl Commands {
    /// Waits for the next message; `None` when the warden is gone. May be dropped while it waits.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`], after which nothing can be understood any more.
    pub async fn next(&mut self) -> Result<Option<ToCourier>, ReceiveError> {
        self.0.receive().await
    }
}

/// What the warden shall hear; clones lead to the same warden.
///
/// Never waits: a courier that waited for a warden that waits for the courier would wait for ever. What lies here is
/// bounded by the prefetch, and by what the warden itself asked for.
#[derive(Clone, Debug)]
pub struct Outbox(mpsc::UnboundedSender<ToWarden>);

impl Outbox {
    /// Sends a message, after those before it.
    pub fn say(&self, message: ToWarden) {
        // The writer ends only with the warden; then the commands end as well.
        let _ = self.0.send(message);
    }

    /// Says how it stands with the relay.
    pub fn state(&self, phase: Phase, relay: Option<String>, error: Option<String>) {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        let since_unix_ms = u64::try_from(since).unwrap_or(u64::MAX);
        let error = error.map(shorten);
        self.say(ToWarden::State(State {
            phase,
            relay,
            since_unix_ms,
            error,
        }));
    }
}

/// Cuts what is not needed to understand an error.
fn shorten(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(gumshoe_link::MAX_REASON_BYTES));
    text
}

/// Writes what the outbox takes.
pub type Writer = JoinHandle<Result<(), SendError>>;

/// Takes over the socket to the warden.
///
/// The task ends when all clones of the outbox are dropped and everything is written.
///
/// # Errors
///
/// When the socket is not in non-blocking mode or cannot be registered.
pub fn open(stream: StdUnixStream) -> std::io::Result<(Commands, Outbox, Writer)> {
    let (read, write) = UnixStream::from_std(stream)?.into_split();
    let (sender, receiver) = mpsc::unbounded_channel();
    let writer = tokio::spawn(write_all(write, receiver));
    Ok((Commands(Receiver::new(read)), Outbox(sender), writer))
}

async fn write_all(
    mut stream: OwnedWriteHalf,
    mut messages: mpsc::UnboundedReceiver<ToWarden>,
) -> Result<(), SendError> {
    while let Some(message) = messages.recv().await {
        send(&mut stream, &message).await?;
        let large = matches!(&message, ToWarden::Delivered { bytes, .. } if bytes.len() > LARGE_BYTES);
        drop(message);
        if large {
            memory::give_back();
        }
    }
    Ok(())
}
