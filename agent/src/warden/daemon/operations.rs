//! Operations and actions that end, and what is reported of them.

use super::Warden;
use crate::obey::{Body, Ended};
use crate::terminal::chain;
use chrono::Utc;
use gumshoe_protocol::{ActionId, ContentDigest};

impl Warden {
    pub(super) fn operation(&mut self, action: ActionId, ended: Ended) {
        let Some(running) = self.works.running_mut(&action) else {
            return;
        };
        running.done += 1;
        running.sum.add(&ended.report);
        let (digest, of, index) = (running.digest, running.operations, ended.index);
        let logged = self.ledger.log_operation(action, &ended, Utc::now());
        self.complain("an operation could not be written to the host log", logged);
        let body = Body::Operation {
            index,
            of,
            report: Box::new(ended.report),
        };
        if self.report((Some(action), digest), body) {
            let done = self.ledger.done(action, index);
            self.complain("that a report is safe could not be recorded", done);
        }
    }

    pub(super) fn over(&mut self, action: ActionId) {
        let Some(running) = self.works.take(&action) else {
            return;
        };
        let now = Utc::now();
        let finished = Body::Finished {
            started: running.accepted,
            finished: now,
            operations: running.operations,
            found: running.sum.found,
            complete: running.sum.complete,
        };
        self.report((Some(action), running.digest), finished);
        let ended = self.ledger.finish(action, running.accepted, now);
        self.complain("the end of an action could not be recorded", ended);
        self.log
            .info("finished", &[("action", &action), ("found", &running.sum.found)]);
    }

    /// Puts a report into the spool; says whether it is on disk.
    pub(super) fn report(&mut self, about: (Option<ActionId>, ContentDigest), body: Body) -> bool {
        let report = match self.ledger.message(about, Utc::now(), body) {
            Ok(report) => report,
            Err(error) => {
                self.log.error("a report was lost", &[("why", &chain(&error))]);
                return false;
            }
        };
        if matches!(report.body, Body::Finished { .. }) {
            self.mail.hold_back(report.sequence);
        }
        let envelope = self.ledger.seal(&report).to_json();
        let lost = self.spool.lost();
        let is_safe = self.spool.put(report.sequence, envelope.as_bytes());
        if !is_safe {
            self.log.error(
                "a report could not be written to disk: it waits in memory",
                &[("number", &report.sequence)],
            );
        }
        if self.spool.lost() > lost {
            self.log.error(
                "the spool is full: its oldest reports were dropped",
                &[("lost", &self.spool.lost())],
            );
        }
        is_safe
    }
}
