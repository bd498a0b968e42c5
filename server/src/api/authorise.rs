//! Every request passes here: known route, rate, token, role; then it is counted and written down.

use super::App;
use super::access::{Access, TokenRole, required};
use super::listen::Peer;
use super::problem::{Damaged, Problem};
use crate::audit::Entry;
use crate::secret::token_hash;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chrono::Utc;
use gumshoe_store::Token;
use std::net::SocketAddr;
use std::time::Instant;

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The token that was shown.
    pub token: Token,
    /// What it may do.
    pub role: TokenRole,
}

impl Caller {
    /// As the audit log names it.
    #[must_use]
    pub fn actor(&self) -> String {
        format!("token:{}", self.token.name)
    }
}

/// Lets a request through to its handler, or answers it.
pub async fn authorise(
    State(app): State<App>,
    path: MatchedPath,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let since = Instant::now();
    let method = request.method().as_str().to_owned();
    let admitted = match has_nul(&request) {
        true => Err(Problem::bad_request(
            "nul",
            "the URL has a NUL character, which is nowhere text",
        )),
        false => admit(&app, &method, path.as_str(), peer, request.headers()).await,
    };
    let response = match admitted {
        Ok(caller) => {
            let actor = caller.as_ref().map(Caller::actor);
            let resource = request.uri().path().to_owned();
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            let response = next.run(request).await;
            if let Some(actor) = actor {
                app.audit
                    .note(access_entry(actor, peer, &method, &resource, response.status()));
            }
            response
        }
        Err(problem) => {
            let actor = format!("address:{}", peer.ip());
            let status = problem.clone().into_response().status();
            if status != StatusCode::TOO_MANY_REQUESTS {
                app.audit
                    .note(access_entry(actor, peer, &method, request.uri().path(), status));
            }
            problem.into_response()
        }
    };
    if let Some(damaged) = response.extensions().get::<Damaged>() {
        app.trouble.note_damage(damaged.what, &damaged.told);
    }
    app.metrics
        .answered(&method, path.as_str(), response.status().as_u16(), since);
    response
}

async fn admit(
    app: &App,
    method: &str,
    path: &str,
    peer: SocketAddr,
    headers: &HeaderMap,
) -> Result<Option<Caller>, Problem> {
    let access = required(method, path).ok_or_else(|| Problem::not_found("route"))?;
    let hash = bearer(headers).and_then(token_hash);
    // Until a token is known to be one, its bearer is only an address: guessing is limited, too.
    admit_rate(app, &format!("address:{}", peer.ip()), hash.is_some())?;
    if access == Access::Open {
        return Ok(None);
    }
    let hash =
        hash.ok_or_else(|| Problem::unauthorised("a bearer token is needed: `Authorization: Bearer …`"))?;
    let unknown = || Problem::unauthorised("the token is not known, has expired or was revoked");
    let token = app
        .store
        .use_token(&hash, Utc::now())
        .await?
        .ok_or_else(unknown)?;
    let role: TokenRole = token.role.parse().map_err(|_| unknown())?;
    admit_rate(app, &format!("token:{}", token.id), false)?;
    if role.access() < access {
        let detail = format!("this needs more than a token of the role {}", role.as_str());
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    Ok(Some(Caller { token, role }))
}

/// Many clients may share an address: those with something that looks like a token have ten times the rate there.
fn admit_rate(app: &App, caller: &str, shared: bool) -> Result<(), Problem> {
    let now = Instant::now();
    let admitted = if shared {
        app.shared_limiter.admits(caller, now)
    } else {
        app.limiter.admits(caller, now)
    };
    if admitted {
        return Ok(());
    }
    let detail = "too many requests; wait a moment";
    Err(Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-requests",
        detail,
    ))
}

/// Databases refuse the character in text, which would look like a failure of the server.
fn has_nul(request: &Request) -> bool {
    request
        .uri()
        .path_and_query()
        .is_some_and(|url| url.as_str().contains("%00"))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn access_entry(actor: String, peer: SocketAddr, method: &str, path: &str, status: StatusCode) -> Entry {
    let details = serde_json::json!({
        "from": peer.ip().to_string(), "method": method, "path": path, "status": status.as_u16(),
    });
    Entry::new(actor, "api.access", details)
}

/// Nothing is there.
pub async fn no_such_route() -> Problem {
    Problem::not_found("route")
}

/// Something is there, but not for this method.
pub async fn no_such_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "this route does not take this method",
    )
}
