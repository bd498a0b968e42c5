//! Reading reports: in pages, as a stream, and on from where a reader was.

use crate::database::Store;
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::sql::{Columns, Statement};
use futures_util::stream::{self, Stream, TryStreamExt as _};
use gumshoe_plugin_api::Status;
use gumshoe_protocol::envelope::REPORT_TYPE;
use gumshoe_protocol::{ActionError, ActionId, AgentId, Envelope, EnvelopeSignature, HostReport, Timestamp};
use sqlx::any::AnyRow;

/// The list's name in cursors.
const LIST: &str = "reports";
/// How many rows a stream asks for at once; a report can have 8 MiB.
const STREAM_ROWS: u32 = 16;

/// A report as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredReport {
    /// The action.
    pub action: ActionId,
    /// The agent.
    pub agent: AgentId,
    /// Its host's name, as it calls itself now; absent where the agent was deleted.
    pub hostname: Option<String>,
    /// Its kind, as in [`gumshoe_protocol::Body`].
    pub kind: String,
    /// Which of the messages of its kind it is: the index of an operation, 0 for others.
    pub part: u32,
    /// Its place among the reports of its action.
    pub ordinal: i64,
    /// When it came.
    pub received: Timestamp,
    /// When it was written.
    pub sent: Timestamp,
    /// Name of the module, of an operation.
    pub module: Option<String>,
    /// How it ended, of an operation.
    pub status: Option<Status>,
    /// Whether something was found.
    pub found: bool,
    /// Whether everything was looked at.
    pub complete: bool,
    /// How many findings there are.
    pub findings: u64,
    /// The payload, byte for byte: JSON.
    pub payload: Vec<u8>,
    /// The agent's signature over it.
    pub signature: Vec<u8>,
}

/// Which reports of an action are read. What is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportFilter {
    /// Of this agent.
    pub agent: Option<AgentId>,
    /// Of this kind.
    pub kind: Option<String>,
    /// With findings, or without.
    pub found: Option<bool>,
    /// With an ordinal above: what came after a reader stopped.
    pub after: Option<i64>,
}

impl StoredReport {
    /// What it says.
    ///
    /// # Errors
    ///
    /// [`ActionError`] if the stored bytes are damaged.
    pub fn parse(&self) -> Result<HostReport, ActionError> {
        HostReport::parse(&self.payload)
    }

    /// The envelope in which it came: what proves who said it.
    #[must_use]
    pub fn to_envelope(&self) -> Envelope {
        Envelope {
            payload_type: REPORT_TYPE.to_owned(),
            payload: self.payload.clone(),
            signatures: vec![EnvelopeSignature {
                key_id: self.agent.to_string(),
                signature: self.signature.clone(),
            }],
        }
    }
}

impl Store {
    /// One page of an action's reports that pass, in the order in which they were stored.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::Cursor`].
    pub async fn reports(
        &self,
        action: ActionId,
        filter: &ReportFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredReport>, StoreError> {
        let after = page.place::<i64>(LIST)?.max(filter.after).unwrap_or(0);
        let reports = self.reports_behind(action, filter, after, page.rows()).await?;
        Ok(Page::new(reports, page, LIST, |report| report.ordinal))
    }

    /// All reports of an action that pass, in the order in which they were stored; for exports.
    ///
    /// Read in small portions: memory stays small, nothing is locked.
    pub fn stream_reports<'a>(
        &'a self,
        action: ActionId,
        filter: &'a ReportFilter,
    ) -> impl Stream<Item = Result<StoredReport, StoreError>> + Send + 'a {
        let portions = stream::try_unfold(Some(filter.after.unwrap_or(0)), move |after| async move {
            let Some(after) = after else { return Ok(None) };
            let portion = self.reports_behind(action, filter, after, STREAM_ROWS).await?;
            let goes_on = portion.len() == STREAM_ROWS as usize;
            let next = portion.last().filter(|_| goes_on).map(|last| last.ordinal);
            Ok::<_, StoreError>(Some((stream::iter(portion.into_iter().map(Ok)), next)))
        });
        portions.try_flatten()
    }

    async fn reports_behind(
        &self,
        action: ActionId,
        filter: &ReportFilter,
        after: i64,
        rows: u32,
    ) -> Result<Vec<StoredReport>, StoreError> {
        let mut statement = Statement::new(
            "SELECT reports.*, agents.hostname FROM reports LEFT JOIN agents ON agents.id = reports.agent
             WHERE action = ",
        );
        statement.bind(action).push(" AND ordinal > ").bind(after);
        filter.push_to(&mut statement);
        statement.push(" ORDER BY ordinal LIMIT ").bind(rows);
        let rows = self.fetch(statement, "read reports").await?;
        rows.iter().map(report).collect()
    }
}

impl ReportFilter {
    fn push_to(&self, statement: &mut Statement) {
        if let Some(agent) = self.agent {
            statement.push(" AND agent = ").bind(agent);
        }
        if let Some(kind) = &self.kind {
            statement.push(" AND kind = ").bind(kind);
        }
        if let Some(found) = self.found {
            statement.push(" AND found = ").bind(found);
        }
    }
}

fn report(row: &AnyRow) -> Result<StoredReport, StoreError> {
    Ok(StoredReport {
        action: row.action("action")?,
        agent: row.agent("agent")?,
        hostname: row.maybe_text("hostname")?,
        kind: row.text("kind")?,
        part: row.small("part")?,
        ordinal: row.int("ordinal")?,
        received: row.time("received")?,
        sent: row.time("sent")?,
        module: row.maybe_text("module")?,
        status: row.maybe_json("status")?,
        found: row.flag("found")?,
        complete: row.flag("complete")?,
        findings: row.count("findings")?,
        payload: row.bytes("payload")?,
        signature: row.bytes("signature")?,
    })
}
