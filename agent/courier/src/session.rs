//! One connection: deliveries in, acknowledgements and publishes out, probes through the broker.

use std::{
    collections::HashMap,
    future::{pending, poll_fn},
    pin::Pin,
    time::Duration,
};

use futures_core::Stream as _;
use gumshoe_link::{
    Configuration, MAX_ENVELOPE_BYTES, MAX_IN_FLIGHT, MAX_IN_FLIGHT_BYTES, Phase, ToCourier, ToWarden,
    blocking::ReceiveError,
};
use lapin::{
    Acker, Channel, Event,
    message::Delivery,
    options::{BasicAckOptions, BasicGetOptions, BasicRejectOptions},
};
use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

use crate::{
    explain,
    relay::{Connected, Publication, PublishError, Source, look_at_queue, publish},
    warden::{Commands, Outbox},
};

/// How long an orderly end may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// AMQP's code for a connection that ends as it should.
const REPLY_SUCCESS: u16 = 200;

/// How a session ended.
#[derive(Debug)]
pub enum End {
    /// The warden said so.
    Stop,
    /// The warden sent another configuration.
    Configure(Box<Configuration>),
    /// The warden is gone.
    WardenGone,
    /// The connection is lost, and why.
    Lost(String),
}

/// What the loop takes in.
enum Turn {
    Command(Option<ToCourier>),
    Delivery(Box<Option<lapin::Result<Delivery>>>),
    Outcome(Result<Outcome, JoinError>),
    Event(Option<Event>),
    Probe,
}

/// What a task of the session ended with.
enum Outcome {
    Published {
        id: u64,
        result: Result<Channel, PublishError>,
    },
    Settled(lapin::Result<bool>),
    Probed(Result<(), String>),
    Got(Box<lapin::Result<Option<Delivery>>>),
}

/// A publish whose confirmation is waited for. In numbers: its size in bytes.
type InFlight = HashMap<u64, usize>;

/// One connection at work.
pub struct Session<'a> {
    relay: Connected,
    name: String,
    configuration: &'a Configuration,
    outbox: &'a Outbox,
    /// Counts deliveries over all sessions: a word about a delivery of an earlier one finds nothing.
    last_tag: &'a mut u64,
    unsettled: HashMap<u64, Acker>,
    in_flight: InFlight,
    idle: Vec<Channel>,
    tasks: JoinSet<Outcome>,
    probing: bool,
    checking_in: CheckIn,
    blocked: Option<String>,
}

/// Where a check-in is.
#[derive(PartialEq, Eq)]
enum CheckIn {
    /// Not in this mode.
    Never,
    /// The next message may be asked for.
    Ask,
    /// It was asked for.
    Asked,
    /// There was none, but deliveries are unsettled, and may come back to the queue.
    Unsettled,
    /// The queue was empty, and the warden knows.
    Done,
}

impl<'a> Session<'a> {
    /// A session over a connection that is ready; `name` is what the warden is told of the relay.
    pub fn new(
        relay: Connected,
        name: String,
        configuration: &'a Configuration,
        outbox: &'a Outbox,
        last_tag: &'a mut u64,
    ) -> Self {
        let checking_in = if configuration.once {
            CheckIn::Ask
        } else {
            CheckIn::Never
        };
        Self {
            relay,
            name,
            configuration,
            outbox,
            last_tag,
            unsettled: HashMap::new(),
            in_flight: HashMap::new(),
            idle: Vec::new(),
            tasks: JoinSet::new(),
            probing: false,
            checking_in,
            blocked: None,
        }
    }

    /// Carries until the connection or the warden ends it.
    ///
    /// Afterwards every publish that was not confirmed has been reported as failed.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] when the warden cannot be understood.
    pub async fn run(mut self, commands: &mut Commands) -> Result<End, ReceiveError> {
        self.tell_state();
        let end = self.carry(commands).await;
        if let Ok(End::Stop | End::Configure(_)) = &end {
            self.finish().await;
        }
        let why = match &end {
            Ok(End::Lost(why)) => why.as_str(),
            _ => "the connection was closed before the relay confirmed",
        };
        for &id in self.in_flight.keys() {
            self.outbox.say(ToWarden::Failed {
                id,
                why: why.to_owned(),
            });
        }
        end
    }

