//! How many hosts are how far, counted from the rows.

use super::{Outcome, TargetState};
use crate::database::Store;
use crate::error::StoreError;
use crate::sql::Columns;
use gumshoe_protocol::{ActionId, Timestamp};
use serde::Serialize;
use sqlx::any::AnyRow;
use std::collections::BTreeMap;

/// How many hosts are how far with one action.
///
/// `targeted` and `unselected` add up to all hosts, and so do `waiting`, `running`, `answered`, `refused`,
/// `not_target`, `interrupted`, `timed_out`, `expired` and `never_reached`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Hosts that were selected by the target.
    pub targeted: u64,
    /// Hosts that were not selected and sent a message all the same: where the action went to every agent.
    pub unselected: u64,
    /// Selected hosts that it was sent to: the relay has confirmed that it keeps it for them.
    pub sent: u64,
    /// Hosts that it was delivered to: they have said something about it, whatever that was; unselected ones are among them.
    pub delivered: u64,
    /// Hosts that have not been heard of.
    pub waiting: u64,
    /// Hosts that run it.
    pub running: u64,
    /// Hosts that have reported every operation.
    pub answered: u64,
    /// Hosts where something was found, also while they still run.
    pub found: u64,
    /// Hosts that looked at everything and found nothing.
    pub nothing: u64,
    /// Hosts that found nothing and did not look at everything, interrupted ones among them.
    pub incomplete: u64,
    /// Hosts that found nothing and where an operation failed.
    pub failed: u64,
    /// Hosts that did not obey.
    pub refused: u64,
    /// These, by code.
    pub refused_by_code: BTreeMap<String, u64>,
    /// Hosts that found that they are not meant.
    pub not_target: u64,
    /// Hosts whose agent ended while the action ran.
    pub interrupted: u64,
    /// Hosts that began and did not finish in the window.
    pub timed_out: u64,
    /// Hosts that were there and did not begin in the window.
    pub expired: u64,
    /// Hosts that were not there in the whole window.
    pub never_reached: u64,
    /// Findings of all hosts.
    pub findings: u64,
    /// When the last host finished of which not every report is there: where several schedulers take reports, the last message
    /// can be stored before those that were sent before it.
    pub unreported_since: Option<Timestamp>,
}

impl Counters {
    /// Whether no host is waited for any more.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.waiting == 0 && self.running == 0
    }

    /// Adds a group of hosts that are alike.
    fn add(&mut self, row: &AnyRow) -> Result<(), StoreError> {
        let hosts = row.count("hosts")?;
        if row.flag("selected")? {
            self.targeted += hosts;
        } else {
            self.unselected += hosts;
        }
        if row.flag("was_sent")? {
            self.sent += hosts;
        }
        if row.flag("was_delivered")? {
            self.delivered += hosts;
        }
        self.findings = self.findings.saturating_add(row.count("all_findings")?);
        self.unreported_since = self.unreported_since.max(row.maybe_time("unreported_since")?);
        *self.state(row.word("state")?) += hosts;
        if let Some(outcome) = row.maybe_word("outcome")? {
            *self.outcome(outcome) += hosts;
        }
        if row.word::<TargetState>("state")? == TargetState::Refused {
            let code = row.maybe_text("code")?.unwrap_or_default();
            *self.refused_by_code.entry(code).or_default() += hosts;
        }
        Ok(())
    }

    fn state(&mut self, state: TargetState) -> &mut u64 {
        match state {
            TargetState::Targeted => &mut self.waiting,
            TargetState::Running => &mut self.running,
            TargetState::Answered => &mut self.answered,
            TargetState::Refused => &mut self.refused,
            TargetState::NotTarget => &mut self.not_target,
            TargetState::Interrupted => &mut self.interrupted,
            TargetState::TimedOut => &mut self.timed_out,
            TargetState::Expired => &mut self.expired,
            TargetState::NeverReached => &mut self.never_reached,
        }
    }

    fn outcome(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Found => &mut self.found,
            Outcome::Nothing => &mut self.nothing,
            Outcome::Incomplete => &mut self.incomplete,
            Outcome::Failed => &mut self.failed,
        }
    }
}

impl Store {
    /// How many hosts are how far with an action; all 0 if there is no such action.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn counters(&self, action: ActionId) -> Result<Counters, StoreError> {
        let rows = sqlx::query(
            "SELECT state, outcome, selected, code, CASE WHEN published IS NULL THEN 0 ELSE 1 END AS was_sent,
             CASE WHEN delivered IS NULL THEN 0 ELSE 1 END AS was_delivered,
             COUNT(*) AS hosts, CAST(SUM(findings) AS BIGINT) AS all_findings,
             CAST(MAX(CASE WHEN state = 'answered' AND reported < operations THEN ended END) AS BIGINT)
             AS unreported_since
             FROM targets WHERE action = $1 GROUP BY 1, 2, 3, 4, 5, 6",
        )
        .bind(action.as_bytes().to_vec())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::doing("count an action's hosts"))?;
        let mut counters = Counters::default();
        rows.iter().try_for_each(|row| counters.add(row))?;
        Ok(counters)
    }
}
