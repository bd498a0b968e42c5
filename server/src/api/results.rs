//! What hosts answered: in pages, as a stream of lines, as a table.

#![allow(unused_qualifications, reason = "utoipa's macro writes paths of its own")]

use super::App;
use super::actions::stored;
use super::extract::{Asked, At};
use super::pages::{PageOf, page_request};
use super::problem::Problem;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use gumshoe_plugin_api::Status;
use gumshoe_protocol::{ActionId, AgentId};
use gumshoe_store::{ReportFilter, Store, StoreError, StoredReport};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

/// Lines that wait for a slow reader.
const LINES: usize = 64;
/// The first line of the table.
const CSV_HEAD: &str = "agent,hostname,received,kind,operation,module,status,found,complete,code,finding\r\n";

/// Which results, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ResultsQuery {
    /// `json` (pages), `ndjson` or `csv` (everything, as a stream).
    #[serde(default)]
    format: Format,
    /// Of this agent.
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{32}$")]
    agent: Option<AgentId>,
    /// Of this kind: `started`, `operation`, `refused`, `not-target`, `interrupted`, `finished`.
    kind: Option<String>,
    /// With findings, or without.
    found: Option<bool>,
    /// Adds the envelope that the agent signed.
    #[serde(default)]
    proof: bool,
    /// `next` of the page before; the first page when absent.
    cursor: Option<String>,
    /// Entries of the page.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// How results are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A page.
    #[default]
    Json,
    /// One JSON object per line.
    Ndjson,
    /// A table (RFC 4180): one line per finding.
    Csv,
}

/// One message of a host.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResultView {
    /// Its place among the results of its action.
    ordinal: i64,
    /// The agent.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$")]
    agent: AgentId,
    /// Its host's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
    /// `started`, `operation`, `refused`, `not-target`, `interrupted`, `finished`.
    kind: String,
    /// The operation, from 0; 0 for other kinds.
    operation: u32,
    /// When it came.
    received: DateTime<Utc>,
    /// When it was written, by the host's clock.
    sent: DateTime<Utc>,
    /// The module, of an operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<String>,
    /// How the operation ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    status: Option<Status>,
    /// Whether something was found.
    found: bool,
    /// Whether everything was looked at.
    complete: bool,
    /// How many findings there are.
    findings: u64,
    /// What it says: the signed report's `body`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    body: Option<Box<RawValue>>,
    /// The envelope that the agent signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    envelope: Option<Box<RawValue>>,
}

/// The part of a payload that is shown.
#[derive(Deserialize)]
struct Payload {
    body: Box<RawValue>,
}

impl ResultView {
    /// A stored report, with its body and perhaps with its proof.
    pub fn new(report: StoredReport, proof: bool) -> Self {
        let payload = serde_json::from_slice::<Payload>(&report.payload);
        let envelope = proof.then(|| RawValue::from_string(report.to_envelope().to_json()).ok());
        Self {
            body: payload.ok().map(|payload| payload.body),
            envelope: envelope.flatten(),
            ..Self::summary(report)
        }
    }

    /// A stored report, without its body.
    pub fn summary(report: StoredReport) -> Self {
        Self {
            ordinal: report.ordinal,
            agent: report.agent,
            hostname: report.hostname,
            kind: report.kind,
            operation: report.part,
            received: report.received,
            sent: report.sent,
            module: report.module,
            status: report.status,
            found: report.found,
            complete: report.complete,
            findings: report.findings,
            body: None,
            envelope: None,
        }
    }

    /// Its place among the results of its action.
    pub fn ordinal(&self) -> i64 {
        self.ordinal
    }
}

/// Shows what hosts answered, in the order in which it came.
#[utoipa::path(get, path = "/api/v1/actions/{id}/results", tag = "actions", params(("id" = String, Path, pattern = "^[0-9a-f]{32}$"), ResultsQuery),
    responses((status = 200, description = "A page, or everything", content(
        (PageOf<ResultView> = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"),
    )), (status = 404, description = "There is no such action", body = Problem, content_type = "application/problem+json")))]
