//! Whether an agent obeys: one pure function of the message, the policy, the host's facts, the clock and what was seen before.
//!
//! The order is part of the design. What is cheap comes before what is dear, and nothing that a stranger can write is parsed
//! deeper than an envelope before its signatures have been verified:
//!
//! 1. size, then form of the envelope, then payload type;
//! 2. every signature, by an investigator of the policy;
//! 3. form of the action, strictly;
//! 4. the identifier: an action that was seen is not run again;
//! 5. the window;
//! 6. the target;
//! 7. a permission for every operation; one that is not permitted refuses the whole action.

use crate::Timestamp;
use crate::action::{Action, ActionError, Cancel, RequestedLimits};
use crate::bounds::ENVELOPE_BYTES;
use crate::envelope::{ACTION_TYPE, CANCEL_TYPE, Envelope, EnvelopeError};
use crate::facts::Facts;
use crate::ids::{ActionId, ContentDigest};
use crate::policy::{Investigator, Policy};
use crate::refusal::{Refusal, codes};
use gumshoe_expression::{Expression, Variables};
use gumshoe_openpgp::Fingerprint;

/// What an agent remembers of the actions that it accepted.
pub trait Seen {
    /// The record of this action, where there is one.
    fn look_up(&self, id: &ActionId) -> Option<Record>;

    /// The latest end among the windows of records that were forgotten: what ends by then may have run already.
    fn horizon(&self) -> Timestamp;

    /// The latest beginning of an accepted action's window: signed evidence that it is at least that late.
    fn floor(&self) -> Timestamp;
}

/// What is remembered of one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// SHA-256 of its payload.
    pub digest: ContentDigest,
}

/// What an agent does with a message, and why.
#[derive(Debug)]
pub struct Decision {
    /// SHA-256 of the payload; of the message, where it is no envelope.
    pub digest: ContentDigest,
    /// Who signed, once that is verified.
    pub signers: Vec<Signer>,
    /// Which action it is about, once that is known.
    pub action: Option<ActionId>,
    /// What the action is called.
    pub name: Option<String>,
    /// What to do.
    pub verdict: Verdict,
}

/// Somebody whose signature was verified.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Signer {
    /// What the policy calls them.
    pub name: String,
    /// Fingerprint of their primary key.
    pub fingerprint: Fingerprint,
}

/// What to do with a message.
#[derive(Debug)]
pub enum Verdict {
    /// Record the action, then run it.
    Run(Box<Accepted>),
    /// Stop an action.
    Cancel(Cancel),
    /// It was accepted before: delivered twice.
    Repeated,
    /// This host is not meant; or the target cannot be evaluated here, and why.
    NotTarget(Option<Refusal>),
    /// Do nothing.
    Refused(Refusal),
}

/// An action to run.
#[derive(Debug)]
pub struct Accepted {
    /// The action.
    pub action: Action,
    /// Limits of each operation: the smaller of what is asked for and what the policy caps.
    pub limits: Vec<RequestedLimits>,
    /// Until when the action has to be remembered.
    pub record_until: Timestamp,
    /// The clock is behind what accepted actions prove the time to be.
    pub clock_is_behind: bool,
}

/// Decides about a message from outside.
///
/// Cost: linear in the message for anything that is not signed by an investigator; see the order above.
#[must_use]
pub fn decide(message: &[u8], policy: &Policy, facts: &Facts, now: Timestamp, seen: &dyn Seen) -> Decision {
    let mut decision = Decision {
        digest: ContentDigest::from_bytes([0; ContentDigest::BYTES]),
        signers: Vec::new(),
        action: None,
        name: None,
        verdict: Verdict::Repeated,
    };
    decision.verdict = match open(message) {
        Ok(envelope) => {
            decision.digest = ContentDigest::of(&envelope.payload);
            judge(&envelope, policy, facts, now, seen, &mut decision).unwrap_or_else(Verdict::Refused)
        }
        Err(refusal) => {
            decision.digest = ContentDigest::of(message);
            Verdict::Refused(refusal)
        }
    };
    decision
}

/// Step 1.
fn open(message: &[u8]) -> Result<Envelope, Refusal> {
    let envelope = Envelope::parse(message, ENVELOPE_BYTES).map_err(|error| match error {
        EnvelopeError::Size { .. } => Refusal::by(codes::ENVELOPE_SIZE, &error),
        _ => Refusal::by(codes::ENVELOPE_FORM, &error),
    })?;
    if ![ACTION_TYPE, CANCEL_TYPE].contains(&envelope.payload_type.as_str()) {
        let message = format!(
            "the payload type is {:?}, agents obey {ACTION_TYPE:?}",
            envelope.payload_type
        );
        return Err(Refusal::new(codes::PAYLOAD_TYPE, message));
    }
    Ok(envelope)
}

/// Steps 2 to 7.
fn judge(
    envelope: &Envelope,
    policy: &Policy,
    facts: &Facts,
    now: Timestamp,
    seen: &dyn Seen,
    decision: &mut Decision,
) -> Result<Verdict, Refusal> {
    let time = Believed::of(now, policy, seen);
    let signers = policy.verify(envelope, time.now)?;
    decision.signers = signers.iter().map(|&signer| Signer::from(signer)).collect();
    if envelope.payload_type == CANCEL_TYPE {
        let cancel = Cancel::parse(&envelope.payload).map_err(malformed)?;
        decision.action = Some(cancel.action);
        return fresh(&cancel, policy, time.now).map(|()| Verdict::Cancel(cancel));
    }
    let action = Action::parse(&envelope.payload).map_err(malformed)?;
    decision.action = Some(action.id);
    decision.name = Some(action.name.clone());
    if let Some(record) = seen.look_up(&action.id) {
        return repeated(&action, record, decision.digest);
    }
    in_window(&action, policy, time, seen)?;
    match is_target(&action, facts) {
        Ok(true) => {}
        Ok(false) => return Ok(Verdict::NotTarget(None)),
        Err(refusal) => return Ok(Verdict::NotTarget(Some(refusal))),
    }
    let limits = permitted(&action, policy, &signers)?;
    Ok(Verdict::Run(Box::new(Accepted {
        record_until: action.expires + policy.tolerance,
        action,
        limits,
        clock_is_behind: time.is_behind,
    })))
}

