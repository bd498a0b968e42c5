//! Keeps a courier running: starts it, and starts it again after a pause when it ends.

use super::courier::{Courier, CourierError};
use super::event::Event;
use crate::config::daemon::Relay;
use gumshoe_link::{Configuration, ToCourier};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// The pause before the first new start; it doubles with each that follows.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A courier that ran this long was a good one: the pauses begin anew.
const STABLE: Duration = Duration::from_secs(60);

/// The one courier there is, or the time when there will be one.
#[derive(Debug)]
pub struct Tender {
    courier: Option<Courier>,
    generation: u64,
    started: Instant,
    pause: Duration,
    next: Option<Instant>,
}

impl Tender {
    /// No courier yet; one is due at once.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            courier: None,
            generation: 0,
            started: now,
            pause: FIRST_PAUSE,
            next: Some(now),
        }
    }

    /// The courier, if there is one.
    #[must_use]
    pub fn courier(&self) -> Option<&Courier> {
        self.courier.as_ref()
    }

    /// Whether this is the courier that is running, not one before.
    #[must_use]
    pub fn is_current(&self, generation: u64) -> bool {
        self.courier
            .as_ref()
            .is_some_and(|courier| courier.generation() == generation)
    }

    /// How often a courier was started again.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.generation.saturating_sub(1)
    }

    /// When a courier is to be started; none while one runs.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.next
    }

    /// Starts a courier, if it is time to. Returns whether one was started.
    ///
    /// # Errors
    ///
    /// [`CourierError`]; it is tried again later.
    pub fn start(
        &mut self,
        now: Instant,
        relay: &Relay,
        configuration: Configuration,
        events: &SyncSender<Event>,
    ) -> Result<bool, CourierError> {
        if self.next.is_none_or(|next| now < next) {
            return Ok(false);
        }
        self.generation += 1;
        match Courier::start(relay, self.generation, events) {
            Ok(courier) => {
                // A courier that has just been started has room.
                let _ = courier.tell(ToCourier::Configure(Box::new(configuration)));
                self.courier = Some(courier);
                self.started = now;
                self.next = None;
                Ok(true)
            }
            Err(error) => {
                self.postpone(now);
                Err(error)
            }
        }
    }

    /// The courier is gone, or of no use: ends it; another follows after a pause. Says how it ended.
    pub fn replace(&mut self, now: Instant) -> String {
        let end = self
            .courier
            .take()
            .map_or_else(String::new, |mut courier| courier.post_mortem());
        if now.duration_since(self.started) >= STABLE {
            self.pause = FIRST_PAUSE;
        }
        self.postpone(now);
        end
    }

    /// Ends the courier for good.
    pub fn stop(&mut self) {
        self.next = None;
        if let Some(courier) = self.courier.take() {
            courier.stop();
        }
    }

    fn postpone(&mut self, now: Instant) {
        self.next = Some(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}
