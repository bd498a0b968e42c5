//! The audit log.

use super::App;
use super::extract::Asked;
use super::pages::{PageOf, page_of, page_request};
use super::problem::Problem;
use axum::Json;
use axum::extract::State;
use gumshoe_protocol::{ContentDigest, Timestamp};
use gumshoe_store::{AuditEntry, AuditFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// An entry; its hash covers the entry before it.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// Its number.
    sequence: i64,
    /// When it was written.
    time: Timestamp,
    /// Who did it: `token:NAME`, `investigator:NAME`, `address:IP`, `server`.
    actor: String,
    /// What was done.
    what: String,
    /// With what.
    #[schema(value_type = Object)]
    details: serde_json::Value,
    /// Its hash.
    #[schema(value_type = String)]
    hash: ContentDigest,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            sequence: entry.sequence,
            time: entry.time,
            actor: entry.actor,
            what: entry.what,
            details: entry.details,
            hash: entry.hash,
        }
    }
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Of this actor.
    actor: Option<String>,
    /// Of this kind: `action.accepted`, `agent.approved`, `api.access`, …
    what: Option<String>,
    /// `next` of the page before; the first page when absent.
    cursor: Option<String>,
    /// Entries of the page.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Whether the chain of hashes is whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditVerdict {
    /// Whether it is.
    intact: bool,
    /// Entries that were looked at.
    entries: u64,
    /// The first entry that does not fit, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<String>,
}

/// Lists entries, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "A page", body = PageOf<AuditView>)))]
pub async fn list(
    State(app): State<App>,
    Asked(query): Asked<AuditQuery>,
) -> Result<Json<PageOf<AuditView>>, Problem> {
    let filter = AuditFilter {
        actor: query.actor,
        what: query.what,
        ..AuditFilter::default()
    };
    let page = page_request(query.cursor, query.limit)?;
    Ok(Json(page_of(app.store.audit(&filter, &page).await?)))
}

/// Checks the whole chain of hashes.
#[utoipa::path(get, path = "/api/v1/audit/verify", tag = "audit",
    responses((status = 200, description = "The verdict", body = AuditVerdict)))]
pub async fn verify(State(app): State<App>) -> Result<Json<AuditVerdict>, Problem> {
    let verdict = app.store.verify_audit().await?;
    Ok(Json(AuditVerdict {
        intact: verdict.broken.is_none(),
        entries: verdict.entries,
        broken: verdict.broken.map(|broken| broken.to_string()),
    }))
}
