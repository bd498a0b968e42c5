//! Everything that an agent remembers, in one hand: who it is, what it accepted, what it told the owner.

use super::flood::{Counted, Flood};
use super::{Body, HostReport};
use crate::state::durable::Sync;
use crate::state::host_log::{self, Event, HostLog, LogError};
use crate::state::identity::{Identity, IdentityError, Machine, Origin};
use crate::state::journal::{Entry, Journal, LoadError, RecordError};
use crate::state::sequence::Sequence;
use crate::state::{StateError, StateFolder};
use crate::terminal::chain;
use gumshoe_protocol::decide::{self, Decision, Verdict, decide};
use gumshoe_protocol::envelope::REPORT_TYPE;
use gumshoe_protocol::policy::Policy;
use gumshoe_protocol::{
    Action, ActionId, Cancel, ContentDigest, Envelope, Facts, Operation, Refusal, RequestedLimits, Timestamp,
};
use std::io;
use std::path::Path;
use std::time::Instant;

use super::run::Ended;

/// The code of an action that was not run because it could not be recorded.
const NOT_RECORDED: &str = "not-recorded";

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] StateError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] LoadError),
    /// The report key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The host log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The numbers of messages.
    #[error("failed to use the file with the number of messages")]
    Sequence(#[source] io::Error),
    /// The journal cannot be tidied.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Why something could not be remembered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// In the host log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// In the journal.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The number of a message.
    #[error("failed to number a message")]
    Sequence(#[source] io::Error),
}

/// Everything that an agent remembers. One per process, for one thread.
pub struct Ledger {
    identity: Identity,
    journal: Journal,
    log: HostLog,
    flood: Flood,
    sequence: Sequence,
    hostname: String,
    folder: StateFolder,
}

/// What the start brought to light, besides the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Whether the identity is new, or this is a copy.
    pub origin: Origin,
    /// Bytes of a record that was not written to its end; it never counted.
    pub torn: u64,
}

/// An action to run.
#[derive(Debug)]
pub struct Work {
    /// Its identifier.
    pub id: ActionId,
    /// SHA-256 of its payload.
    pub digest: ContentDigest,
    /// What people call it.
    pub name: String,
    /// Names of those whose signatures count.
    pub signers: Vec<String>,
    /// What is asked.
    pub operations: Vec<Asked>,
    /// When it was accepted.
    pub accepted: Timestamp,
}

/// One operation with its limits.
#[derive(Debug)]
pub struct Asked {
    /// The operation.
    pub operation: Operation,
    /// What the action asks for.
    pub asked: RequestedLimits,
    /// The same, capped by the policy.
    pub capped: RequestedLimits,
}

/// What came of a message.
#[derive(Debug)]
pub enum Received {
    /// It is recorded and has to be run.
    Run(Box<Work>),
    /// It stops an action. Where that could not be recorded for the future, `problem` says why.
    Cancel {
        /// The cancellation.
        cancel: Cancel,
        /// Why it was not recorded.
        problem: Option<Refusal>,
    },
    /// It was accepted before; what is known of it.
    Repeated(Box<Entry>),
    /// Nothing is to be done but to answer this.
    Answer(Box<Body>),
    /// One of very many that nobody known has signed: it is counted, and nothing is to be done.
    Counted,
}

