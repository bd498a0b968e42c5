//! Login with an OpenPGP key: the server gives a challenge, the client signs it, and gets a token that is soon over.

use super::App;
use super::access::TokenRole;
use super::authorise::Caller;
use super::extract::Body;
use super::problem::Problem;
use crate::audit::Entry;
use crate::secret;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use gumshoe_protocol::Envelope;
use gumshoe_protocol::policy::Policy;
use gumshoe_store::NewToken;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::time::Duration;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

/// What a client signs to log in.
pub const LOGIN_TYPE: &str = "application/vnd.gumshoe.login.v1+json";
/// What challenges are for, in the store.
const LOGIN: &str = "login";
/// How long a challenge may be answered.
const CHALLENGE_TIME: Duration = Duration::from_secs(300);
/// Bytes of an envelope with an answer.
const MAX_ENVELOPE_BYTES: usize = 64 << 10;
/// Bytes of randomness in a challenge.
const NONCE_BYTES: usize = 32;

/// What is to be signed: exactly these fields, as JSON, in an envelope of the type `application/vnd.gumshoe.login.v1+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// Who asks for the signature. The client checks that it is the server that it wants to log in to.
    origin: String,
    /// Unguessable, valid once.
    nonce: String,
    /// Until when it can be answered.
    expires: DateTime<Utc>,
}

/// A signed challenge.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// The DSSE envelope around the challenge, signed by one investigator.
    #[schema(value_type = Object)]
    envelope: Box<RawValue>,
}

/// A token.
#[derive(Serialize, ToSchema)]
pub struct Session {
    /// For `Authorization: Bearer …`.
    token: String,
    /// Who logged in.
    name: String,
    /// What the token may do.
    role: String,
    /// Until when it is valid.
    expires: DateTime<Utc>,
}

/// Who asks.
#[derive(Serialize, ToSchema)]
pub struct WhoAmI {
    /// The token's name.
    name: String,
    /// Whose it is.
    subject: String,
    /// What it may do.
    role: String,
    /// Until when it is valid.
    expires: DateTime<Utc>,
}

/// Gives a challenge to sign.
#[utoipa::path(post, path = "/api/v1/login/challenge", tag = "login", responses((status = 200, description = "A challenge", body = Challenge)))]
pub async fn challenge(State(app): State<App>) -> Result<Json<Challenge>, Problem> {
    let nonce = secret::random::<NONCE_BYTES>().map_err(|error| no_randomness(&error))?;
    let expires = after(CHALLENGE_TIME);
    app.store.add_challenge(&nonce, LOGIN, expires).await?;
    Ok(Json(Challenge {
        origin: app.origin.to_string(),
        nonce: hex(&nonce),
        expires,
    }))
}

/// Gives a token to an investigator who signed a challenge.
#[utoipa::path(post, path = "/api/v1/login", tag = "login", request_body = LoginRequest, responses(
    (status = 200, description = "A token", body = Session),
    (status = 401, description = "The signature or the challenge is not acceptable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn login(
    State(app): State<App>,
    Body(request): Body<LoginRequest>,
) -> Result<Json<Session>, Problem> {
    let policy = app.policy.get();
    let verifying = spawn_blocking(move || verify(request.envelope.get().as_bytes(), &policy));
    let verified = match verifying.await {
        Ok(Ok(verified)) => redeem(&app, verified).await,
        Ok(Err(problem)) => Err(problem),
        Err(_) => Err(Problem::unauthorised("the envelope could not be verified")),
    };
    let (name, fingerprint) = match verified {
        Ok(signer) => signer,
        Err(problem) => {
            let details = serde_json::json!({"code": problem.code()});
            app.audit.note(Entry::new("unknown", "login.refused", details));
            return Err(problem);
        }
    };
    start_session(&app, name, fingerprint).await.map(Json)
}

