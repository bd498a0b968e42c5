//! Reports and heartbeats on their way to the relay. A report stays in the spool until the relay has confirmed it.

use super::courier::{Courier, Stuck};
use crate::state::spool::Spool;
use gumshoe_link::{MAX_IN_FLIGHT, MAX_IN_FLIGHT_BYTES, ToCourier};
use gumshoe_protocol::AgentId;
use gumshoe_protocol::relay::{heartbeat_key, report_key};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Set in the number of a heartbeat, which is in no spool.
const HEARTBEAT: u64 = 1 << 63;
/// How long nothing is sent after the relay did not take something; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// One place is kept for a heartbeat.
const REPORTS_IN_FLIGHT: usize = MAX_IN_FLIGHT - 1;
/// How often a report is refused by a relay that is there before it is given up.
const MAX_ATTEMPTS: u32 = 20;

/// What becomes of a message that the relay did not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was not on its way.
    Unknown,
    /// A report: it is sent again after a pause.
    Again,
    /// A report that was tried too often: it is lost, and counted.
    Lost,
    /// A heartbeat: it would be old by now, and whoever makes heartbeats makes another.
    Heartbeat,
}

/// What is on its way.
#[derive(Debug)]
pub struct Mail {
    agent: AgentId,
    is_connected: bool,
    /// Number and length of what the courier has.
    in_flight: BTreeMap<u64, usize>,
    attempts: BTreeMap<u64, u32>,
    /// Reports that are not to overtake those before them.
    last_words: BTreeSet<u64>,
    pause: Duration,
    paused_until: Option<Instant>,
}

impl Mail {
    /// Nothing is on its way.
    #[must_use]
    pub fn new(agent: AgentId) -> Self {
        Self {
            agent,
            is_connected: false,
            in_flight: BTreeMap::new(),
            attempts: BTreeMap::new(),
            last_words: BTreeSet::new(),
            pause: FIRST_PAUSE,
            paused_until: None,
        }
    }

    /// Whether the relay can be reached.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// The relay can be reached.
    pub fn connected(&mut self) {
        self.is_connected = true;
    }

    /// The relay cannot be reached any more: reports that were on their way wait again. Says whether a heartbeat was among
    /// what was.
    pub fn disconnected(&mut self) -> bool {
        self.is_connected = false;
        let lost = std::mem::take(&mut self.in_flight);
        lost.keys().any(|number| number & HEARTBEAT != 0)
    }

    /// This report is the last word about an action: it is not sent before those before it have been confirmed. The relay
    /// does not keep the order of what is on its way at the same time.
    pub fn hold_back(&mut self, number: u64) {
        self.last_words.insert(number);
    }

    /// Whether nothing is on its way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// When sending goes on after a pause.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.paused_until
    }

    /// Sends what waits, as far as there is room on the way.
    ///
    /// # Errors
    ///
    /// [`Stuck`]: the courier should be replaced.
    pub fn send(&mut self, spool: &mut Spool, courier: &Courier, now: Instant) -> Result<(), Stuck> {
        if !self.is_connected || self.paused_until.is_some_and(|until| now < until) {
            return Ok(());
        }
        self.paused_until = None;
        let waiting: Vec<u64> = spool
            .numbers(0)
            .filter(|number| !self.in_flight.contains_key(number))
            .take(REPORTS_IN_FLIGHT.saturating_sub(self.in_flight.len()))
            .collect();
        for number in waiting {
            let Some(bytes) = spool.get(number) else {
                spool.lose(number); // its file is gone or cannot be read
                continue;
            };
            let is_early =
                self.last_words.contains(&number) && self.in_flight.keys().any(|&sent| sent < number);
            if is_early || !self.has_room(bytes.len()) {
                break;
            }
            self.publish(courier, number, report_key(&self.agent), bytes)?;
        }
        Ok(())
    }

    /// Sends a heartbeat, if the relay can be reached; says whether it was.
    ///
    /// # Errors
    ///
    /// [`Stuck`]: the courier should be replaced.
    pub fn heartbeat(&mut self, courier: &Courier, number: u64, bytes: Vec<u8>) -> Result<bool, Stuck> {
        if !self.is_connected {
            return Ok(false);
        }
        self.publish(courier, number | HEARTBEAT, heartbeat_key(&self.agent), bytes)?;
        Ok(true)
    }

    /// The relay has something; says whether it is a heartbeat.
    pub fn confirmed(&mut self, number: u64, spool: &mut Spool) -> bool {
        // Only what was sent can be confirmed, whatever the courier says.
        if self.in_flight.remove(&number).is_none() {
            return false;
        }
        if number & HEARTBEAT != 0 {
            return true;
        }
        self.attempts.remove(&number);
        self.last_words.remove(&number);
        self.pause = FIRST_PAUSE;
        spool.remove(number);
        false
    }

    /// The relay did not take something; says what becomes of it.
    pub fn failed(&mut self, number: u64, spool: &mut Spool, now: Instant) -> Fate {
        if self.in_flight.remove(&number).is_none() {
            return Fate::Unknown;
        }
        if number & HEARTBEAT != 0 {
            return Fate::Heartbeat;
        }
        self.paused_until = Some(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        let attempts = self.attempts.entry(number).or_default();
        *attempts += 1;
        if *attempts < MAX_ATTEMPTS || !self.is_connected {
            return Fate::Again;
        }
        self.attempts.remove(&number);
        self.last_words.remove(&number);
        spool.lose(number);
        Fate::Lost
    }

    fn has_room(&self, bytes: usize) -> bool {
        let on_its_way: usize = self.in_flight.values().sum();
        self.in_flight.is_empty() || on_its_way + bytes <= MAX_IN_FLIGHT_BYTES
    }

    fn publish(
        &mut self,
        courier: &Courier,
        id: u64,
        routing_key: String,
        bytes: Vec<u8>,
    ) -> Result<(), Stuck> {
        self.in_flight.insert(id, bytes.len());
        courier.tell(ToCourier::Publish {
            id,
            routing_key,
            bytes,
        })
    }
}
