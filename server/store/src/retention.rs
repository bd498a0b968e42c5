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

/// A statement that removes rows older than a time, up to [`ROWS`].
struct Rule {
    /// Everything up to the time.
    before: &'static str,
    /// Everything from there to the limit.
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

    /// Deletes at most [`ROWS`] rows in a transaction of their own.
    async fn delete(&self, statement: Statement) -> Result<u64, StoreError> {
        let done = statement.query().execute(self.writer()).await;
        let done = done.map_err(StoreError::doing("remove old rows"))?;
        Ok(done.rows_affected())
    }
}

impl Sweep<'_> {
    /// The time before which things are too old; `None` where they are kept for ever.
    fn limit(&self, kept: Option<Duration>) -> Option<Timestamp> {
        let kept = chrono::TimeDelta::from_std(kept?).ok()?;
        self.now.checked_sub_signed(kept)
    }

    /// Whether there may be one more transaction; counts it.
    fn may_go_on(&mut self) -> bool {
        let may = self.transactions > 0;
        self.transactions = self.transactions.saturating_sub(1);
        may
    }

    async fn run(&mut self, rule: &Rule, kept: Option<Duration>) -> Result<u64, StoreError> {
        let Some(limit) = self.limit(kept) else {
            return Ok(0);
        };
        let mut removed = 0;
        while self.may_go_on() {
            let mut statement = Statement::new(rule.before);
            statement.bind(limit).push(rule.after).bind(ROWS).push(")");
            let rows = self.store.delete(statement).await?;
            removed += rows;
            if rows < u64::from(ROWS) {
                break;
            }
        }
        Ok(removed)
    }

    async fn audit(&mut self, kept: Option<Duration>) -> Result<u64, StoreError> {
        let Some(limit) = self.limit(kept) else {
            return Ok(0);
        };
        let mut removed = 0;
        while self.may_go_on() {
            let rows = audit::remove_before(self.store, limit, ROWS).await?;
            removed += rows;
            if rows < u64::from(ROWS) {
                break;
            }
        }
        Ok(removed)
    }

    /// Removes actions, oldest first: their reports, their targets, then what else belongs to them.
    async fn actions(&mut self, kept: Option<Duration>, removed: &mut Removed) -> Result<(), StoreError> {
        let Some(limit) = self.limit(kept) else {
            return Ok(());
        };
        while self.may_go_on() {
            let old = self.store.old_actions(limit).await?;
            let all = old.len() < ROWS as usize;
            for action in old {
                if !self.action(action, removed).await? {
                    return Ok(());
                }
            }
            if all {
                break;
            }
        }
        Ok(())
    }

    /// Removes one action; false if the call's limit was reached before it was gone.
    async fn action(&mut self, action: ActionId, removed: &mut Removed) -> Result<bool, StoreError> {
        const REPORTS: Rule = Rule {
            before: "DELETE FROM reports WHERE number IN (SELECT number FROM reports WHERE action = ",
            after: " LIMIT ",
        };
        const TARGETS: Rule = Rule {
            before: "DELETE FROM targets WHERE (action, agent) IN (SELECT action, agent FROM targets WHERE action = ",
            after: " LIMIT ",
        };
        for (rule, count) in [(REPORTS, &mut removed.reports), (TARGETS, &mut removed.targets)] {
            loop {
                if !self.may_go_on() {
                    return Ok(false);
                }
                let mut statement = Statement::new(rule.before);
                statement.bind(action).push(rule.after).bind(ROWS).push(")");
                let rows = self.store.delete(statement).await?;
                *count += rows;
                if rows < u64::from(ROWS) {
                    break;
                }
            }
        }
        self.store.remove_empty_action(action).await?;
        removed.actions += 1;
        Ok(true)
    }
}

impl Store {
    /// Actions that ended before `limit`, and drafts that were stored before it.
    async fn old_actions(&self, limit: Timestamp) -> Result<Vec<ActionId>, StoreError> {
        let mut statement = Statement::new("SELECT id FROM actions WHERE ended < ");
        statement.bind(limit);
        statement.push(" OR (state = 'draft' AND created < ").bind(limit);
        statement.push(") ORDER BY created LIMIT ").bind(ROWS);
        let rows = statement.query().fetch_all(self.reader()).await;
        let rows = rows.map_err(StoreError::doing("list old actions"))?;
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
            let done = statement.query().execute(&mut *transaction).await;
            done.map_err(doing)?;
        }
        transaction.commit().await.map_err(doing)
    }
}
