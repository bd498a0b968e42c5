//! Storing reports: many in one transaction, each once, and the targets' states with them.

use super::{NewReport, OperationContent, ReportContent};
use crate::actions::take_ordinals;
use crate::agents::known_agents;
use crate::database::Store;
use crate::error::StoreError;
use crate::sql::{Bound, Columns, ROWS_PER_STATEMENT, Statement, json};
use crate::targets::{Mark, Progress, TargetState};
use gumshoe_protocol::{ActionId, AgentId, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};
use std::collections::BTreeMap;

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportOutcome {
    /// It is stored.
    Stored {
        /// Its place among the reports of its action: later ones have higher ordinals, and become visible later.
        ordinal: i64,
    },
    /// It was stored before; nothing changed. It may be acknowledged.
    Duplicate,
    /// There is no such action. Nothing was stored of it, others were.
    UnknownAction,
    /// There is no such agent. Nothing was stored of it, others were.
    UnknownAgent,
}

/// Which message it is: what comes again with these is a duplicate.
type Key<'a> = (AgentId, &'a str, u32);

impl Store {
    /// Stores reports and what they change, in one transaction; one outcome each, in their order.
    ///
    /// All are stored, or none: on an error nothing may be acknowledged. Reports that come again, even within one call, are
    /// recognised. A few hundred at once are stored much faster than one by one.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn store_reports(&self, reports: &[NewReport]) -> Result<Vec<ReportOutcome>, StoreError> {
        if reports.is_empty() {
            return Ok(Vec::new());
        }
        let mut outcomes = vec![ReportOutcome::UnknownAgent; reports.len()];
        let mut transaction = self.begin("store reports").await?;
        let agents = reports.iter().map(|report| &report.agent);
        let agents = known_agents(&mut transaction, agents).await?;
        // By action, in one order, so that two schedulers do not wait for each other.
        let mut by_action = BTreeMap::<ActionId, Vec<usize>>::new();
        for (place, report) in reports.iter().enumerate() {
            if agents.contains(&report.agent) {
                by_action.entry(report.action).or_default().push(place);
            }
        }
        for (action, places) in by_action {
            store_of_action(&mut transaction, action, reports, &places, &mut outcomes).await?;
        }
        let doing = StoreError::doing("store reports");
        transaction.commit().await.map_err(doing)?;
        Ok(outcomes)
    }
}

/// Stores the reports at `places`, which are all of one action.
async fn store_of_action(
    transaction: &mut Transaction<'_, Any>,
    action: ActionId,
    reports: &[NewReport],
    places: &[usize],
    outcomes: &mut [ReportOutcome],
) -> Result<(), StoreError> {
    let Some(last) = take_ordinals(transaction, action, places.len()).await? else {
        places
            .iter()
            .for_each(|place| outcomes[*place] = ReportOutcome::UnknownAction);
        return Ok(());
    };
    let mut ordinal = last - crate::sql::signed(places.len() as u64);
    // The first of those with the same key is the one that is stored.
    let mut first = BTreeMap::new();
    for &place in places {
        ordinal += 1;
        outcomes[place] = ReportOutcome::Duplicate;
        first.entry(key(&reports[place])).or_insert((place, ordinal));
    }
    let candidates: Vec<(usize, i64)> = first.values().copied().collect();
    let mut changes = BTreeMap::<AgentId, Vec<&NewReport>>::new();
    for chunk in candidates.chunks(ROWS_PER_STATEMENT) {
        for (agent, kind, part) in insert(transaction, reports, chunk).await? {
            let Some(&(place, ordinal)) = first.get(&(agent, kind.as_str(), part)) else {
                continue;
            };
            outcomes[place] = ReportOutcome::Stored { ordinal };
            changes.entry(agent).or_default().push(&reports[place]);
        }
    }
    let changes: Vec<_> = changes.into_iter().collect();
    for chunk in changes.chunks(ROWS_PER_STATEMENT) {
        update_targets(transaction, action, chunk).await?;
    }
    Ok(())
}

fn key(report: &NewReport) -> Key<'_> {
    (report.agent, report.content.kind(), report.content.part())
}

/// Inserts reports; returns the keys of those that were not there.
async fn insert(
    transaction: &mut Transaction<'_, Any>,
    reports: &[NewReport],
    chunk: &[(usize, i64)],
) -> Result<Vec<(AgentId, String, u32)>, StoreError> {
    let mut statement = Statement::new(
        "INSERT INTO reports (action, agent, kind, part, ordinal, received, sent, sequence, module, status, found,
         complete, findings, code, payload, signature) VALUES ",
    );
    statement.rows(
        chunk
            .iter()
            .map(|(place, ordinal)| report_row(&reports[*place], *ordinal)),
    );
    statement.push(" ON CONFLICT (action, agent, kind, part) DO NOTHING RETURNING agent, kind, part");
    let rows = statement.fetch(transaction, "store reports").await?;
    rows.iter()
        .map(|row| Ok((row.agent("agent")?, row.text("kind")?, row.small("part")?)))
        .collect()
}

