//! Actions come in, and are called back.

use super::App;
use super::actions::{ActionDetails, details, stored};
use super::authorise::Caller;
use super::extract::{At, Body};
use super::problem::Problem;
use crate::audit::Entry;
use crate::scheduler::{AcceptError, Accepted, Plan, SendOptions, accept_action, accept_cancel};
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use chrono::Utc;
use gumshoe_protocol::policy::Policy;
use gumshoe_protocol::{ActionId, Timestamp};
use gumshoe_store::{ActionAdded, ActionChange, ActionState, NewAction};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

/// A signed action, and how it is to be sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitRequest {
    /// The DSSE envelope, payload type `application/vnd.gumshoe.action.v1+json`.
    #[schema(value_type = Object)]
    envelope: Box<RawValue>,
    /// How it is to be sent.
    #[serde(default)]
    options: SendOptions,
}

/// A signed cancellation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// The DSSE envelope, payload type `application/vnd.gumshoe.cancel.v1+json`.
    #[schema(value_type = Object)]
    envelope: Box<RawValue>,
}

/// Why sending is to be stopped.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StopRequest {
    /// Why; one line.
    #[serde(default)]
    #[schema(max_length = 256)]
    reason: String,
}

/// Accepts a signed action and sends it. The same action again is no error.
#[utoipa::path(post, path = "/api/v1/actions", tag = "actions", request_body = SubmitRequest, responses(
    (status = 201, description = "Accepted", body = ActionDetails),
    (status = 200, description = "It was accepted before", body = ActionDetails),
    (status = 409, description = "Another action has this identifier", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Signatures, action or target are not acceptable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn submit(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<SubmitRequest>,
) -> Result<(StatusCode, Json<ActionDetails>), Problem> {
    request
        .options
        .check()
        .map_err(|error| Problem::refused("invalid-options", error.to_string()))?;
    let accepted = verified(&app, &caller, "action", request.envelope, accept_action).await?;
    let (id, signers) = (accepted.value.id, accepted.signers.clone());
    let details_of_entry = serde_json::json!({
        "action": id, "digest": accepted.digest, "name": accepted.value.name, "target": accepted.value.target, "signers": signers,
    });
    let new = NewAction {
        digest: accepted.digest,
        envelope: accepted.envelope,
        signers: accepted.signers,
        action: accepted.value,
        submitted_by: caller.actor(),
        options: Plan {
            send: request.options,
            cancel_sent: None,
        }
        .to_value(),
        state: ActionState::Queued,
        created: Utc::now(),
    };
    // Written before it is stored: what is sent has always been written down.
    app.audit
        .write(Entry::new(caller.actor(), "action.accepted", details_of_entry))
        .await?;
    let status = match app.store.add_action(&new).await? {
        ActionAdded::New => StatusCode::CREATED,
        ActionAdded::Known => StatusCode::OK,
        ActionAdded::Conflict => {
            let detail = format!("another action has the identifier {id}");
            return Err(Problem::conflict("action-exists", detail));
        }
    };
    app.wake.wake();
    Ok((status, Json(details(&app, id).await?)))
}

/// Accepts a signed cancellation and sends it: what runs is stopped on the hosts.
#[utoipa::path(post, path = "/api/v1/actions/{id}/cancel", tag = "actions", params(("id" = String, Path, pattern = "^[0-9a-f]{32}$")),
    request_body = CancelRequest, responses(
    (status = 200, description = "Cancelled", body = ActionDetails),
    (status = 404, description = "There is no such action", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "It is over", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The envelope is not acceptable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn cancel(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(id): At<ActionId>,
    Body(request): Body<CancelRequest>,
) -> Result<Json<ActionDetails>, Problem> {
    stored(&app, id).await?;
    let accepted = verified(&app, &caller, "cancellation", request.envelope, accept_cancel).await?;
    if accepted.value.action != id {
        let detail = format!("the cancellation is for the action {}", accepted.value.action);
        return Err(Problem::refused("other-action", detail));
    }
    let reason = accepted.value.reason;
    let entry = serde_json::json!({"action": id, "reason": reason, "signers": accepted.signers});
    app.audit
        .write(Entry::new(caller.actor(), "action.cancelled", entry))
        .await?;
    if !app
        .store
        .cancel_action(id, &accepted.envelope, &reason, Utc::now())
        .await?
    {
        let state = stored(&app, id).await?.state;
        if state != ActionState::Cancelled {
            let detail = format!("the action is {state}: there is nothing to cancel");
            return Err(Problem::conflict("action-over", detail));
        }
    }
    app.wake.wake();
    Ok(Json(details(&app, id).await?))
}

/// Sends an action to no further hosts. Those that have it go on: only a signed cancellation stops them.
#[utoipa::path(post, path = "/api/v1/actions/{id}/stop", tag = "actions", params(("id" = String, Path, pattern = "^[0-9a-f]{32}$")),
    request_body = StopRequest, responses(
    (status = 200, description = "Stopped", body = ActionDetails),
    (status = 404, description = "There is no such action", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "It is over", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The reason is not one line", body = Problem, content_type = "application/problem+json"),
))]
pub async fn stop(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(id): At<ActionId>,
    Body(request): Body<StopRequest>,
) -> Result<Json<ActionDetails>, Problem> {
    stored(&app, id).await?;
    if request.reason.len() > 256 || request.reason.contains(char::is_control) {
        let detail = "`reason` is one line of at most 256 bytes";
        return Err(Problem::refused("invalid-reason", detail));
    }
    let entry = serde_json::json!({"action": id, "reason": request.reason});
    app.audit
        .write(Entry::new(caller.actor(), "action.stopped", entry))
        .await?;
    if !change_to_stopped(&app, id, request.reason, Utc::now()).await? {
        let state = stored(&app, id).await?.state;
        if state != ActionState::Stopped {
            let detail = format!("the action is {state}: nothing more is sent");
            return Err(Problem::conflict("action-over", detail));
        }
    }
    Ok(Json(details(&app, id).await?))
}

async fn change_to_stopped(app: &App, id: ActionId, note: String, time: Timestamp) -> Result<bool, Problem> {
    use ActionState::{Canary, Draft, Queued, Running, Stopped};
    let change = ActionChange {
        from: vec![Draft, Queued, Canary, Running],
        to: Stopped,
        note,
        time,
    };
    Ok(app.store.change_action(id, &change).await?)
}

/// Verifies an envelope beside the threads that wait for the network; a refusal is written down.
async fn verified<T: Send + 'static>(
    app: &App,
    caller: &Caller,
    what: &'static str,
    envelope: Box<RawValue>,
    accept: fn(&[u8], &Policy) -> Result<Accepted<T>, AcceptError>,
) -> Result<Accepted<T>, Problem> {
    let policy = app.policy.get();
    let accepting = spawn_blocking(move || accept(envelope.get().as_bytes(), &policy));
    let Ok(result) = accepting.await else {
        let detail = "the server failed; its log says why";
        return Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            detail,
        ));
    };
    match result {
        Ok(accepted) => Ok(accepted),
        Err(error) => {
            let (code, told) = (error.code().to_owned(), crate::chain(&error));
            let entry = serde_json::json!({"what": what, "code": code, "message": told});
            app.audit
                .write(Entry::new(caller.actor(), "envelope.refused", entry))
                .await?;
            Err(Problem::refused(&code, told))
        }
    }
}
