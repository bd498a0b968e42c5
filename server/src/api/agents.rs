//! Agents: who they are, and whether they take part.

#![allow(unused_qualifications, reason = "utoipa's macro writes paths of its own")]

use super::App;
use super::authorise::Caller;
use super::extract::{Asked, At, Body};
use super::pages::{PageOf, page_of, page_request};
use super::problem::Problem;
use crate::audit::Entry;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use gumshoe_protocol::AgentId;
use gumshoe_store::{Agent, AgentFilter, AgentState, Deleted};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Labels of one agent, and characters of a label's name or value.
const MAX_LABELS: usize = 64;
const MAX_LABEL_CHARS: usize = 256;

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentView {
    /// Its identifier.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$")]
    id: AgentId,
    /// Whether it takes part: `pending`, `approved`, `rejected`, `retired`.
    state: String,
    /// The host's name, as it calls itself.
    hostname: String,
    /// Whether its heartbeats come in time.
    online: bool,
    /// The agent's version.
    agent_version: String,
    /// The newest version of the protocol that it speaks.
    protocol: u32,
    /// When its first heartbeat came.
    first_seen: DateTime<Utc>,
    /// When its last heartbeat came.
    last_seen: DateTime<Utc>,
    /// Seconds from one heartbeat to the next.
    interval_s: u64,
    /// What operators wrote about it here; no part of targets.
    labels: BTreeMap<String, String>,
    /// What it said about its host: what targets are expressions over.
    #[schema(value_type = Object)]
    facts: serde_json::Value,
    /// Its modules.
    #[schema(value_type = Vec<Object>)]
    modules: serde_json::Value,
    /// What it can never look at.
    blind_spots: Vec<String>,
    /// Operations that run and that wait.
    #[schema(value_type = Object)]
    queue: serde_json::Value,
    /// Reports that wait for the relay, and that were lost.
    #[schema(value_type = Object)]
    spool: serde_json::Value,
    /// Its public report key, in base64.
    public_key: String,
    /// The identifier that it had before it found itself to be a copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    previous_id: Option<AgentId>,
    /// Why it is thought that two hosts share this identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    duplicate: Option<serde_json::Value>,
}

impl From<Agent> for AgentView {
    fn from(agent: Agent) -> Self {
        Self {
            online: is_online(agent.last_seen, agent.interval_s),
            id: agent.id,
            state: agent.state.as_str().to_owned(),
            hostname: agent.hostname,
            agent_version: agent.facts.agent_version.clone(),
            protocol: agent.facts.protocol,
            first_seen: agent.first_seen,
            last_seen: agent.last_seen,
            interval_s: agent.interval_s,
            labels: agent.labels,
            facts: written(&agent.facts),
            modules: written(&agent.modules),
            blind_spots: agent.blind_spots,
            queue: written(&agent.queue),
            spool: written(&agent.spool),
            public_key: agent.public_key,
            previous_id: agent.previous_id,
            duplicate: agent.duplicate.as_ref().map(written),
        }
    }
}

/// Whether not more than two heartbeats are missing.
pub fn is_online(last_seen: DateTime<Utc>, interval_s: u64) -> bool {
    let since = Utc::now().signed_duration_since(last_seen);
    u64::try_from(since.num_seconds()).unwrap_or(0) <= interval_s.saturating_mul(3)
}

fn written(value: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Which agents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AgentsQuery {
    /// In this state: `pending`, `approved`, `rejected`, `retired`; all but retired when absent.
    state: Option<String>,
    /// With this text in the host's name, or with an identifier that begins with it.
    text: Option<String>,
    /// Only those that seem to share their identity with another host, or only the others.
    duplicate: Option<bool>,
    /// `next` of the page before; the first page when absent.
    cursor: Option<String>,
    /// Entries of the page.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Lists agents, by the name of the host.
#[utoipa::path(get, path = "/api/v1/agents", tag = "agents", params(AgentsQuery),
    responses((status = 200, description = "A page", body = PageOf<AgentView>)))]
pub async fn list(
    State(app): State<App>,
    Asked(query): Asked<AgentsQuery>,
) -> Result<Json<PageOf<AgentView>>, Problem> {
    let states = query.state.as_deref().map(parse_state).transpose()?;
    let filter = AgentFilter {
        states: states.into_iter().collect(),
        text: query.text.filter(|text| !text.is_empty()),
        duplicate: query.duplicate,
        ..AgentFilter::default()
    };
    let page = page_request(query.cursor, query.limit)?;
    Ok(Json(page_of(app.store.agents(&filter, &page).await?)))
}

/// Shows one agent.
#[utoipa::path(get, path = "/api/v1/agents/{id}", tag = "agents", params(("id" = String, Path, pattern = "^[0-9a-f]{32}$")),
    responses((status = 200, description = "The agent", body = AgentView), (status = 404, description = "There is no such agent", body = Problem, content_type = "application/problem+json")))]