fn malformed(error: ActionError) -> Refusal {
    let code = match error {
        ActionError::Protocol { .. } => codes::PROTOCOL_VERSION,
        ActionError::Window { .. } => codes::WINDOW,
        _ => codes::ACTION_FORM,
    };
    Refusal::by(code, &error)
}

fn repeated(action: &Action, record: Record, digest: ContentDigest) -> Result<Verdict, Refusal> {
    if record.digest == digest {
        return Ok(Verdict::Repeated);
    }
    let message = format!(
        "the identifier {} was used before for another content (SHA-256 {}); make a new action",
        action.id, record.digest
    );
    Err(Refusal::new(codes::ID_REUSED, message))
}

/// What time it is, as far as the clock can be believed: keys, signatures and windows are judged by it.
///
/// A clock that was set back is not believed beyond the beginning of the newest window that was accepted, which investigators
/// signed: otherwise keys that have expired would count again.
#[derive(Debug, Clone, Copy)]
struct Believed {
    now: Timestamp,
    clock: Timestamp,
    /// The clock is behind what accepted actions prove the time to be.
    is_behind: bool,
}

impl Believed {
    fn of(clock: Timestamp, policy: &Policy, seen: &dyn Seen) -> Self {
        let is_behind = clock < seen.floor() - policy.tolerance;
        Self {
            now: if is_behind { seen.floor() } else { clock },
            clock,
            is_behind,
        }
    }
}

/// Judges the window.
///
/// A clock that was set forward and back forgets nothing: records are forgotten by the ends of their windows, and what ends
/// before the horizon is refused whatever the clock says.
fn in_window(action: &Action, policy: &Policy, time: Believed, seen: &dyn Seen) -> Result<(), Refusal> {
    let Believed {
        now,
        clock,
        is_behind,
    } = time;
    let told = if is_behind {
        format!("this host's clock says {clock}, which is too early; judged at {now}")
    } else {
        format!("this host's clock says {clock}")
    };
    let refused = |code, message: String| Err(Refusal::new(code, format!("{message}; {told}")));
    let length = action.expires - action.not_before;
    if length > policy.longest_window {
        let (have, most) = (length.num_minutes(), policy.longest_window.num_minutes());
        return refused(
            codes::WINDOW_TOO_LONG,
            format!("the window is {have} minutes long, this host's policy allows {most}"),
        );
    }
    if now + policy.tolerance < action.not_before {
        let message = format!("the action is valid from {}", action.not_before);
        return refused(codes::NOT_YET_VALID, message);
    }
    if now - policy.tolerance >= action.expires {
        return refused(
            codes::EXPIRED,
            format!("the action was valid until {}", action.expires),
        );
    }
    if action.expires <= seen.horizon() {
        let message = format!(
            "the action was valid until {}, and this agent has forgotten what it ran up to {}",
            action.expires,
            seen.horizon()
        );
        return refused(codes::FORGOTTEN, message);
    }
    Ok(())
}

/// A cancellation is as good as new within the longest window: there is nothing later to stop.
fn fresh(cancel: &Cancel, policy: &Policy, now: Timestamp) -> Result<(), Refusal> {
    if now + policy.tolerance < cancel.made {
        let message = format!("the cancellation was made at {}, it is {now}", cancel.made);
        return Err(Refusal::new(codes::NOT_YET_VALID, message));
    }
    if now - policy.tolerance - policy.longest_window > cancel.made {
        let message = format!("the cancellation was made at {}, it is {now}", cancel.made);
        return Err(Refusal::new(codes::EXPIRED, message));
    }
    Ok(())
}

/// Whether an action's target is this host.
///
/// # Errors
///
/// A refusal that says what is wrong with the expression, or why it cannot be evaluated here. Such a host is not a target.
pub fn is_target(action: &Action, facts: &Facts) -> Result<bool, Refusal> {
    let refused = |code: &str, error: &dyn std::error::Error| {
        let message = Refusal::by(codes::TARGET, error).message;
        Refusal::new(codes::TARGET, format!("[{code}] {message}"))
    };
    let expression = Expression::parse(&action.target).map_err(|error| refused(error.code(), &error))?;
    let variables = Variables::new(facts.to_variables()).map_err(|error| refused("facts", &error))?;
    expression
        .evaluate(&variables)
        .map_err(|error| refused(error.code(), &error))
}

/// The limits of every operation, if all of them are permitted.
fn permitted(
    action: &Action,
    policy: &Policy,
    signers: &[&Investigator],
) -> Result<Vec<RequestedLimits>, Refusal> {
    let limits = |(index, operation): (usize, &crate::Operation)| {
        policy
            .permit(action, operation, signers)
            .map_err(|refusal| Refusal {
                message: format!("operations[{index}]: {}", refusal.message),
                ..refusal
            })?;
        Ok(policy.capped(&operation.limits.or(&action.limits)))
    };
    action.operations.iter().enumerate().map(limits).collect()
}

impl From<&Investigator> for Signer {
    fn from(investigator: &Investigator) -> Self {
        Self {
            name: investigator.name.clone(),
            fingerprint: *investigator.certificate.fingerprint(),
        }
    }
}
