//! Actions: lists, details, counters, hosts.

#![allow(unused_qualifications, reason = "utoipa's macro writes paths of its own")]

use super::App;
use super::extract::{Asked, At};
use super::pages::{PageOf, page_of, page_request};
use super::problem::Problem;
use crate::scheduler::{Plan, SendOptions};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use gumshoe_protocol::{ActionId, AgentId, ContentDigest};
use gumshoe_store::{ActionFilter, Counters, EnvelopeKind, Signer, StoredAction, Target, TargetFilter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// An action, without what is asked: that is in its envelope.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActionView {
    /// Its identifier.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$")]
    id: ActionId,
    /// SHA-256 of what is signed.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    digest: ContentDigest,
    /// What people call it.
    name: String,
    /// Which hosts it is for.
    target: String,
    /// Modules that it asks, in order of its operations.
    modules: Vec<String>,
    /// Begin of its window.
    not_before: DateTime<Utc>,
    /// End of its window.
    expires: DateTime<Utc>,
    /// Who brought it.
    submitted_by: String,
    /// How it is sent.
    options: SendOptions,
    /// `queued`, `canary`, `running`, `stopped`, `cancelled`, `expired`, `done`.
    state: String,
    /// Why it is in this state, where that needs saying.
    note: String,
    /// When it was accepted.
    created: DateTime<Utc>,
    /// When its sending began.
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<DateTime<Utc>>,
}

impl From<StoredAction> for ActionView {
    fn from(action: StoredAction) -> Self {
        Self {
            options: Plan::of(&action).send,
            id: action.id,
            digest: action.digest,
            name: action.name,
            target: action.target,
            modules: action.modules,
            not_before: action.not_before,
            expires: action.expires,
            submitted_by: action.submitted_by,
            state: action.state.as_str().to_owned(),
            note: action.note,
            created: action.created,
            started: action.started,
            ended: action.ended,
        }
    }
}

/// Who signed.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignerView {
    /// Name, from the policy.
    name: String,
    /// Fingerprint of the key.
    fingerprint: String,
}

impl From<Signer> for SignerView {
    fn from(signer: Signer) -> Self {
        Self {
            name: signer.name,
            fingerprint: signer.fingerprint,
        }
    }
}

/// An action with its signers and counters.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActionDetails {
    #[serde(flatten)]
    action: ActionView,
    /// Who signed.
    signers: Vec<SignerView>,
    /// How many hosts are how far.
    counters: CountersView,
}

/// How many hosts are how far, counted from the rows.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CountersView {
    /// Hosts that were selected by the target.
    targeted: u64,
    /// Hosts that were not selected and answered: where the action went to every agent.
    unselected: u64,
    /// Selected hosts that it was sent to: the relay has confirmed that it keeps it for them.
    sent: u64,
    /// Hosts that it was delivered to: they have said something about it, whatever that was; unselected ones are among them.
    delivered: u64,
    /// Hosts that have not been heard of.
    waiting: u64,
    /// Hosts that run it.
    running: u64,
    /// Hosts that have reported every operation.
    answered: u64,
    /// Hosts where something was found, also while they still run.
    found: u64,
    /// Hosts that looked at everything and found nothing.
    nothing: u64,
    /// Hosts that found nothing and did not look at everything.
    incomplete: u64,
    /// Hosts that found nothing and where an operation failed.
    failed: u64,
    /// Hosts that did not obey.
    refused: u64,
    /// These, by code.
    refused_by_code: BTreeMap<String, u64>,
    /// Hosts that found that they are not meant.
    not_target: u64,
    /// Hosts whose agent ended while the action ran.
    interrupted: u64,
    /// Hosts that began and did not finish in the window.
    timed_out: u64,
    /// Hosts that were there and did not begin in the window.
    expired: u64,
    /// Hosts that were not there in the whole window.
    never_reached: u64,
    /// Findings of all hosts.
    findings: u64,
    /// Whether no host is waited for any more.
    settled: bool,
}

impl From<Counters> for CountersView {
    fn from(counters: Counters) -> Self {
        Self {
            settled: counters.is_settled(),
            targeted: counters.targeted,
            unselected: counters.unselected,
            sent: counters.sent,
            delivered: counters.delivered,
            waiting: counters.waiting,
            running: counters.running,
            answered: counters.answered,
            found: counters.found,
            nothing: counters.nothing,
            incomplete: counters.incomplete,
            failed: counters.failed,
            refused: counters.refused,
            refused_by_code: counters.refused_by_code,
            not_target: counters.not_target,
            interrupted: counters.interrupted,
            timed_out: counters.timed_out,
            expired: counters.expired,
            never_reached: counters.never_reached,
            findings: counters.findings,
        }
    }
}

/// One host of an action.
#[derive(Debug, Serialize, ToSchema)]
pub struct TargetView {
    /// The agent.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$")]
    agent: AgentId,
    /// Its host's name.
    hostname: String,
    /// Whether the target selected it.
    selected: bool,
    /// `targeted`, `running`, `answered`, `refused`, `not-target`, `interrupted`, `timed-out`, `expired`, `never-reached`.
    state: String,
    /// `found`, `nothing`, `incomplete`, `failed`; absent until it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    /// Stable code of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// How many findings it has reported.
    findings: u64,
    /// When it was sent to: when the relay confirmed that it keeps the action for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<DateTime<Utc>>,
    /// When it was heard that it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<DateTime<Utc>>,
    /// When its state became final.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<DateTime<Utc>>,
}

