//! Whether the server lives, can work, and what it counts.

use super::App;
use super::problem::Problem;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use std::time::Duration;
use tokio::time::timeout;

/// How long the broker and the database may take to answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Says that the process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It does", body = String, content_type = "text/plain")))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Says whether database and relay can be reached.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "They can", body = String, content_type = "text/plain"),
    (status = 503, description = "One of them cannot, or the database is damaged", body = Problem, content_type = "application/problem+json"),
))]
pub async fn readyz(State(app): State<App>) -> Result<&'static str, Problem> {
    let unavailable = |what| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", what);
    if app.trouble.why().is_some() {
        return Err(unavailable(
            "the database is damaged or its disk fails; the server's log says more",
        ));
    }
    match timeout(TIMEOUT, app.store.ping()).await {
        Ok(Ok(())) => {}
        _ => return Err(unavailable("the database does not answer")),
    }
    match timeout(TIMEOUT, app.relay.is_connected()).await {
        Ok(true) => Ok("ok\n"),
        _ => Err(unavailable("the relay does not answer")),
    }
}

/// Counters for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text"),
))]
pub async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.metrics.to_text())
}