    async fn carry(&mut self, commands: &mut Commands) -> Result<End, ReceiveError> {
        let period = Duration::from_millis(self.configuration.timing.probe_interval_ms);
        let mut probes = interval_at(Instant::now() + period, period);
        probes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.check_in();
            let turn = tokio::select! {
                command = commands.next() => Turn::Command(command?),
                delivery = next_delivery(&mut self.relay.source) => Turn::Delivery(Box::new(delivery)),
                Some(outcome) = self.tasks.join_next() => Turn::Outcome(outcome),
                event = poll_fn(|cx| self.relay.events.as_mut().poll_next(cx)) => Turn::Event(event),
                _ = probes.tick() => Turn::Probe,
            };
            if let Some(end) = self.take(turn) {
                return Ok(end);
            }
        }
    }

    fn take(&mut self, turn: Turn) -> Option<End> {
        match turn {
            Turn::Command(Some(command)) => self.obey(command),
            Turn::Command(None) => Some(End::WardenGone),
            Turn::Delivery(delivery) => match *delivery {
                Some(Ok(delivery)) => self.deliver(delivery),
                Some(Err(error)) => lost(&error),
                None => Some(End::Lost(
                    "the relay no longer delivers: our queue is gone".to_owned(),
                )),
            },
            Turn::Outcome(Ok(outcome)) => self.take_outcome(outcome),
            Turn::Outcome(Err(error)) => lost(&error),
            Turn::Event(Some(event)) => self.take_event(event),
            Turn::Event(None) => Some(End::Lost("the connection ended".to_owned())),
            Turn::Probe => {
                self.probe();
                None
            }
        }
    }

    fn obey(&mut self, command: ToCourier) -> Option<End> {
        match command {
            ToCourier::Publish {
                id,
                routing_key,
                bytes,
            } => self.publish(id, routing_key, bytes),
            ToCourier::Acknowledge { tag } => self.settle(tag, Settlement::Acknowledge),
            ToCourier::Reject { tag } => self.settle(tag, Settlement::Reject),
            ToCourier::Ping => self.outbox.say(ToWarden::Pong),
            ToCourier::Stop => return Some(End::Stop),
            ToCourier::Configure(configuration) => return Some(End::Configure(configuration)),
            // A warden that is newer than its courier: nothing here is meant.
            _ => {}
        }
        None
    }

    /// Passes an envelope on, or tells the relay to drop what is none by its size alone.
    fn deliver(&mut self, delivery: Delivery) -> Option<End> {
        if self.unsettled.len() >= usize::from(self.configuration.prefetch) {
            return Some(End::Lost(
                "the relay delivers more than it was asked for".to_owned(),
            ));
        }
        *self.last_tag += 1;
        let tag = *self.last_tag;
        self.unsettled.insert(tag, delivery.acker);
        if delivery.data.len() <= MAX_ENVELOPE_BYTES {
            self.outbox.say(ToWarden::Delivered {
                tag,
                bytes: delivery.data,
            });
            return None;
        }
        let bytes = u64::try_from(delivery.data.len()).unwrap_or(u64::MAX);
        let why = format!("a message of {bytes} bytes; an envelope has at most {MAX_ENVELOPE_BYTES}");
        self.outbox.say(ToWarden::Discarded { bytes, why });
        self.settle(tag, Settlement::Reject);
        None
    }

    fn settle(&mut self, tag: u64, settlement: Settlement) {
        // Unknown tags are those of connections before: the relay delivers their messages again.
        let Some(acker) = self.unsettled.remove(&tag) else {
            return;
        };
        self.tasks.spawn(async move {
            Outcome::Settled(match settlement {
                Settlement::Acknowledge => acker.ack(BasicAckOptions::default()).await,
                Settlement::Reject => acker.reject(BasicRejectOptions { requeue: false }).await,
            })
        });
        if self.unsettled.is_empty() && self.checking_in == CheckIn::Unsettled {
            self.checking_in = CheckIn::Ask;
        }
    }

    fn publish(&mut self, id: u64, routing_key: String, bytes: Vec<u8>) {
        if let Some(why) = self.why_not_publish(bytes.len()) {
            self.outbox.say(ToWarden::Failed { id, why });
            return;
        }
        self.in_flight.insert(id, bytes.len());
        let publication = Publication {
            exchange: self.configuration.topology.reports.clone(),
            routing_key,
            bytes,
        };
        let limit = Duration::from_millis(self.configuration.timing.confirm_ms);
        let publishing = publish(self.relay.connection.clone(), self.idle.pop(), publication, limit);
        self.tasks.spawn(async move {
            Outcome::Published {
                id,
                result: publishing.await,
            }
        });
    }

    fn why_not_publish(&self, bytes: usize) -> Option<String> {
        if let Some(reason) = &self.blocked {
            return Some(format!("the relay takes nothing at present: {reason}"));
        }
        let waiting: usize = self.in_flight.values().sum();
        let full = self.in_flight.len() >= MAX_IN_FLIGHT
            || (waiting > 0 && waiting.saturating_add(bytes) > MAX_IN_FLIGHT_BYTES);
        full.then(|| "too much waits for the relay's confirmation".to_owned())
    }

    /// Asks the agent's own queue how it is: the answer has passed connection, channel, broker and queue.
    fn probe(&mut self) {
        // A relay that blocks us reads nothing, probes included; AMQP's heartbeats still tell whether it is there.
        if self.probing || self.blocked.is_some() {
            return;
        }
        self.probing = true;
        let channel = self.relay.probe.clone();
        let queue = self.configuration.topology.queue.clone();
        let limit = Duration::from_millis(self.configuration.timing.probe_timeout_ms);
        let consumes = !self.configuration.once;
        self.tasks.spawn(async move {
            Outcome::Probed(match timeout(limit, look_at_queue(&channel, &queue)).await {
                Err(_) => Err(format!(
                    "the relay did not answer a probe within {} ms",
                    limit.as_millis()
                )),
                Ok(Err(error)) => Err(format!("a probe failed: {}", explain(&error))),
                Ok(Ok(0)) if consumes => Err("the relay has forgotten that we consume".to_owned()),
                Ok(Ok(_)) => Ok(()),
            })
        });
    }

    fn take_outcome(&mut self, outcome: Outcome) -> Option<End> {
        match outcome {
            Outcome::Published { id, result } => self.take_published(id, result),
            Outcome::Settled(Err(error)) => return lost(&error),
            Outcome::Settled(Ok(_)) => {}
            Outcome::Got(got) => return got.map_or_else(|error| lost(&error), |got| self.take_got(got)),
            Outcome::Probed(Ok(())) => self.probing = false,
            Outcome::Probed(Err(why)) => return Some(End::Lost(why)),
        }
        None
    }

    fn take_published(&mut self, id: u64, result: Result<Channel, PublishError>) {
        self.in_flight.remove(&id);
        match result {
            Ok(channel) => {
                self.idle.push(channel);
                self.outbox.say(ToWarden::Confirmed { id });
            }
            Err(error) => {
                if matches!(error, PublishError::Timeout { .. }) {
                    self.probe();
                }
                self.outbox.say(ToWarden::Failed {
                    id,
                    why: explain(&error),
                });
            }
        }
    }

    /// Check-in mode: asks for the next message when the time has come.
    fn check_in(&mut self) {
        let room = self.unsettled.len() < usize::from(self.configuration.prefetch);
        if self.checking_in != CheckIn::Ask || !room {
            return;
        }
        self.checking_in = CheckIn::Asked;
        let channel = self.relay.consume.clone();
        let queue = self.configuration.topology.queue.clone();
        self.tasks.spawn(async move {
            let got = channel.basic_get(queue.into(), BasicGetOptions::default()).await;
            Outcome::Got(Box::new(
                got.map(|message| message.map(|message| message.delivery)),
            ))
        });
    }

    fn take_got(&mut self, delivery: Option<Delivery>) -> Option<End> {
        if let Some(delivery) = delivery {
            self.checking_in = CheckIn::Ask;
            return self.deliver(delivery);
        }
        if self.unsettled.is_empty() {
            self.checking_in = CheckIn::Done;
            self.outbox.say(ToWarden::Drained);
        } else {
            self.checking_in = CheckIn::Unsettled;
        }
        None
    }

    fn take_event(&mut self, event: Event) -> Option<End> {
        match event {
            // An error of one channel comes here as well; whoever uses that channel has it already.
            Event::Error(error) if !self.relay.connection.status().connected() => return lost(&error),
            Event::ConnectionBlocked(reason) => {
                self.blocked = Some(reason);
                self.tell_state();
            }
            Event::ConnectionUnblocked => {
                self.blocked = None;
                self.tell_state();
            }
            _ => {}
        }
        None
    }

    fn tell_state(&self) {
        let blocked = self
            .blocked
            .as_ref()
            .map(|reason| format!("the relay takes nothing at present: {reason}"));
        let remark = blocked.or_else(|| self.relay.remark.clone());
        self.outbox
            .state(Phase::Connected, Some(self.name.clone()), remark);
    }

    /// Ends in an orderly way: what is under way is waited for, then the connection is closed.
    async fn finish(&mut self) {
        let finishing = async {
            while let Some(outcome) = self.tasks.join_next().await {
                if let Ok(Outcome::Published { id, result }) = outcome {
                    self.take_published(id, result);
                }
            }
            self.relay.connection.close(REPLY_SUCCESS, "".into()).await
        };
        // What does not end in time is cut.
        let _ = timeout(CLOSE_LIMIT, finishing).await;
    }
}

/// The warden's word about a delivery.
enum Settlement {
    Acknowledge,
    Reject,
}

async fn next_delivery(source: &mut Source) -> Option<lapin::Result<Delivery>> {
    match source {
        Source::Consumer(consumer) => poll_fn(|cx| Pin::new(&mut *consumer).poll_next(cx)).await,
        Source::Get => pending().await,
    }
}

fn lost(error: &dyn std::error::Error) -> Option<End> {
    Some(End::Lost(explain(error)))
}