fn report_row(report: &NewReport, ordinal: i64) -> Vec<Bound> {
    let operation = match &report.content {
        ReportContent::Operation(operation) => Some(operation),
        _ => None,
    };
    let (found, complete) = match &report.content {
        ReportContent::Operation(OperationContent { found, complete, .. })
        | ReportContent::Finished { found, complete, .. } => (*found, *complete),
        _ => (false, true),
    };
    let code = match &report.content {
        ReportContent::Operation(operation) => operation.refusal.as_ref(),
        ReportContent::Refused { code } => Some(code),
        ReportContent::NotTarget { code } => code.as_ref(),
        _ => None,
    };
    vec![
        report.action.into(),
        report.agent.into(),
        report.content.kind().into(),
        report.content.part().into(),
        ordinal.into(),
        report.received.into(),
        report.sent.into(),
        report.sequence.into(),
        operation.map(|operation| operation.module.as_str()).into(),
        operation.map(|operation| json(&operation.status)).into(),
        found.into(),
        complete.into(),
        operation.map_or(0, |operation| operation.findings).into(),
        code.into(),
        report.payload.as_slice().into(),
        report.signature.as_slice().into(),
    ]
}

/// Merges new reports into the targets' rows, which the locked action keeps from everybody else.
async fn update_targets(
    transaction: &mut Transaction<'_, Any>,
    action: ActionId,
    changes: &[(AgentId, Vec<&NewReport>)],
) -> Result<(), StoreError> {
    let mut statement = Statement::new(
        "SELECT agent, marks, operations, reported, findings, code FROM targets WHERE action = ",
    );
    statement.bind(action).push(" AND agent IN ");
    statement.list(changes.iter().map(|(agent, _)| (*agent).into()));
    let mut stored = BTreeMap::new();
    for row in statement.fetch(transaction, "read targets").await? {
        stored.insert(row.agent("agent")?, progress(&row)?);
    }
    let mut statement = Statement::new(
        "INSERT INTO targets (action, agent, selected, state, outcome, code, marks, operations, reported, findings,
         targeted, delivered, started, ended) VALUES ",
    );
    statement.rows(changes.iter().map(|(agent, reports)| {
        let mut progress = stored.remove(agent).unwrap_or_default();
        reports.iter().for_each(|report| progress.add(&report.content));
        target_row(action, *agent, &progress, reports)
    }));
    statement.push(MERGED);
    statement.execute(transaction, "update targets").await.map(drop)
}

/// What a report changes of a target that is there. Times are those of the first message that said so.
const MERGED: &str = " ON CONFLICT (action, agent) DO UPDATE SET state = excluded.state, outcome = excluded.outcome,
    code = excluded.code, marks = excluded.marks, operations = excluded.operations, reported = excluded.reported,
    findings = excluded.findings, delivered = COALESCE(targets.delivered, excluded.delivered),
    started = COALESCE(targets.started, excluded.started),
    ended = CASE WHEN targets.state = excluded.state THEN COALESCE(targets.ended, excluded.ended)
        ELSE excluded.ended END";

fn progress(row: &AnyRow) -> Result<Progress, StoreError> {
    Ok(Progress {
        marks: Mark::from_bits(row.small("marks")?),
        operations: row.small("operations")?,
        reported: row.small("reported")?,
        findings: row.count("findings")?,
        code: row.maybe_text("code")?,
    })
}

fn target_row(action: ActionId, agent: AgentId, progress: &Progress, reports: &[&NewReport]) -> Vec<Bound> {
    let state = progress.state();
    let first: Option<Timestamp> = reports.iter().map(|report| report.received).min();
    let last = reports.iter().map(|report| report.received).max();
    let ran = !matches!(state, TargetState::Refused | TargetState::NotTarget);
    vec![
        action.into(),
        agent.into(),
        false.into(),
        state.into(),
        progress.outcome().into(),
        progress.code.as_ref().into(),
        progress.marks.bits().into(),
        progress.operations.into(),
        progress.reported.into(),
        progress.findings.into(),
        first.into(),
        first.into(),
        first.filter(|_| ran).into(),
        last.filter(|_| !state.is_waited_for()).into(),
    ]
}