impl From<Target> for TargetView {
    fn from(target: Target) -> Self {
        Self {
            agent: target.agent,
            hostname: target.hostname,
            selected: target.selected,
            state: target.state.as_str().to_owned(),
            outcome: target.outcome.map(|outcome| outcome.as_str().to_owned()),
            code: target.code,
            findings: target.findings,
            published: target.published,
            started: target.started,
            ended: target.ended,
        }
    }
}

/// Which actions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ActionsQuery {
    /// In this state: `draft`, `queued`, `canary`, `running`, `stopped`, `cancelled`, `expired`, `done`.
    state: Option<String>,
    /// Signed with the key of this fingerprint.
    signer: Option<String>,
    /// `next` of the page before; the first page when absent.
    cursor: Option<String>,
    /// Entries of the page.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Which hosts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TargetsQuery {
    /// In this state: `targeted`, `running`, `answered`, `refused`, `not-target`, `interrupted`, `timed-out`, `expired`, `never-reached`.
    state: Option<String>,
    /// With this outcome: `found`, `nothing`, `incomplete`, `failed`.
    outcome: Option<String>,
    /// `next` of the page before; the first page when absent.
    cursor: Option<String>,
    /// Entries of the page.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Lists actions, newest first.
#[utoipa::path(get, path = "/api/v1/actions", tag = "actions", params(ActionsQuery),
    responses((status = 200, description = "A page", body = PageOf<ActionView>)))]
pub async fn list(
    State(app): State<App>,
    Asked(query): Asked<ActionsQuery>,
) -> Result<Json<PageOf<ActionView>>, Problem> {
    let filter = ActionFilter {
        states: word("state", query.state.as_deref())?.into_iter().collect(),
        signer: query.signer,
        ..ActionFilter::default()
    };
    let page = page_request(query.cursor, query.limit)?;
    Ok(Json(page_of(app.store.actions(&filter, &page).await?)))
}

/// Shows one action with its signers and counters.
#[utoipa::path(get, path = "/api/v1/actions/{id}", tag = "actions", params(("id" = String, Path, pattern = "^[0-9a-f]{32}$")),
    responses((status = 200, description = "The action", body = ActionDetails), (status = 404, description = "There is no such action", body = Problem, content_type = "application/problem+json")))]
pub async fn get(State(app): State<App>, At(id): At<ActionId>) -> Result<Json<ActionDetails>, Problem> {
    details(&app, id).await.map(Json)
}

/// An action with its signers and counters.
pub async fn details(app: &App, id: ActionId) -> Result<ActionDetails, Problem> {
    let action = stored(app, id).await?;
    let signers = app.store.action_signers(id).await?;
    Ok(ActionDetails {
        action: action.into(),
        signers: signers.into_iter().map(SignerView::from).collect(),
        counters: app.store.counters(id).await?.into(),
    })
}

/// The action, or that there is none.
pub async fn stored(app: &App, id: ActionId) -> Result<StoredAction, Problem> {
    app.store
        .action(id)
        .await?
        .ok_or_else(|| Problem::not_found("action"))
}

/// Shows the signed envelope of an action, byte for byte.
#[utoipa::path(get, path = "/api/v1/actions/{id}/envelope", tag = "actions", params(("id" = String, Path, pattern = "^[0-9a-f]{32}$")),
    responses((status = 200, description = "A DSSE envelope", body = Object), (status = 404, description = "There is no such action", body = Problem, content_type = "application/problem+json")))]
pub async fn envelope(State(app): State<App>, At(id): At<ActionId>) -> Result<Response, Problem> {
    let envelope = app.store.action_envelope(id, EnvelopeKind::Action).await?;
    let envelope = envelope.ok_or_else(|| Problem::not_found("action"))?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(([kind], envelope).into_response())
}

/// Counts an action's hosts.
#[utoipa::path(get, path = "/api/v1/actions/{id}/counters", tag = "actions", params(("id" = String, Path, pattern = "^[0-9a-f]{32}$")),
    responses((status = 200, description = "The counters", body = CountersView), (status = 404, description = "There is no such action", body = Problem, content_type = "application/problem+json")))]
pub async fn counters(State(app): State<App>, At(id): At<ActionId>) -> Result<Json<CountersView>, Problem> {
    stored(&app, id).await?;
    Ok(Json(app.store.counters(id).await?.into()))
}

/// Lists an action's hosts, by agent.
#[utoipa::path(get, path = "/api/v1/actions/{id}/targets", tag = "actions", params(("id" = String, Path, pattern = "^[0-9a-f]{32}$"), TargetsQuery),
    responses((status = 200, description = "A page", body = PageOf<TargetView>), (status = 404, description = "There is no such action", body = Problem, content_type = "application/problem+json")))]
pub async fn targets(
    State(app): State<App>,
    At(id): At<ActionId>,
    Asked(query): Asked<TargetsQuery>,
) -> Result<Json<PageOf<TargetView>>, Problem> {
    stored(&app, id).await?;
    let filter = TargetFilter {
        states: word("state", query.state.as_deref())?.into_iter().collect(),
        outcomes: word("outcome", query.outcome.as_deref())?.into_iter().collect(),
        ..TargetFilter::default()
    };
    let page = page_request(query.cursor, query.limit)?;
    Ok(Json(page_of(app.store.targets(id, &filter, &page).await?)))
}

/// One of an enumeration's words.
fn word<T: std::str::FromStr<Err: std::fmt::Display>>(
    field: &str,
    text: Option<&str>,
) -> Result<Option<T>, Problem> {
    let parse = |text: &str| {
        text.parse::<T>()
            .map_err(|error| Problem::bad_request(&format!("invalid-{field}"), format!("`{field}`: {error}")))
    };
    text.map(parse).transpose()
}
