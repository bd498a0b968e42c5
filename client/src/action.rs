//! Makes actions: an identifier that nobody can guess, a window, bounds.

use chrono::{TimeDelta, Utc};
use gumshoe_protocol::units::Duration;
use gumshoe_protocol::{
    Action, ActionError, ActionId, Cancel, Operation, PROTOCOL, RequestedLimits, Timestamp,
};

/// How long before now an action begins to be valid, so that hosts whose clocks are late take it at once.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);
/// How long an action is valid unless the user says otherwise.
const DEFAULT_VALIDITY: TimeDelta = TimeDelta::hours(1);
/// How long a title made of module names becomes.
const MAX_MODULES_IN_TITLE: usize = 5;

/// What an investigator has decided about an action.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// One line; made of the modules' names when absent.
    pub title: Option<String>,
    /// What it is for.
    pub purpose: String,
    /// Which hosts.
    pub target: String,
    /// How long it is valid from now on.
    pub validity: Option<Duration>,
    /// What is asked.
    pub operations: Vec<Operation>,
    /// How far each operation may go.
    pub limits: RequestedLimits,
    /// Tickets, links.
    pub references: Vec<String>,
}

/// Why no action could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MakeError {
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// The window ends beyond what a calendar has.
    #[error("the action would be valid for too long")]
    Validity,
    /// What was decided makes no action.
    #[error(transparent)]
    Action(#[from] ActionError),
}

impl Question {
    /// The action, with a new identifier and a window that begins a little before `now`.
    ///
    /// # Errors
    ///
    /// [`MakeError`].
    pub fn into_action(self, now: Timestamp) -> Result<Action, MakeError> {
        let validity = match self.validity {
            None => DEFAULT_VALIDITY,
            Some(length) => i64::try_from(length.milliseconds())
                .ok()
                .and_then(TimeDelta::try_milliseconds)
                .ok_or(MakeError::Validity)?,
        };
        let action = Action {
            protocol: PROTOCOL,
            id: new_id()?,
            name: self.title.unwrap_or_else(|| title(&self.operations)),
            description: self.purpose,
            target: self.target,
            not_before: whole_seconds(now - CLOCK_SKEW),
            expires: now
                .checked_add_signed(validity)
                .map(whole_seconds)
                .ok_or(MakeError::Validity)?,
            operations: self.operations,
            limits: self.limits,
            references: self.references,
        };
        action.check()?;
        Ok(action)
    }
}

/// The wish to stop an action.
#[must_use]
pub fn cancellation(action: ActionId, reason: &str) -> Cancel {
    Cancel {
        protocol: PROTOCOL,
        action,
        made: whole_seconds(Utc::now()),
        reason: reason.to_owned(),
    }
}

fn new_id() -> Result<ActionId, MakeError> {
    let mut bytes = [0; ActionId::BYTES];
    getrandom::fill(&mut bytes).map_err(MakeError::Random)?;
    Ok(ActionId::from_bytes(bytes))
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_timestamp(time.timestamp(), 0).unwrap_or(time)
}

/// Names of the modules that are asked.
fn title(operations: &[Operation]) -> String {
    let mut names: Vec<&str> = operations
        .iter()
        .map(|operation| operation.module.as_str())
        .collect();
    names.dedup();
    let more = names.len() > MAX_MODULES_IN_TITLE;
    names.truncate(MAX_MODULES_IN_TITLE);
    format!("{}{}", names.join(", "), if more { ", …" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question {
            target: "true".to_owned(),
            operations: vec![Operation {
                module: "file".to_owned(),
                params: serde_json::json!({}),
                limits: RequestedLimits::default(),
            }],
            ..Question::default()
        }
    }

    #[test]
    fn the_window_begins_before_now_and_ends_as_asked() {
        let now = "2026-01-02T03:04:05.678Z".parse().unwrap();
        let action = question().into_action(now).unwrap();
        assert_eq!(action.not_before.to_rfc3339(), "2026-01-02T02:59:05+00:00");
        assert_eq!(action.expires.to_rfc3339(), "2026-01-02T04:04:05+00:00");
        assert_eq!(action.name, "file");
        let longer = Question {
            validity: Some("2d".parse().unwrap()),
            ..question()
        };
        assert_eq!(
            longer.into_action(now).unwrap().expires.to_rfc3339(),
            "2026-01-04T03:04:05+00:00"
        );
    }

    #[test]
    fn identifiers_differ_and_nonsense_is_refused() {
        let now = Utc::now();
        let (a, b) = (
            question().into_action(now).unwrap(),
            question().into_action(now).unwrap(),
        );
        assert_ne!(a.id, b.id);
        assert_eq!(Action::parse(&a.to_payload()).unwrap(), a);
        let empty = Question {
            title: Some("nothing".to_owned()),
            operations: Vec::new(),
            ..question()
        };
        assert!(
            empty
                .into_action(now)
                .unwrap_err()
                .to_string()
                .contains("at least one")
        );
        let endless = Question {
            validity: Some("18446744073709551s".parse().unwrap()),
            ..question()
        };
        assert!(matches!(endless.into_action(now), Err(MakeError::Validity)));
    }
}
