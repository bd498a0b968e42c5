//! What is kept for how long. Nothing grows without bound, and nothing is removed that anybody still waits for.

use crate::audit;
use crate::database::{Database, Store};
use crate::error::StoreError;
use crate::sql::{Columns, Statement};
use gumshoe_protocol::{ActionId, Timestamp};
use serde::Serialize;
use std::time::Duration;

/// How long things are kept. `None` keeps them for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Reports, after they came. Their targets, with outcome and counts, stay as long as the action.
    pub reports: Option<Duration>,
    /// Actions with everything that belongs to them, after they ended; drafts after they were stored.
    pub actions: Option<Duration>,
    /// Agents that nobody heard of, and that are part of no stored action. Rejected ones are kept: they would come back.
    pub silent_agents: Option<Duration>,
    /// Entries of the audit log.
    pub audit: Option<Duration>,
    /// Tokens, after they expired or were revoked.
    pub tokens: Option<Duration>,
    /// Events that nobody took, after they happened.
    pub events: Option<Duration>,
}

/// Days, as durations are kept.
const fn days(count: u64) -> Option<Duration> {
    Some(Duration::from_secs(count * 24 * 60 * 60))
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            reports: days(90),
            actions: days(365),
            silent_agents: days(180),
            audit: None,
            tokens: days(30),
            events: days(7),
        }
    }
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Reports.
    pub reports: u64,
    /// Targets of removed actions.
    pub targets: u64,
    /// Actions.
    pub actions: u64,
    /// Agents.
    pub agents: u64,
    /// Entries of the audit log.
    pub audit: u64,
    /// Tokens.
    pub tokens: u64,
    /// Events.
    pub events: u64,
    /// Challenges and leases that had expired.
    pub expired: u64,
    /// Whether there is more to remove: the call had reached its limit.
    pub more: bool,
}

/// How many rows one transaction removes: others wait for no longer than that takes.
const ROWS: u32 = 500;
/// Pages that SQLite gives back to the file system at once.
const FREE_PAGES: &str = "PRAGMA incremental_vacuum(2000)";

/// A statement that removes rows that are older than a time, or of an action, up to [`ROWS`].
struct Rule {
    /// Everything up to the time or action.
    before: &'static str,
    /// Everything from there to the number of rows.
    after: &'static str,
}

const REPORTS: Rule = Rule {
    before: "DELETE FROM reports WHERE number IN (SELECT number FROM reports WHERE received < ",
    after: " ORDER BY received LIMIT ",
};
const AGENTS: Rule = Rule {
    before: "DELETE FROM agents WHERE state <> 'rejected' AND id IN (SELECT id FROM agents WHERE last_seen < ",
    after: " AND state <> 'rejected' AND NOT EXISTS (SELECT 1 FROM targets WHERE agent = agents.id) LIMIT ",
};
const TOKENS: Rule = Rule {
    before: "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE COALESCE(revoked, expires) < ",
    after: " LIMIT ",
};
const EVENTS: Rule = Rule {
    before: "DELETE FROM events WHERE number IN (SELECT number FROM events WHERE time < ",
    after: " LIMIT ",
};
const CHALLENGES: Rule = Rule {
    before: "DELETE FROM challenges WHERE nonce IN (SELECT nonce FROM challenges WHERE expires < ",
    after: " LIMIT ",
};
const LEASES: Rule = Rule {
    before: "DELETE FROM leases WHERE name IN (SELECT name FROM leases WHERE expires < ",
    after: " LIMIT ",
};

const REPORTS_OF_ACTION: Rule = Rule {
    before: "DELETE FROM reports WHERE number IN (SELECT number FROM reports WHERE action = ",
    after: " LIMIT ",
};
const TARGETS_OF_ACTION: Rule = Rule {
    before: "DELETE FROM targets WHERE (action, agent) IN (SELECT action, agent FROM targets WHERE action = ",
    after: " LIMIT ",
};

/// What rows are chosen by.
#[derive(Clone, Copy)]
enum Limit {
    Time(Timestamp),
    Action(ActionId),
}

/// One call's work: what it may still do, and what it has done.
struct Sweep<'a> {
    store: &'a Store,
    now: Timestamp,
    transactions: u32,
}

