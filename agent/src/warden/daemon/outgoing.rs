//! What goes out: reports and heartbeats.

use super::Warden;
use super::ending::Ending;
use crate::terminal::chain;
use crate::warden::pulse::{Moment, Profile, heartbeat};
use chrono::Utc;
use gumshoe_protocol::envelope::HEARTBEAT_TYPE;
use gumshoe_protocol::heartbeat::{HeartbeatReason, QueueState, SpoolState};
use std::time::{Duration, Instant};

impl Warden {
    pub(super) fn send(&mut self, now: Instant) {
        let stuck = self
            .tender
            .courier()
            .is_some_and(|courier| self.mail.send(&mut self.spool, courier, now).is_err());
        if stuck {
            self.replace_courier("it does not read what it is told");
        }
    }

    pub(super) fn beat(&mut self, now: Instant) {
        if !self.mail.is_connected() || self.ending != Ending::No {
            return;
        }
        if let Some(reason) = self.pulse.wanted(now) {
            self.send_heartbeat(reason, now);
        }
    }

    pub(super) fn send_heartbeat(&mut self, reason: HeartbeatReason, now: Instant) {
        self.look(now);
        let mut profile = Profile::of(self.settings.host.clone(), &self.settings.config);
        profile.blind_spots.extend(self.configuration_problem.clone());
        let interval = Duration::from_millis(self.settings.config.heartbeat.interval.milliseconds());
        let sequence = match self.ledger.number() {
            Ok(sequence) => sequence,
            Err(error) => {
                self.log
                    .error("a heartbeat could not be numbered", &[("why", &chain(&error))]);
                self.pulse.sent(reason, profile, now, interval);
                return;
            }
        };
        let (running, waiting) = self.works.operations();
        let moment = Moment {
            sequence,
            sent: Utc::now(),
            reason,
            queue: QueueState { running, waiting },
            spool: self.spool_state(),
            interval,
        };
        let beat = heartbeat(self.ledger.identity(), profile.clone(), moment);
        let envelope = self
            .ledger
            .identity()
            .key
            .seal(HEARTBEAT_TYPE, beat.to_payload())
            .to_json();
        let sent = self
            .tender
            .courier()
            .map(|courier| self.mail.heartbeat(courier, sequence, envelope.into_bytes()));
        match sent {
            Some(Ok(true)) => {
                self.heartbeat_sent = Some(moment.sent);
                self.pulse.sent(reason, profile, now, interval);
            }
            Some(Ok(false)) | None => {}
            Some(Err(_)) => self.replace_courier("it does not read what it is told"),
        }
    }

    pub(super) fn spool_state(&self) -> SpoolState {
        SpoolState {
            reports: self.spool.len() as u64,
            bytes: self.spool.bytes(),
            lost: self.spool.lost(),
        }
    }
}
