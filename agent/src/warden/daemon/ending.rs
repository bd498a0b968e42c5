//! A new configuration, the end, and what is told of both.

use super::*;

impl Warden {
    pub(super) fn reload(&mut self) {
        self.notify.reloading();
        match Settings::load(&self.options) {
            Ok(mut settings) => {
                settings.host = settings.host.named(self.ledger.identity().agent);
                settings.host.add_metadata(&self.metadata);
                let has_moved = settings.config.relay != self.settings.config.relay;
                self.settings = settings;
                self.configuration_problem = None;
                self.spool.limit(bounds(&self.settings.config));
                self.log.info("the configuration was read anew", &[]);
                if has_moved {
                    self.move_courier();
                }
                let profile = Profile::of(self.settings.host.clone(), &self.settings.config);
                self.pulse.consider(&profile);
            }
            Err(error) => {
                let why = chain(error.as_ref());
                self.log.error(
                    "the new configuration is refused; the old one stays in force",
                    &[("why", &why)],
                );
                self.configuration_problem = Some(format!("the configuration on disk is refused: {why}"));
            }
        }
        self.notify.ready();
    }

    /// The relay is another one, or is reached in another way.
    pub(super) fn move_courier(&mut self) {
        let agent = self.ledger.identity().agent;
        let Some(relay) = self.settings.config.relay.clone() else {
            return;
        };
        match configuration(&relay, &agent, self.settings.host.cloud, self.options.once) {
            Ok(told) => self.tell(ToCourier::Configure(Box::new(told))),
            Err(error) => self.log.error(
                "the courier cannot be told where the relay is",
                &[("why", &chain(&error))],
            ),
        }
    }

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

    pub(super) fn write_status(&mut self, now: Instant) {
        let mut writer = std::mem::replace(&mut self.status, status::Writer::new(now));
        let written = writer.write(self.ledger.folder(), now, || self.describe());
        self.status = writer;
        self.complain("the status could not be written", written);
    }

    pub(super) fn describe(&self) -> Status {
        Status {
            pid: std::process::id(),
            since: self.since,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            agent: self.ledger.identity().agent,
            relay: self.link.clone(),
            courier: self.tender.courier().map(crate::warden::courier::Courier::pid),
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
