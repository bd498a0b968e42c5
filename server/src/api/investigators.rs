//! Who may sign: from the policy that is in force.

use super::App;
use super::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// Somebody who may sign.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvestigatorView {
    /// Name.
    name: String,
    /// Fingerprints of the keys.
    fingerprints: Vec<String>,
}

/// Lists the investigators of the policy that is in force here; each agent has a policy of its own.
#[utoipa::path(get, path = "/api/v1/investigators", tag = "investigators",
    responses((status = 200, description = "Investigators", body = Vec<InvestigatorView>)))]
pub async fn list(State(app): State<App>) -> Result<Json<Vec<InvestigatorView>>, Problem> {
    let policy = app.policy.get();
    let views = policy.investigators().iter().map(|one| InvestigatorView {
        name: one.name.clone(),
        fingerprints: vec![one.certificate.fingerprint().to_string()],
    });
    Ok(Json(views.collect()))
}
