//! What a target means for the fleet, before anything is signed.

use super::App;
use super::extract::Body;
use super::problem::Problem;
use crate::scheduler::{SelectError, Selection, select};
use axum::Json;
use axum::extract::State;
use gumshoe_protocol::AgentId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Hosts that are shown by name.
const SAMPLE: usize = 20;

/// A target.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// A CEL expression over the facts of hosts.
    #[schema(example = "os == 'linux' && tags.role == 'web'", max_length = 8192)]
    target: String,
}

/// What a target means for the fleet as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    /// Agents that take part.
    approved: u64,
    /// Those that are meant.
    targeted: u64,
    /// Those of them whose heartbeats come in time.
    online: u64,
    /// Those whose facts the target cannot be evaluated over: they are not meant.
    failed: u64,
    /// Some of those that are meant.
    sample: Vec<PreviewHost>,
    /// Some of those that could not be evaluated, with the reason.
    failures: Vec<PreviewFailure>,
}

/// A host.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewHost {
    /// The agent.
    #[schema(value_type = String)]
    agent: AgentId,
    /// Its host's name.
    hostname: String,
    /// Whether its heartbeats come in time.
    online: bool,
}

/// A host whose facts the target cannot be evaluated over.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewFailure {
    /// The agent.
    #[schema(value_type = String)]
    agent: AgentId,
    /// Its host's name.
    hostname: String,
    /// Why.
    reason: String,
}

/// Counts the hosts that a target means, and shows some of them.
#[utoipa::path(post, path = "/api/v1/actions/preview", tag = "actions", request_body = PreviewRequest, responses(
    (status = 200, description = "What it means", body = Preview),
    (status = 422, description = "It is not a target", body = Problem, content_type = "application/problem+json"),
))]
pub async fn preview(
    State(app): State<App>,
    Body(request): Body<PreviewRequest>,
) -> Result<Json<Preview>, Problem> {
    match select(&app.store, &request.target).await {
        Ok(selection) => Ok(Json(selection.into())),
        Err(SelectError::Store(error)) => Err(error.into()),
        Err(error) => Err(Problem::refused("malformed-target", crate::chain(&error))),
    }
}

impl From<Selection> for Preview {
    fn from(selection: Selection) -> Self {
        let online = selection.meant.iter().filter(|host| host.online).count();
        let sample = selection.meant.iter().take(SAMPLE).map(|host| PreviewHost {
            agent: host.id,
            hostname: host.hostname.clone(),
            online: host.online,
        });
        let failures = selection.failed.iter().map(|(host, reason)| PreviewFailure {
            agent: host.id,
            hostname: host.hostname.clone(),
            reason: reason.clone(),
        });
        Self {
            approved: selection.approved,
            targeted: selection.meant.len() as u64,
            online: online as u64,
            failed: selection.failed_count,
            sample: sample.collect(),
            failures: failures.collect(),
        }
    }
}