pub async fn get(State(app): State<App>, At(id): At<AgentId>) -> Result<Json<AgentView>, Problem> {
    let agent = app
        .store
        .agent(id)
        .await?
        .ok_or_else(|| Problem::not_found("agent"))?;
    Ok(Json(agent.into()))
}

/// Lets an agent take part.
#[utoipa::path(post, path = "/api/v1/agents/{id}/approve", tag = "agents", params(("id" = String, Path, pattern = "^[0-9a-f]{32}$")),
    responses((status = 200, description = "The agent", body = AgentView), (status = 404, description = "There is no such agent", body = Problem, content_type = "application/problem+json")))]
pub async fn approve(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(id): At<AgentId>,
) -> Result<Json<AgentView>, Problem> {
    decide(&app, &caller, id, AgentState::Approved, "agent.approved").await
}

/// Turns an agent away: it gets no actions, its reports are kept out.
#[utoipa::path(post, path = "/api/v1/agents/{id}/reject", tag = "agents", params(("id" = String, Path, pattern = "^[0-9a-f]{32}$")),
    responses((status = 200, description = "The agent", body = AgentView), (status = 404, description = "There is no such agent", body = Problem, content_type = "application/problem+json")))]
pub async fn reject(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(id): At<AgentId>,
) -> Result<Json<AgentView>, Problem> {
    decide(&app, &caller, id, AgentState::Rejected, "agent.rejected").await
}

async fn decide(
    app: &App,
    caller: &Caller,
    id: AgentId,
    to: AgentState,
    what: &'static str,
) -> Result<Json<AgentView>, Problem> {
    use AgentState::{Approved, Pending, Rejected, Retired};
    if app.store.agent(id).await?.is_none() {
        return Err(Problem::not_found("agent"));
    }
    let details = serde_json::json!({"agent": id});
    app.audit.write(Entry::new(caller.actor(), what, details)).await?;
    let from = [Pending, Approved, Rejected, Retired];
    app.store.set_agent_state(id, &from, to).await?;
    if to == Approved {
        // Whoever approves has looked at it.
        app.store.mark_duplicate(id, None).await?;
    }
    get(State(app.clone()), At(id)).await
}

/// Replaces what operators write about an agent.
#[utoipa::path(put, path = "/api/v1/agents/{id}/labels", tag = "agents", params(("id" = String, Path, pattern = "^[0-9a-f]{32}$")),
    request_body = BTreeMap<String, String>,
    responses((status = 200, description = "The agent", body = AgentView), (status = 404, description = "There is no such agent", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Too many or too long", body = Problem, content_type = "application/problem+json")))]
pub async fn set_labels(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(id): At<AgentId>,
    Body(labels): Body<BTreeMap<String, String>>,
) -> Result<Json<AgentView>, Problem> {
    let long = |text: &String| text.chars().count() > MAX_LABEL_CHARS;
    if labels.len() > MAX_LABELS || labels.iter().any(|(name, value)| long(name) || long(value)) {
        let detail = format!("at most {MAX_LABELS} labels of {MAX_LABEL_CHARS} characters are accepted");
        return Err(Problem::refused("labels-too-long", detail));
    }
    // PostgreSQL's text holds everything but this.
    if labels
        .iter()
        .any(|(name, value)| name.contains('\0') || value.contains('\0'))
    {
        return Err(Problem::refused(
            "labels-not-text",
            "labels have no NUL characters",
        ));
    }
    let details = serde_json::json!({"agent": id, "labels": labels});
    if !app.store.set_agent_labels(id, &labels).await? {
        return Err(Problem::not_found("agent"));
    }
    app.audit
        .write(Entry::new(caller.actor(), "agent.labels", details))
        .await?;
    get(State(app), At(id)).await
}

/// Deletes an agent; where it has answered actions that are kept, only its key stays, for proof.
#[utoipa::path(delete, path = "/api/v1/agents/{id}", tag = "agents", params(("id" = String, Path, pattern = "^[0-9a-f]{32}$")),
    responses((status = 204, description = "It is gone"), (status = 404, description = "There is no such agent", body = Problem, content_type = "application/problem+json")))]
pub async fn delete(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(id): At<AgentId>,
) -> Result<StatusCode, Problem> {
    let details = serde_json::json!({"agent": id});
    app.audit
        .write(Entry::new(caller.actor(), "agent.deleted", details))
        .await?;
    match app.store.delete_agent(id).await? {
        Deleted::Unknown => Err(Problem::not_found("agent")),
        Deleted::Removed | Deleted::Retired => Ok(StatusCode::NO_CONTENT),
    }
}

fn parse_state(text: &str) -> Result<AgentState, Problem> {
    text.parse().map_err(|_| {
        let detail = "`state` is one of pending, approved, rejected, retired";
        Problem::bad_request("invalid-state", detail)
    })
}
