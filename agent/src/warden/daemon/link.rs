//! The courier: started, heard, replaced, told.

use super::*;
use gumshoe_protocol::Facts;

/// What may be learnt from a metadata service.
const CLOUD_FACTS: [&str; 5] = ["instance_id", "region", "zone", "instance_type", "account"];

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
                let pid = self
                    .tender
                    .courier()
                    .map_or(0, crate::warden::courier::Courier::pid);
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
        self.mail.connected(false);
        self.inbox.forget();
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
            ToWarden::Confirmed { id } => self.mail.confirmed(id, &mut self.spool),
            ToWarden::Failed { id, why } => {
                if self.mail.failed(id, &mut self.spool, Instant::now()) {
                    self.log.error(
                        "the relay does not take a report: it is given up",
                        &[("number", &id), ("why", &why)],
                    );
                } else {
                    self.log.warning(
                        "the relay did not take a message",
                        &[("number", &id), ("why", &why)],
                    );
                }
            }
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

    pub(super) fn relay_is(&mut self, state: Link) {
        let is_connected = state.phase == Phase::Connected;
        let (relay, error) = (
            state.relay.clone().unwrap_or_default(),
            state.error.clone().unwrap_or_default(),
        );
        match state.phase {
            Phase::Connected => self.log.info("connected", &[("relay", &relay)]),
            Phase::Connecting => {}
            Phase::Disconnected => self
                .log
                .warning("disconnected", &[("relay", &relay), ("why", &error)]),
        }
        if is_connected != self.mail.is_connected() {
            self.mail.connected(is_connected);
        }
        if !is_connected {
            // What was not acknowledged is delivered again.
            self.inbox.forget();
        }
        self.notify.status(if is_connected {
            "connected"
        } else {
            "not connected"
        });
        self.link = state;
        if self.link.phase == Phase::Disconnected {
            self.give_up_once(&error);
        }
    }

    /// In check-in mode a relay that cannot be reached ends the visit.
    pub(super) fn give_up_once(&mut self, why: &str) {
        if self.options.once && self.ending == Ending::No {
            self.log.error("the check-in failed", &[("why", &why)]);
            self.has_failed = true;
            self.stop();
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

    /// What the cloud's metadata service said, by way of the courier: texts under the names of `cloud.*`, and only where
    /// the host itself does not say more.
    fn learn(&mut self, json: &[u8]) {
        let Ok(told) = serde_json::from_slice::<BTreeMap<String, String>>(json) else {
            return self.log.error("the cloud's metadata is not understood", &[]);
        };
        let is_fact = |name: &str, text: &str| CLOUD_FACTS.contains(&name) && text.len() <= Facts::MAX_TEXT;
        self.metadata = told
            .into_iter()
            .filter(|(name, text)| is_fact(name, text))
            .collect();
        self.settings.host.add_metadata(&self.metadata);
    }
}
