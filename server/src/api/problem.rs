//! Errors as clients see them: RFC 9457 problem details with a stable code.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gumshoe_store::{Damage, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong with a request (RFC 9457, `application/problem+json`).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:gumshoe:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:gumshoe:problem:not-found")]
    kind: String,
    /// The HTTP status, in words.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// Stable code, the same for the same kind of problem.
    code: String,
    /// What is wrong with this request, and what to do.
    detail: String,
    /// For the server itself, not for clients.
    #[serde(skip)]
    damage: Option<Box<Damaged>>,
}

/// What an answer says to the server itself: its database is damaged.
#[derive(Debug, Clone)]
pub struct Damaged {
    /// What is damaged.
    pub what: Damage,
    /// The error with its causes.
    pub told: String,
}

impl Problem {
    /// A problem with a status, a stable code and an explanation.
    #[must_use]
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:gumshoe:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            damage: None,
        }
    }

    /// The request makes no sense.
    #[must_use]
    pub fn bad_request(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// The request is understood, and refused for what it says.
    #[must_use]
    pub fn refused(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// The request does not fit the present state.
    #[must_use]
    pub fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// There is no such thing.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            format!("there is no such {what}"),
        )
    }

    /// Nobody said who asks, or nobody known.
    #[must_use]
    pub fn unauthorised(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorised", detail)
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let told = crate::chain(&error);
        if let Some(what) = error.damage() {
            tracing::error!(error = told, "the store cannot be relied on");
            let detail = "the server's database is damaged, or its disk fails; the server's log says more";
            let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "store-damaged", detail);
            problem.damage = Some(Box::new(Damaged { what, told }));
            return problem;
        }
        match error {
            StoreError::Cursor => Self::bad_request("invalid-cursor", told),
            error if error.is_transient() => {
                tracing::warn!(error = told, "the store is not available");
                let detail = "the database does not answer at the moment; try again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "store-unavailable", detail)
            }
            _ => {
                tracing::error!(error = told, "the store failed");
                let detail = "the server failed; its log says why";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        if let Some(damage) = self.damage {
            response.extensions_mut().insert(*damage);
        }
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response
    }
}
