//! Follows an action: reads events in one thread, signals in another, and shows both in this one.

mod progress;

use crate::api::{Event, Progress, RequestError, ResultMessage, Server};
use crate::output::Sink;
use crate::terminal::one_line;
use anyhow::Context as _;
use gumshoe_protocol::ActionId;
use progress::Display;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// How many happenings wait to be shown before the server is no longer read.
const WAITING: usize = 64;
/// How long to wait before connecting again, at first; doubled until [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How long to wait at last.
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// How following ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Nothing more comes.
    Over,
    /// The user has seen enough; the action goes on.
    Detached,
}

/// What there is to show.
enum Happening {
    /// Hosts got further.
    Progress(Box<Progress>),
    /// A host said something.
    Message(Box<ResultMessage>),
    /// The connection broke; it is tried again.
    Lost(String),
    /// Trying again is no use.
    Failed(Box<RequestError>),
    /// Nothing more comes.
    Over,
    /// The user has seen enough.
    Detach,
}

/// Follows an action until nothing more comes, or the user detaches (Ctrl-C).
///
/// # Errors
///
/// When the server refuses, or standard output is closed.
pub fn follow(server: &Arc<Server>, id: ActionId, sink: &mut dyn Sink) -> anyhow::Result<Ending> {
    let (sender, happenings) = sync_channel(WAITING);
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("failed to handle signals")?;
    let handle = signals.handle();
    let detaching = sender.clone();
    std::thread::spawn(move || {
        for _ in &mut signals {
            if detaching.send(Happening::Detach).is_err() {
                return;
            }
        }
    });
    let reader = Arc::clone(server);
    std::thread::spawn(move || read(&reader, id, &sender));
    let ending = show(&happenings, sink);
    // The thread that waits for signals ends.
    handle.close();
    ending
}

fn show(happenings: &Receiver<Happening>, sink: &mut dyn Sink) -> anyhow::Result<Ending> {
    let mut display = Display::new();
    for happening in happenings {
        match happening {
            Happening::Progress(progress) => display.progress(&progress),
            Happening::Message(message) => display
                .aside(|| sink.message(&message))
                .context("failed to print a finding")?,
            Happening::Lost(why) => {
                let why = one_line(&why).into_owned();
                display.aside(|| eprintln!("gumshoe: {why}; trying again"));
            }
            Happening::Failed(error) => return Err((*error).into()),
            Happening::Over => return Ok(Ending::Over),
            Happening::Detach => return Ok(Ending::Detached),
        }
    }
    anyhow::bail!("the thread that reads events ended")
}

/// Reads events until the last one, connecting again behind the one that was read last. Ends when nobody listens.
fn read(server: &Server, id: ActionId, sender: &SyncSender<Happening>) {
    let path = format!("actions/{id}/events");
    let mut after: Option<String> = None;
    let mut pause = FIRST_PAUSE;
    loop {
        let why = match server.events(&path, &[("bodies", "true")], after.as_deref()) {
            Ok(events) => {
                let mut lost = "the server closed the connection".to_owned();
                for event in events {
                    match event {
                        Ok(event) => {
                            pause = FIRST_PAUSE;
                            after = event.id.clone().or(after);
                            match pass_on(&event, sender) {
                                Next::More => {}
                                Next::Nothing => return,
                            }
                        }
                        Err(error) => lost = crate::terminal::chain(&error),
                    }
                }
                lost
            }
            Err(error) if error.is_passing() => crate::terminal::chain(&error),
            Err(error) => {
                // Nobody listens any more, or somebody does.
                let _ = sender.send(Happening::Failed(Box::new(error)));
                return;
            }
        };
        if sender.send(Happening::Lost(why)).is_err() {
            return;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Whether there is more to read.
enum Next {
    More,
    Nothing,
}

/// Passes an event on; events of kinds that this version does not know are left out.
fn pass_on(event: &Event, sender: &SyncSender<Happening>) -> Next {
    let happening = match event.kind.as_str() {
        "progress" => serde_json::from_str(&event.data).map(Happening::Progress),
        "result" => serde_json::from_str(&event.data).map(Happening::Message),
        "end" => {
            // Nobody listens any more, or somebody does.
            let _ = sender.send(Happening::Over);
            return Next::Nothing;
        }
        _ => return Next::More,
    };
    let happening = happening.unwrap_or_else(|error| {
        Happening::Lost(format!("an event of the server's is not understood ({error})"))
    });
    match sender.send(happening) {
        Ok(()) => Next::More,
        Err(_) => Next::Nothing,
    }
}
