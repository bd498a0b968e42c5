//! The end of the daemon: runners first, then what is on its way.

use super::Warden;
use gumshoe_protocol::heartbeat::HeartbeatReason;
use std::time::{Duration, Instant};

/// How long runners may take to end when the daemon stops, and then the relay to confirm what is on its way.
const STOP_TIME: Duration = Duration::from_secs(10);

/// When something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It does not.
    No,
    /// Runners are ending; at the latest then.
    Runners(Instant),
    /// What is on its way is waited for; at the latest until then.
    Mail(Instant),
}

impl Warden {
    pub(super) fn stop(&mut self) {
        if self.ending != Ending::No {
            return;
        }
        self.log
            .info("stopping", &[("waiting_actions", &self.works.waiting())]);
        self.notify.stopping();
        self.works.stop_all();
        self.inbox.forget();
        self.ending = Ending::Runners(Instant::now() + STOP_TIME);
    }

    /// One step towards the end, if there is to be one.
    pub(super) fn end(&mut self, now: Instant) {
        let is_done_once = self.options.once
            && self.ending == Ending::No
            && self.is_drained
            && self.inbox.is_empty()
            && self.works.is_idle()
            && self.spool.is_empty();
        if is_done_once {
            self.stop();
        }
        if let Ending::Runners(at) = self.ending
            && (self.works.is_still() || now >= at)
        {
            if self.mail.is_connected() {
                self.send_heartbeat(HeartbeatReason::Stop, now);
            }
            self.send(now);
            self.ending = Ending::Mail(now + STOP_TIME);
        }
    }

    pub(super) fn is_over(&self) -> bool {
        let Ending::Mail(at) = self.ending else {
            return false;
        };
        let is_sent = self.mail.is_idle() && self.spool.is_empty();
        !self.mail.is_connected() || is_sent || Instant::now() >= at
    }

    /// In check-in mode a relay that cannot be reached ends the visit.
    pub(super) fn give_up_once(&mut self, why: &str) {
        if self.options.once && self.ending == Ending::No {
            self.log.error("the check-in failed", &[("why", &why)]);
            self.has_failed = true;
            self.stop();
        }
    }
}