impl Store {
    /// Removes what is older than `retention` allows, in transactions of a few hundred rows, at most `transactions` of them.
    ///
    /// Idempotent; a call that is interrupted has removed what it has removed.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn remove_old(
        &self,
        retention: &Retention,
        now: Timestamp,
        transactions: u32,
    ) -> Result<Removed, StoreError> {
        let mut sweep = Sweep {
            store: self,
            now,
            transactions,
        };
        let mut removed = Removed {
            reports: sweep.run(&REPORTS, retention.reports).await?,
            ..Removed::default()
        };
        sweep.actions(retention.actions, &mut removed).await?;
        removed.agents = sweep.run(&AGENTS, retention.silent_agents).await?;
        removed.audit = sweep.audit(retention.audit).await?;
        removed.tokens = sweep.run(&TOKENS, retention.tokens).await?;
        removed.events = sweep.run(&EVENTS, retention.events).await?;
        let expired = Some(Duration::ZERO);
        removed.expired = sweep.run(&CHALLENGES, expired).await? + sweep.run(&LEASES, expired).await?;
        removed.more = sweep.transactions == 0;
        if self.database() == Database::Sqlite {
            let doing = StoreError::doing("give room back to the file system");
            sqlx::raw_sql(FREE_PAGES)
                .execute(self.writer())
                .await
                .map_err(doing)?;
        }
        Ok(removed)
    }
}

impl Sweep<'_> {
    /// The time before which things are too old; `None` where they are kept for ever.
    fn limit(&self, kept: Option<Duration>) -> Option<Timestamp> {
        let kept = chrono::TimeDelta::from_std(kept?).ok()?;
        self.now.checked_sub_signed(kept)
    }

    /// Whether another portion is to be removed, after one of `rows` rows; what removed nothing was no work.
    fn goes_on(&mut self, rows: u64) -> bool {
        if rows > 0 {
            self.transactions = self.transactions.saturating_sub(1);
        }
        rows >= u64::from(ROWS) && self.transactions > 0
    }

    async fn run(&mut self, rule: &Rule, kept: Option<Duration>) -> Result<u64, StoreError> {
        match self.limit(kept) {
            Some(limit) => self.portions(rule, Limit::Time(limit)).await,
            None => Ok(0),
        }
    }

    /// Removes what is too old by a rule, portion by portion.
    async fn portions(&mut self, rule: &Rule, limit: Limit) -> Result<u64, StoreError> {
        let mut removed = 0;
        let mut more = self.transactions > 0;
        while more {
            let mut statement = Statement::new(rule.before);
            match limit {
                Limit::Time(time) => statement.bind(time),
                Limit::Action(action) => statement.bind(action),
            };
            statement.push(rule.after).bind(ROWS).push(")");
            let rows = self.store.execute(statement, "remove old rows").await?;
            removed += rows;
            more = self.goes_on(rows);
        }
        Ok(removed)
    }

    async fn audit(&mut self, kept: Option<Duration>) -> Result<u64, StoreError> {
        let Some(limit) = self.limit(kept) else {
            return Ok(0);
        };
        let mut removed = 0;
        let mut more = self.transactions > 0;
        while more {
            let rows = audit::remove_before(self.store, limit, ROWS).await?;
            removed += rows;
            more = self.goes_on(rows);
        }
        Ok(removed)
    }

    /// Removes actions, oldest first: their reports, their targets, then what else belongs to them.
    async fn actions(&mut self, kept: Option<Duration>, removed: &mut Removed) -> Result<(), StoreError> {
        let Some(limit) = self.limit(kept) else {
            return Ok(());
        };
        for action in self.store.old_actions(limit, self.transactions.min(ROWS)).await? {
            removed.reports += self.portions(&REPORTS_OF_ACTION, Limit::Action(action)).await?;
            removed.targets += self.portions(&TARGETS_OF_ACTION, Limit::Action(action)).await?;
            if self.transactions == 0 {
                break;
            }
            self.store.remove_empty_action(action).await?;
            removed.actions += 1;
            self.transactions -= 1;
        }
        Ok(())
    }
}

impl Store {
    /// Actions that ended before `limit`, and drafts that were stored before it.
    async fn old_actions(&self, limit: Timestamp, rows: u32) -> Result<Vec<ActionId>, StoreError> {
        let mut statement = Statement::new("SELECT id FROM actions WHERE ended < ");
        statement.bind(limit);
        statement.push(" OR (state = 'draft' AND created < ").bind(limit);
        statement.push(") ORDER BY created LIMIT ").bind(rows);
        let rows = self.fetch(statement, "list old actions").await?;
        rows.iter().map(|row| row.action("id")).collect()
    }

    /// Removes an action whose reports and targets are gone. A report that came meanwhile makes this fail, for now.
    async fn remove_empty_action(&self, action: ActionId) -> Result<(), StoreError> {
        let doing = StoreError::doing("remove an old action");
        let mut transaction = self.begin("remove an old action").await?;
        for table in [
            "DELETE FROM action_envelopes WHERE action = ",
            "DELETE FROM action_signers WHERE action = ",
            "DELETE FROM actions WHERE id = ",
        ] {
            let mut statement = Statement::new(table);
            statement.bind(action);
            statement
                .execute(&mut transaction, "remove an old action")
                .await?;
        }
        transaction.commit().await.map_err(doing)
    }
}
