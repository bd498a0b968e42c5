//! Messages from the relay: decided, recorded, acknowledged.

use super::Warden;
use super::ending::Ending;
use crate::obey::{Body, Received};
use crate::terminal::chain;
use crate::warden::courier::Courier;
use crate::warden::inbox::Delivery;
use crate::warden::log::Field;
use crate::warden::status::Decided;
use chrono::Utc;
use gumshoe_link::ToCourier;
use gumshoe_protocol::decide::Decision;
use gumshoe_protocol::{ContentDigest, Timestamp};
use std::time::Instant;

impl Warden {
    /// Decides about what has arrived, as long as there is room for more work.
    pub(super) fn decide_held(&mut self) {
        while self.ending == Ending::No && self.works.has_room() {
            let Some(delivery) = self.inbox.take() else {
                return;
            };
            self.decide(&delivery);
            if self.tender.is_current(delivery.generation) {
                self.tell(ToCourier::Acknowledge { tag: delivery.tag });
            }
        }
    }

    pub(super) fn decide(&mut self, delivery: &Delivery) {
        let digest = ContentDigest::of(&delivery.bytes);
        if self.inbox.was_refused(&digest) {
            return;
        }
        self.look_again();
        let now = Utc::now();
        let (received, decision) = self.ledger.receive(
            &delivery.bytes,
            &self.settings.policy,
            &self.settings.host.facts,
            now,
        );
        if matches!(received, Received::Counted) {
            return self.inbox.remember(digest);
        }
        self.tell_decision(&decision, &received, now);
        match received {
            Received::Run(work) => {
                let started = Body::Started {
                    signers: work.signers.clone(),
                    operations: u32::try_from(work.operations.len()).unwrap_or(u32::MAX),
                };
                let about = (Some(work.id), work.digest);
                self.works.add(work, delivery.bytes.len());
                // Before the report is written: that takes the disk's time.
                let own = self.tender.courier().map(Courier::pid);
                let begun = self.works.start(&self.settings.config, own, &self.events);
                self.complain("no thread could be made for an action", begun);
                self.report(about, started);
            }
            Received::Cancel { cancel, problem } => {
                let is_here = self.works.stop(&cancel.action);
                self.log
                    .info("cancelled", &[("action", &cancel.action), ("was_here", &is_here)]);
                if let Some(problem) = problem {
                    self.log.error(
                        "a cancellation could not be recorded",
                        &[("why", &problem.message)],
                    );
                }
            }
            Received::Repeated(_) | Received::Counted => {}
            Received::Answer(body) => {
                if decision.signers.is_empty() {
                    self.inbox.remember(digest);
                }
                self.report((decision.action, decision.digest), *body);
            }
        }
    }

    pub(super) fn tell_decision(&mut self, decision: &Decision, received: &Received, now: Timestamp) {
        let verdict = match received {
            Received::Run(_) => "run".to_owned(),
            Received::Cancel { .. } => "cancel".to_owned(),
            Received::Repeated(_) => "repeated".to_owned(),
            Received::Counted => "counted".to_owned(),
            Received::Answer(body) => match body.as_ref() {
                Body::Refused { code, .. } => format!("refused [{code}]"),
                other => other.kind().to_owned(),
            },
        };
        let signers: Vec<String> = decision
            .signers
            .iter()
            .map(|signer| signer.name.clone())
            .collect();
        let action = decision
            .action
            .map_or_else(|| "-".to_owned(), |id| id.to_string());
        let name = decision.name.as_deref().unwrap_or("-");
        let fields: [Field<'_>; 4] = [
            ("action", &action),
            ("name", &name),
            ("signers", &signers.join(",")),
            ("verdict", &verdict),
        ];
        self.log.info("decided", &fields);
        self.decisions.add(Decided {
            time: now,
            action: decision.action,
            name: decision.name.clone(),
            signers,
            verdict,
        });
    }

    /// Tells how many messages were neither logged nor answered one by one.
    pub(super) fn tell_counted(&mut self, now: Instant) {
        if self.ledger.counted_due().is_none_or(|due| now < due) {
            return;
        }
        match self.ledger.log_counted(Utc::now()) {
            Ok(counted) => {
                for one in counted {
                    let code = one.code.as_deref().unwrap_or("-");
                    self.log.warning(
                        "messages came in such numbers that they are only counted",
                        &[("verdict", &one.verdict), ("code", &code), ("count", &one.count)],
                    );
                }
            }
            Err(error) => self.log.error(
                "what was counted could not be written to the host log",
                &[("why", &chain(&error))],
            ),
        }
    }
}
