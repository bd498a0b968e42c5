//! axum's extractors, with problem details for what they refuse.

use super::problem::Problem;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// A JSON body.
pub struct Body<T>(pub T);

/// Parameters in the path.
pub struct At<T>(pub T);

/// Parameters behind the `?`.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let refused = |error: JsonRejection| Problem::new(error.status(), "invalid-body", error.body_text());
        let axum::Json(value) = axum::Json::from_request(request, state).await.map_err(refused)?;
        Ok(Self(value))
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let refused = |error: PathRejection| Problem::bad_request("invalid-path", error.body_text());
        let Path(value) = Path::from_request_parts(parts, state).await.map_err(refused)?;
        Ok(Self(value))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let refused = |error: QueryRejection| Problem::bad_request("invalid-query", error.body_text());
        let Query(value) = Query::from_request_parts(parts, state).await.map_err(refused)?;
        Ok(Self(value))
    }
}
