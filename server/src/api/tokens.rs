//! Bearer tokens.

use super::App;
use super::access::TokenRole;
use super::authorise::Caller;
use super::extract::{Asked, At, Body};
use super::login::{after, no_randomness};
use super::pages::{PageOf, PageQuery, page_of};
use super::problem::Problem;
use crate::audit::Entry;
use crate::secret;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use gumshoe_protocol::ContentDigest;
use gumshoe_store::{NewToken, Token, TokenId};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// Characters of a token's name.
const MAX_NAME_CHARS: usize = 64;
/// A token is not valid for longer.
const MAX_DAYS: u32 = 366;

/// A token, without its text, which is not stored.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenView {
    /// Its identifier.
    #[schema(value_type = String)]
    id: TokenId,
    /// What it is for.
    name: String,
    /// What it may do: `read`, `submit`, `admin`.
    role: String,
    /// Whose it is.
    subject: String,
    /// When it was made.
    created: DateTime<Utc>,
    /// Until when it is valid.
    expires: DateTime<Utc>,
    /// When it was last shown, to the minute or so.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<DateTime<Utc>>,
    /// When it was ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<DateTime<Utc>>,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            name: token.name,
            role: token.role,
            subject: token.subject,
            created: token.created,
            expires: token.expires,
            last_used: token.last_used,
            revoked: token.revoked,
        }
    }
}

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// What it is for; one line.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// What it may do: `read`, `submit`, `admin`.
    role: String,
    /// Days that it is valid.
    #[schema(minimum = 1, maximum = 366)]
    days: u32,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub struct TokenMade {
    /// Its identifier.
    #[schema(value_type = String)]
    id: TokenId,
    /// Its text: shown once, here.
    token: String,
    /// Until when it is valid.
    expires: DateTime<Utc>,
}

/// Lists tokens, newest first.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens", params(PageQuery),
    responses((status = 200, description = "A page", body = PageOf<TokenView>)))]
pub async fn list(
    State(app): State<App>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<PageOf<TokenView>>, Problem> {
    Ok(Json(page_of(app.store.tokens(&query.checked()?).await?)))
}

/// Makes a token.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "tokens", request_body = TokenRequest, responses(
    (status = 201, description = "The token", body = TokenMade),
    (status = 422, description = "A field is not acceptable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn create(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<TokenRequest>,
) -> Result<(StatusCode, Json<TokenMade>), Problem> {
    let role = check(&request)?;
    let token = secret::token().map_err(|error| no_randomness(&error))?;
    let new = NewToken {
        hash: ContentDigest::of(token.as_bytes()),
        name: request.name,
        role: role.as_str().to_owned(),
        subject: format!("made by {}", caller.actor()),
        created: Utc::now(),
        expires: after(Duration::from_secs(u64::from(request.days) * 86_400)),
    };
    let details = serde_json::json!({"name": new.name, "role": role, "expires": new.expires});
    app.audit
        .write(Entry::new(caller.actor(), "token.created", details))
        .await?;
    let id = app.store.add_token(&new).await?;
    let expires = new.expires;
    Ok((StatusCode::CREATED, Json(TokenMade { id, token, expires })))
}

fn check(request: &TokenRequest) -> Result<TokenRole, Problem> {
    let name = &request.name;
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.contains(char::is_control) {
        let detail = format!("`name` is one line of 1 to {MAX_NAME_CHARS} characters");
        return Err(Problem::refused("invalid-name", detail));
    }
    if !(1..=MAX_DAYS).contains(&request.days) {
        let detail = format!("`days` is {}, 1 to {MAX_DAYS} is accepted", request.days);
        return Err(Problem::refused("invalid-days", detail));
    }
    let role = request.role.parse();
    role.map_err(|_| Problem::refused("invalid-role", "`role` is one of read, submit, admin"))
}

/// Ends a token.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "tokens", params(("id" = String, Path)), responses(
    (status = 204, description = "It is over"),
    (status = 404, description = "There is no such token", body = Problem, content_type = "application/problem+json"),
))]
pub async fn revoke(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(id): At<String>,
) -> Result<StatusCode, Problem> {
    let id = TokenId::new(id);
    let details = serde_json::json!({"token": id});
    app.audit
        .write(Entry::new(caller.actor(), "token.revoked", details))
        .await?;
    if app.store.revoke_token(&id, Utc::now()).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("token"))
    }
}
