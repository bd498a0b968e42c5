//! Everything that wakes the warden, in one queue. The queue is short: whoever fills it waits.

use crate::obey::Ended;
use gumshoe_link::ToWarden;
use gumshoe_protocol::ActionId;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// How many events may wait. Each may hold an envelope of 16 MiB that a courier which was taken over sends.
const WAITING: usize = 4;

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// The courier said something.
    Courier {
        /// Which courier: the warden may have started another since.
        generation: u64,
        /// What it said.
        message: ToWarden,
    },
    /// The courier hung up, or what it says is not understood.
    CourierEnded {
        /// Which courier.
        generation: u64,
        /// Why.
        why: String,
    },
    /// An operation ended.
    Operation {
        /// Its action.
        action: ActionId,
        /// What came of it.
        ended: Box<Ended>,
    },
    /// All operations of an action have ended.
    ActionOver {
        /// The action.
        action: ActionId,
    },
    /// A signal arrived.
    Signal(i32),
}

/// The queue's two ends.
#[must_use]
pub fn queue() -> (SyncSender<Event>, Receiver<Event>) {
    sync_channel(WAITING)
}
