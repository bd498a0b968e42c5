//! The courier: started, heard, replaced, told.

use super::Warden;
use crate::terminal::chain;
use crate::warden::courier::Courier;
use crate::warden::inbox::Delivery;
use crate::warden::mail::Fate;
use crate::warden::relay::configuration;
use chrono::Utc;
use gumshoe_link::{Phase, State as Link, ToCourier, ToWarden};
use std::time::Instant;

impl Warden {
    pub(super) fn tend(&mut self, now: Instant) {
        let due = self.tender.due().is_some_and(|due| now >= due);
        let Some(relay) = self.settings.config.relay.clone().filter(|_| due) else {
            return;
        };
        let agent = self.ledger.identity().agent;
        let told = match configuration(&relay, &agent, self.settings.host.cloud, self.options.once) {
            Ok(told) => told,
            Err(error) => {
                self.log.error(
                    "the courier cannot be told where the relay is",
                    &[("why", &chain(&error))],
                );
                self.tender.replace(now);
                return;
            }
        };
        match self.tender.start(now, &relay, told, &self.events) {
            Ok(true) => {
                let pid = self.tender.courier().map_or(0, Courier::pid);
                self.log.info("the courier was started", &[("pid", &pid)]);
            }
            Ok(false) => {}
            Err(error) => {
                self.log.error("no courier", &[("why", &chain(&error))]);
                self.give_up_once(&chain(&error));
            }
        }
    }

    pub(super) fn replace_courier(&mut self, why: &str) {
        let end = self.tender.replace(Instant::now());
        self.log.error(
            "the courier is gone; another will be started",
            &[("why", &why), ("end", &end)],
        );
        self.disconnected();
        self.link = Link {
            phase: Phase::Disconnected,
            relay: None,
            since_unix_ms: u64::try_from(Utc::now().timestamp_millis()).unwrap_or(0),
            error: Some(format!("the courier is gone: {why}")),
        };
    }

    pub(super) fn hear(&mut self, generation: u64, message: ToWarden) {
        match message {
            ToWarden::Delivered { tag, bytes } => {
                let delivery = Delivery {
                    generation,
                    tag,
                    bytes,
                };
                if !self.inbox.hold(delivery) {
                    self.replace_courier("it brings more than it was asked for");
                }
            }
            ToWarden::Confirmed { id } => {
                if self.mail.confirmed(id, &mut self.spool) {
                    self.pulse.confirmed();
                }
            }
            ToWarden::Failed { id, why } => self.failed(id, &why),
            ToWarden::State(state) => self.relay_is(state),
            ToWarden::Discarded { bytes, why } => {
                self.log.warning(
                    "a message in the agent's queue was dropped",
                    &[("bytes", &bytes), ("why", &why)],
                );
            }
            ToWarden::Metadata(json) => self.learn(&json),
            ToWarden::Drained => self.is_drained = true,
            ToWarden::Pong => {}
            other => self.log.info(
                "the courier said something that is not needed",
                &[("kind", &format!("{other:.40?}"))],
            ),
        }
    }

    fn failed(&mut self, id: u64, why: &str) {
        let now = Instant::now();
        match self.mail.failed(id, &mut self.spool, now) {
            Fate::Unknown => {}
            Fate::Again => self.log.warning(
                "the relay did not take a report: it is sent again",
                &[("number", &id), ("why", &why)],
            ),
            Fate::Lost => self.log.error(
                "the relay does not take a report: it is given up",
                &[("number", &id), ("why", &why)],
            ),
            Fate::Heartbeat => {
                self.pulse.failed(now);
                let pause = self.pulse.due().saturating_duration_since(now).as_secs_f64();
                self.log.warning(
                    "the relay did not take a heartbeat: another follows",
                    &[("in_seconds", &format_args!("{pause:.1}")), ("why", &why)],
                );
            }
        }
    }

    /// What was on its way is sent again, and what was not acknowledged is delivered again.
    fn disconnected(&mut self) {
        if self.mail.disconnected() {
            self.pulse.failed(Instant::now());
        }
        self.inbox.forget();
    }

    fn relay_is(&mut self, mut state: Link) {
        let is_connected = state.phase == Phase::Connected;
        if state.phase == Phase::Connecting {
            // Why the last attempt failed stays to be seen during the next.
            state.error = self.link.error.take();
        }
        self.tell_link(&state);
        if is_connected {
            self.mail.connected();
        } else {
            self.disconnected();
        }
        self.notify.status(if is_connected {
            "connected"
        } else {
            "not connected"
        });
        self.link = state;
        if self.link.phase == Phase::Disconnected {
            let why = self.link.error.clone().unwrap_or_default();
            self.give_up_once(&why);
        }
    }

    /// The same trouble is told once, however often it comes; `status` shows it all the time.
    fn tell_link(&self, state: &Link) {
        let why = state.error.as_deref().unwrap_or_default();
        match (&state.phase, &state.relay) {
            (Phase::Connected, relay) => {
                let relay = relay.as_deref().unwrap_or_default();
                self.log.info("connected", &[("relay", &relay)]);
                if state.error.is_some() {
                    self.log
                        .warning("the relay is not as it should be", &[("why", &why)]);
                }
            }
            (Phase::Disconnected, _) if state.error != self.link.error => {
                self.log.warning(
                    "not connected; it is tried again until it succeeds",
                    &[("why", &why)],
                );
            }
            (Phase::Disconnected | Phase::Connecting, _) => {}
        }
    }

    pub(super) fn tell(&mut self, message: ToCourier) {
        if self
            .tender
            .courier()
            .is_some_and(|courier| courier.tell(message).is_err())
        {
            self.replace_courier("it does not read what it is told");
        }
    }
}