impl Ledger {
    /// Opens, or makes, the state folder of an agent.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open(
        folder: &Path,
        machine: &Machine,
        hostname: String,
        now: Timestamp,
    ) -> Result<(Self, Opened), OpenError> {
        let folder = StateFolder::open(folder)?;
        let path = folder.path();
        // The journal before the identity: an identity without a journal means that one was lost.
        let (mut journal, torn) = Journal::open(path, !Identity::exists(path))?;
        journal.prune(now)?;
        let mut log = HostLog::open(path, now)?;
        let (identity, origin) = Identity::open(path, machine, now)?;
        if origin != Origin::Kept {
            let event = Event::Identity {
                agent: identity.agent,
                previous: identity.previous,
            };
            log.append(event, now, Sync::Now)?;
        }
        let sequence = Sequence::open(path).map_err(OpenError::Sequence)?;
        let mut ledger = Self {
            identity,
            journal,
            log,
            flood: Flood::default(),
            sequence,
            hostname,
            folder,
        };
        if origin == Origin::Copied {
            ledger.disown(now)?;
        }
        Ok((ledger, Opened { origin, torn }))
    }

    /// What the original was doing when it was copied is the original's to report.
    fn disown(&mut self, now: Timestamp) -> Result<(), OpenError> {
        for entry in self.journal.unfinished() {
            let message = format!(
                "the action {} was the original's; it is not run on this copy",
                entry.id
            );
            self.log.append(Event::Note { message }, now, Sync::Now)?;
            self.journal.end(entry.id)?;
        }
        Ok(())
    }

    /// Who this agent is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The folder that is held.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Actions that were accepted and did not come to their end.
    #[must_use]
    pub fn unfinished(&self) -> Vec<Entry> {
        self.journal.unfinished()
    }

    /// Decides about a message, and remembers the decision. What is to be run is on disk when this returns; where
    /// the decision cannot be logged, or the action not be recorded, it is refused.
    pub fn receive(
        &mut self,
        message: &[u8],
        policy: &Policy,
        facts: &Facts,
        now: Timestamp,
    ) -> (Received, Decision) {
        let mut decision = decide(message, policy, facts, now, &self.journal);
        let verdict = std::mem::replace(&mut decision.verdict, Verdict::Repeated);
        let verdict = self.unless_cancelled(verdict);
        let has_line = self.flood.admit(&decision, &verdict, Instant::now(), now);
        if !has_line && decision.signers.is_empty() {
            return (Received::Counted, decision);
        }
        let logged = if has_line {
            self.log.append(logged(&decision, &verdict), now, Sync::Now)
        } else {
            Ok(())
        };
        let received = match (verdict, logged) {
            (Verdict::Run(_), Err(error)) => refused(NOT_RECORDED, chain(&error)),
            (Verdict::Run(accepted), Ok(())) => self.accept(&decision, *accepted, now),
            (Verdict::Cancel(cancel), _) => self.cancel(cancel, policy, now),
            (Verdict::Repeated, _) => self.repeated(&decision),
            (Verdict::NotTarget(why), _) => answer(Body::NotTarget {
                code: why.as_ref().map(|why| why.code.clone()),
                message: why.map(|why| why.message),
            }),
            (Verdict::Refused(why), _) => refused(&why.code, why.message),
        };
        (received, decision)
    }

    /// When [`Self::log_counted`] has something to do.
    #[must_use]
    pub fn counted_due(&self) -> Option<Instant> {
        self.flood.due()
    }

    /// Writes to the host log how many messages had no line of their own, as far as their kinds have a line by now. Returns what was
    /// written; what could not be is tried again later.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Log`].
    pub fn log_counted(&mut self, now: Timestamp) -> Result<Vec<Counted>, LedgerError> {
        let instant = Instant::now();
        let counted = self.flood.take_due(instant);
        for (index, one) in counted.iter().enumerate() {
            if let Err(error) = self.append_counted(one, now) {
                let unwritten = counted.iter().skip(index).cloned();
                unwritten.for_each(|one| self.flood.put_back(one, instant));
                return Err(error.into());
            }
        }
        Ok(counted)
    }

    fn append_counted(&mut self, one: &Counted, now: Timestamp) -> Result<(), LogError> {
        let event = Event::Counted {
            verdict: one.verdict.to_owned(),
            code: one.code.clone(),
            signed: one.is_signed,
            count: one.count,
            since: one.since,
        };
        self.log.append(event, now, Sync::Later)
    }

    /// An action whose cancellation came first is refused.
    fn unless_cancelled(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Run(accepted) if self.journal.is_cancelled(&accepted.action.id) => {
                let message = "the action was cancelled before it arrived";
                Verdict::Refused(Refusal::new("cancelled", message))
            }
            other => other,
        }
    }

    fn accept(&mut self, decision: &Decision, accepted: decide::Accepted, now: Timestamp) -> Received {
        if let Err(error) = self.journal.accept(entry(&accepted, decision.digest, now), now) {
            let refusal = Refusal::new(error.code(), chain(&error));
            let answer = refused(error.code(), refusal.message.clone());
            // The disk may be full for the log too; the answer says what happened.
            let _ = self
                .log
                .append(logged(decision, &Verdict::Refused(refusal)), now, Sync::Now);
            return answer;
        }
        let Action {
            id,
            name,
            operations,
            limits,
            ..
        } = accepted.action;
        let operations = operations.into_iter().zip(accepted.limits);
        Received::Run(Box::new(Work {
            id,
            name,
            digest: decision.digest,
            signers: decision
                .signers
                .iter()
                .map(|signer| signer.name.clone())
                .collect(),
            operations: operations
                .map(|(operation, capped)| Asked {
                    asked: operation.limits.or(&limits),
                    operation,
                    capped,
                })
                .collect(),
            accepted: now,
        }))
    }

    fn cancel(&mut self, cancel: Cancel, policy: &Policy, now: Timestamp) -> Received {
        // No window that was signed by then can end later.
        let record_until = cancel.made + policy.longest_window * 2 + policy.tolerance;
        let recorded = self.journal.cancel(cancel.action, record_until, now);
        let problem = recorded
            .err()
            .map(|error| Refusal::new(error.code(), chain(&error)));
        Received::Cancel { cancel, problem }
    }

    fn repeated(&self, decision: &Decision) -> Received {
        let entry = decision.action.and_then(|id| self.journal.entry(&id).cloned());
        match entry {
            Some(entry) => Received::Repeated(Box::new(entry)),
            // The journal said so a moment ago.
            None => refused("repeated", "the action was accepted before".to_owned()),
        }
    }

    /// A message of this agent's, with the next number.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Sequence`].
    pub fn message(
        &mut self,
        about: (Option<ActionId>, ContentDigest),
        now: Timestamp,
        body: Body,
    ) -> Result<HostReport, LedgerError> {
        let mut report = HostReport::new(self.identity.agent, self.hostname.clone(), about, now, body);
        report.sequence = self.number()?;
        Ok(report)
    }

    /// The next number for a message.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Sequence`].
    pub fn number(&mut self) -> Result<u64, LedgerError> {
        self.sequence.draw().map_err(LedgerError::Sequence)
    }

    /// A message in its envelope, signed.
    #[must_use]
    pub fn seal(&self, report: &HostReport) -> Envelope {
        self.identity.key.seal(REPORT_TYPE, report.to_payload())
    }

    /// Writes to the host log how an operation ended. Call it before the report is handed on.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Log`].
    pub fn log_operation(&mut self, id: ActionId, ended: &Ended, now: Timestamp) -> Result<(), LedgerError> {
        let report = &ended.report;
        let event = Event::Operation {
            action: id,
            index: ended.index,
            module: report.module.clone(),
            status: format!("{:?}", report.status).to_lowercase(),
            duration_ms: report.statistics["duration_ms"].as_u64().unwrap_or(0),
            findings: report.findings.len() as u64,
            complete: report.coverage.complete,
            limits: ended.limits.clone(),
            refusal: report.refusal.as_ref().map(|refusal| refusal.code.clone()),
        };
        Ok(self.log.append(event, now, Sync::Later)?)
    }

    /// Records that the report of an operation is in safe hands.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Record`].
    pub fn done(&mut self, id: ActionId, index: u32) -> Result<(), LedgerError> {
        Ok(self.journal.done(id, index)?)
    }

    /// Records that everything about an action is in safe hands.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    pub fn finish(&mut self, id: ActionId, accepted: Timestamp, now: Timestamp) -> Result<(), LedgerError> {
        let event = Event::Finished {
            action: id,
            duration_ms: u64::try_from((now - accepted).num_milliseconds()).unwrap_or(0),
        };
        self.log.append(event, now, Sync::Now)?;
        Ok(self.journal.end(id)?)
    }

    /// Records that the interruption of an action has been reported.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    pub fn finish_interrupted(&mut self, entry: &Entry, now: Timestamp) -> Result<(), LedgerError> {
        let event = Event::Interrupted {
            action: entry.id,
            missing: entry.missing(),
        };
        self.log.append(event, now, Sync::Now)?;
        Ok(self.journal.end(entry.id)?)
    }

    /// Puts everything away. Not needed for safety: only numbers that were set aside, and what was counted, would be lost.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    pub fn close(&mut self, now: Timestamp) -> Result<(), LedgerError> {
        for one in self.flood.take_all() {
            self.append_counted(&one, now)?;
        }
        self.sequence.close().map_err(LedgerError::Sequence)
    }
}

