//! The OpenAPI document, made from the handlers and from the table of routes.

use super::access::{Access, required};
use super::problem::Problem;
use axum::Json;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, InfoBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

/// Name of the bearer token's scheme.
const SCHEME: &str = "token";

/// What the document says first.
const ABOUT: &str = "Signed questions to a fleet of hosts, and what they answered.

Show a token with every request: `Authorization: Bearer TOKEN`. Investigators get one by a login with their OpenPGP key, machines from \
an administrator. Errors are problem details (RFC 9457) with a stable `code`. Lists come in pages: pass `next` of a page as `cursor`.";
/// What path parameters are, in the order of what paths begin with.
const IDENTIFIERS: [(&str, &str); 3] = [
    ("/api/v1/actions/", "The action's identifier"),
    ("/api/v1/agents/", "The agent's identifier"),
    ("/api/v1/tokens/", "The token's identifier"),
];

/// Shows this document.
#[utoipa::path(get, path = "/openapi.json", tag = "health", responses((status = 200, description = "OpenAPI", body = Object)))]
pub async fn get_document() -> Json<OpenApi> {
    Json(document())
}

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let (_, mut document) = super::routes().split_for_parts();
    document.info = InfoBuilder::new()
        .title("Gumshoe")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .build();
    let components = document.components.get_or_insert_default();
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme(SCHEME, SecurityScheme::Http(scheme));
    components
        .schemas
        .insert(Problem::name().into_owned(), Problem::schema());
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let access = required(method, path).unwrap_or(Access::Admin);
            decorate(operation, access);
            name(operation);
            explain_identifiers(operation, path);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("GET", item.get.as_mut()),
        ("POST", item.post.as_mut()),
        ("PUT", item.put.as_mut()),
        ("DELETE", item.delete.as_mut()),
        ("PATCH", item.patch.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.map(|operation| (method, operation)))
}

/// Adds what every route has: its scheme, and the problems that are the same everywhere.
fn decorate(operation: &mut Operation, access: Access) {
    let mut common = vec![
        ("400", "A parameter or the body cannot be read"),
        ("405", "The path has no such method"),
        ("429", "Too many requests"),
        ("503", "The database does not answer; try again"),
    ];
    if operation.request_body.is_some() {
        common.extend([
            ("413", "The body is too large"),
            ("415", "The body is not JSON"),
            ("422", "The body is not what is expected"),
        ]);
    }
    if access == Access::Open {
        operation.security = Some(Vec::new());
    } else {
        operation.security = Some(vec![SecurityRequirement::new(SCHEME, Vec::<String>::new())]);
        let role = format!("{access:?}").to_lowercase();
        let role = format!("Needs a token of the role `{role}` or higher.");
        operation.description = Some(match operation.description.take() {
            Some(text) => format!("{text}\n\n{role}"),
            None => role,
        });
        common.extend([
            ("401", "No token, or none that is known"),
            ("403", "The token's role is not enough"),
        ]);
    }
    for (status, text) in common {
        let content = Content::new(Some(Ref::from_schema_name(Problem::name())));
        let response = ResponseBuilder::new()
            .description(text)
            .content("application/problem+json", content)
            .build();
        let responses = &mut operation.responses.responses;
        responses
            .entry(status.to_owned())
            .or_insert_with(|| response.into());
    }
}

/// Names of handlers are their own within a tag only; clients that are generated from the document need one for each.
fn name(operation: &mut Operation) {
    let tag = operation.tags.as_ref().and_then(|tags| tags.first());
    if let (Some(tag), Some(own)) = (tag, &operation.operation_id) {
        operation.operation_id = Some(format!("{tag}_{own}"));
    }
}

fn explain_identifiers(operation: &mut Operation, path: &str) {
    let explained = IDENTIFIERS.iter().find(|(begin, _)| path.starts_with(begin));
    let Some((_, text)) = explained else { return };
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.name == "id"
        {
            parameter.description = Some((*text).to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::access::ROUTES;
    use super::*;

    #[test]
    fn every_route_is_in_the_table_and_every_entry_is_a_route() {
        let mut document = document();
        let mut routes: Vec<(String, String)> = Vec::new();
        for (path, item) in &mut document.paths.paths {
            routes.extend(operations(item).map(|(method, _)| (method.to_owned(), path.clone())));
        }
        for (method, path) in &routes {
            assert!(
                required(method, path).is_some(),
                "{method} {path} is not in the table"
            );
        }
        let ids: std::collections::BTreeSet<_> = document
            .paths
            .paths
            .values_mut()
            .flat_map(operations)
            .map(|(_, operation)| operation.operation_id.clone())
            .collect();
        assert_eq!(ids.len(), routes.len(), "{ids:?}");
        for (method, path, _) in ROUTES {
            let entry = ((*method).to_owned(), (*path).to_owned());
            assert!(routes.contains(&entry), "{method} {path} is no route");
        }
    }
}