pub async fn results(
    State(app): State<App>,
    At(id): At<ActionId>,
    Asked(query): Asked<ResultsQuery>,
) -> Result<Response, Problem> {
    stored(&app, id).await?;
    let filter = ReportFilter {
        agent: query.agent,
        kind: query.kind,
        found: query.found,
        after: None,
    };
    let proof = query.proof;
    match query.format {
        Format::Json => {
            let page = page_request(query.cursor, query.limit)?;
            let page = app.store.reports(id, &filter, &page).await?;
            let items = page
                .items
                .into_iter()
                .map(|report| ResultView::new(report, proof));
            let next = page.next;
            let items = items.collect();
            Ok(Json(PageOf { items, next }).into_response())
        }
        Format::Ndjson => {
            let line = move |report| ndjson_line(&ResultView::new(report, proof));
            Ok(streamed(
                app.store,
                id,
                filter,
                "application/x-ndjson",
                String::new(),
                line,
            ))
        }
        Format::Csv => {
            let kind = "text/csv; charset=utf-8; header=present";
            Ok(streamed(
                app.store,
                id,
                filter,
                kind,
                CSV_HEAD.to_owned(),
                csv_lines,
            ))
        }
    }
}

/// Reports as they are read from the store: as fast as the reader takes them.
fn streamed(
    store: Store,
    action: ActionId,
    filter: ReportFilter,
    kind: &'static str,
    head: String,
    line: impl Fn(StoredReport) -> String + Send + 'static,
) -> Response {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, StoreError>>(LINES);
    tokio::spawn(async move {
        if sender.send(Ok(head.into())).await.is_err() {
            return;
        }
        let mut reports = Box::pin(store.stream_reports(action, &filter));
        while let Some(report) = reports.next().await {
            // An error ends the answer before its end, which the reader notices.
            if sender
                .send(report.map(|report| line(report).into()))
                .await
                .is_err()
            {
                return;
            }
        }
    });
    let lines = stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|line| (line, receiver))
    });
    ([(header::CONTENT_TYPE, kind)], Body::from_stream(lines)).into_response()
}

fn ndjson_line(view: &ResultView) -> String {
    let mut line = serde_json::to_string(view).unwrap_or_default();
    line.push('\n');
    line
}

/// What the table takes from a body.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TableBody {
    code: Option<String>,
    report: TableReport,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TableReport {
    findings: Vec<Box<RawValue>>,
    refusal: Option<TableRefusal>,
}

#[derive(Deserialize)]
struct TableRefusal {
    code: String,
}

/// One line per finding; one line where there is none.
fn csv_lines(report: StoredReport) -> String {
    let view = ResultView::new(report, false);
    let body: TableBody = view
        .body
        .as_deref()
        .and_then(|body| serde_json::from_str(body.get()).ok())
        .unwrap_or_default();
    let code = body.code.or(body.report.refusal.map(|refusal| refusal.code));
    let status = view.status.and_then(|status| serde_json::to_value(status).ok());
    let cells = [
        view.agent.to_string(),
        view.hostname.unwrap_or_default(),
        view.received.to_rfc3339(),
        view.kind,
        view.operation.to_string(),
        view.module.unwrap_or_default(),
        status
            .as_ref()
            .and_then(|status| status.as_str())
            .unwrap_or_default()
            .to_owned(),
        view.found.to_string(),
        view.complete.to_string(),
        code.unwrap_or_default(),
    ];
    let start: String = cells.iter().map(|cell| csv_cell(cell) + ",").collect();
    if body.report.findings.is_empty() {
        return start + "\r\n";
    }
    let line = |finding: &RawValue| format!("{start}{}\r\n", csv_cell(finding.get()));
    body.report.findings.iter().map(|finding| line(finding)).collect()
}

/// A cell in quotes; what a spreadsheet would take for a formula begins with an apostrophe.
fn csv_cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_gets_text_and_never_formulas() {
        for (text, cell) in [
            ("web1", r#""web1""#),
            ("=cmd|' /C calc'!A0", r#""'=cmd|' /C calc'!A0""#),
            ("@x", r#""'@x""#),
            ("a,\"b\"", r#""a,""b""""#),
        ] {
            assert_eq!(csv_cell(text), cell);
        }
    }
}