impl decide::Seen for Journal {
    fn look_up(&self, id: &ActionId) -> Option<decide::Record> {
        self.digest(id).map(|digest| decide::Record { digest })
    }

    fn horizon(&self) -> Timestamp {
        Journal::horizon(self)
    }

    fn floor(&self) -> Timestamp {
        Journal::floor(self)
    }
}

fn entry(accepted: &decide::Accepted, digest: ContentDigest, now: Timestamp) -> Entry {
    let action = &accepted.action;
    Entry {
        id: action.id,
        digest,
        not_before: action.not_before,
        expires: action.expires,
        record_until: accepted.record_until,
        operations: u32::try_from(action.operations.len()).unwrap_or(u32::MAX),
        accepted: now,
        done: 0,
        ended: false,
    }
}

/// The decision as the host log tells it.
fn logged(decision: &Decision, verdict: &Verdict) -> Event {
    let (word, why) = match verdict {
        Verdict::Run(_) => ("run", None),
        Verdict::Cancel(_) => ("cancel", None),
        Verdict::Repeated => ("repeated", None),
        Verdict::NotTarget(why) => ("not-target", why.as_ref()),
        Verdict::Refused(why) => ("refused", Some(why)),
    };
    let action = match verdict {
        Verdict::Run(accepted) => Some(&accepted.action),
        _ => None,
    };
    Event::Decision {
        action: decision.action,
        name: decision.name.clone(),
        digest: decision.digest,
        signers: decision
            .signers
            .iter()
            .map(|signer| signer.name.clone())
            .collect(),
        verdict: word.to_owned(),
        code: why.map(|why| why.code.clone()),
        message: why.map(|why| why.message.clone()),
        target: action.map(|action| action.target.clone()),
        operations: action.map_or_else(Vec::new, |action| {
            action.operations.iter().map(host_log::Asked::from).collect()
        }),
    }
}

fn answer(body: Body) -> Received {
    Received::Answer(Box::new(body))
}

fn refused(code: &str, message: String) -> Received {
    answer(Body::Refused {
        code: code.to_owned(),
        message,
    })
}
