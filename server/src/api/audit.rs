//! The audit log.

#![allow(unused_qualifications, reason = "utoipa's macro writes paths of its own")]

use super::App;
use super::extract::Asked;
use super::pages::{PageOf, page_of, page_request};
use super::problem::Problem;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use gumshoe_protocol::ContentDigest;
use gumshoe_store::{AuditEntry, AuditFilter, AuditVerdict};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

/// An entry; its hash covers the entry before it.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// Its number.
    sequence: u64,
    /// When it was written.
    time: DateTime<Utc>,
    /// Who did it: `token:NAME`, `investigator:NAME`, `address:IP`, `server`.
    actor: String,
    /// What was done.
    what: String,
    /// With what.
    #[schema(value_type = Object)]
    details: Option<Box<RawValue>>,
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
            details: RawValue::from_string(entry.details).ok(),
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
pub struct VerdictView {
    /// Whether it is.
    intact: bool,
    /// Number of the first entry, if it is; above 1 when retention has removed older ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u64>,
    /// Number of the last entry, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<u64>,
    /// Hash of the last entry, if it is: kept elsewhere, it proves later that nothing was cut off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    hash: Option<ContentDigest>,
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
    responses((status = 200, description = "The verdict", body = VerdictView)))]
pub async fn verify(State(app): State<App>) -> Result<Json<VerdictView>, Problem> {
    Ok(Json(match app.store.verify_audit(None).await? {
        AuditVerdict::Intact { first, head, .. } => VerdictView {
            intact: true,
            first: Some(first),
            last: Some(head.sequence),
            hash: Some(head.hash),
            broken: None,
        },
        AuditVerdict::Broken { sequence, why } => VerdictView {
            intact: false,
            first: None,
            last: None,
            hash: None,
            broken: Some(format!("entry {sequence}: {why}")),
        },
    }))
}