/// Ends the token that is shown.
#[utoipa::path(post, path = "/api/v1/logout", tag = "login", responses((status = 204, description = "It is over")))]
pub async fn logout(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<StatusCode, Problem> {
    app.store.revoke_token(&caller.token.id, Utc::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says whose token it is.
#[utoipa::path(get, path = "/api/v1/whoami", tag = "login", responses((status = 200, description = "Whose it is", body = WhoAmI)))]
pub async fn whoami(Extension(caller): Extension<Caller>) -> Json<WhoAmI> {
    let token = caller.token;
    Json(WhoAmI {
        name: token.name,
        subject: token.subject,
        role: token.role,
        expires: token.expires,
    })
}

/// A challenge that one investigator signed.
struct Verified {
    challenge: Challenge,
    name: String,
    fingerprint: String,
}

fn verify(bytes: &[u8], policy: &Policy) -> Result<Verified, Problem> {
    let refused = |detail: String| Problem::new(StatusCode::UNAUTHORIZED, "login-refused", detail);
    let envelope =
        Envelope::parse(bytes, MAX_ENVELOPE_BYTES).map_err(|error| refused(crate::chain(&error)))?;
    if envelope.payload_type != LOGIN_TYPE {
        return Err(refused(format!("the payload type is not {LOGIN_TYPE}")));
    }
    let signers = policy
        .verify(&envelope, Utc::now())
        .map_err(|refusal| refused(refusal.message))?;
    let [signer] = signers.as_slice() else {
        return Err(refused("exactly one investigator signs a login".to_owned()));
    };
    let challenge = serde_json::from_slice(&envelope.payload).map_err(|error| refused(error.to_string()))?;
    Ok(Verified {
        challenge,
        name: signer.name.clone(),
        fingerprint: signer.certificate.fingerprint().to_string(),
    })
}

/// Uses the challenge up; says who answered it.
async fn redeem(app: &App, verified: Verified) -> Result<(String, String), Problem> {
    let refused = |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, "login-refused", detail);
    if verified.challenge.origin != *app.origin {
        return Err(refused("the challenge was signed for another server"));
    }
    let nonce =
        unhex(&verified.challenge.nonce).ok_or_else(|| refused("the challenge is not one of this server"))?;
    if app.store.take_challenge(&nonce, Utc::now()).await?.is_none() {
        return Err(refused(
            "the challenge was used, has expired, or is not one of this server",
        ));
    }
    Ok((verified.name, verified.fingerprint))
}

async fn start_session(app: &App, name: String, fingerprint: String) -> Result<Session, Problem> {
    let token = secret::token().map_err(|error| no_randomness(&error))?;
    let role = if app.admins.contains(&name) {
        TokenRole::Admin
    } else {
        TokenRole::Submit
    };
    let new = NewToken {
        hash: gumshoe_protocol::ContentDigest::of(token.as_bytes()),
        name: name.clone(),
        role: role.as_str().to_owned(),
        subject: format!("openpgp:{fingerprint}"),
        created: Utc::now(),
        expires: after(app.session),
    };
    let details = serde_json::json!({"fingerprint": fingerprint, "role": role, "expires": new.expires});
    app.audit
        .write(Entry::new(format!("investigator:{name}"), "login", details))
        .await?;
    app.store.add_token(&new).await?;
    Ok(Session {
        token,
        name,
        role: role.as_str().to_owned(),
        expires: new.expires,
    })
}

/// The time after a span; a span that no clock reaches is cut.
pub fn after(span: Duration) -> DateTime<Utc> {
    let most = chrono::TimeDelta::days(36_500);
    Utc::now() + chrono::TimeDelta::from_std(span).unwrap_or(most).min(most)
}

/// No token can be made.
pub fn no_randomness(error: &secret::RandomError) -> Problem {
    tracing::error!(error = crate::chain(error), "no random numbers");
    let detail = "the server failed; its log says why";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; NONCE_BYTES]> {
    let digest: gumshoe_protocol::ContentDigest = text.parse().ok()?;
    Some(*digest.as_bytes())
}
