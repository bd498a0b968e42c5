//! What `gumshoe-agent status` shows.

use super::Warden;
use crate::warden::courier::Courier;
use crate::warden::status::{self, Status};
use std::time::Instant;

impl Warden {
    pub(super) fn write_status(&mut self, now: Instant) {
        let mut writer = std::mem::replace(&mut self.status, status::Writer::new(now));
        let written = writer.write(self.ledger.folder(), now, || self.describe());
        self.status = writer;
        self.complain("the status could not be written", written);
    }

    fn describe(&self) -> Status {
        Status {
            pid: std::process::id(),
            since: self.since,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            agent: self.ledger.identity().agent,
            relay: self.link.clone(),
            courier: self.tender.courier().map(Courier::pid),
            courier_restarts: self.tender.restarts(),
            running: (self.works.running())
                .map(|(id, running)| status::Action {
                    action: *id,
                    name: running.name.clone(),
                    signers: running.signers.clone(),
                    operations: running.operations,
                    done: running.done,
                    accepted: running.accepted,
                })
                .collect(),
            waiting: self.works.waiting() as u64,
            spool: self.spool_state(),
            heartbeat: self.heartbeat_sent,
            decisions: self.decisions.all().clone(),
            blind_spots: self.settings.host.problems.clone(),
            configuration_problem: self.configuration_problem.clone(),
        }
    }
}
