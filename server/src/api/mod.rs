//! The HTTP interface: JSON, described by an OpenAPI document that is generated from this code.

mod access;
mod actions;
mod agents;
mod audit;
mod authorise;
mod events;
mod extract;
mod health;
mod investigators;
mod listen;
mod live;
mod login;
mod openapi;
mod pages;
mod preview;
mod problem;
mod rate;
mod results;
mod submit;
mod tokens;
mod unread;

pub use access::{Access, ROUTES, TokenRole};
pub use agents::is_online;
pub use authorise::Caller;
pub use listen::Door;
pub use live::Live;
pub use openapi::document;
pub use problem::Problem;
pub use rate::Limiter;

use crate::audit::Audit;
use crate::config::ApiConfig;
use crate::metrics::Metrics;
use crate::policy::CurrentPolicy;
use crate::relay::Publisher;
use crate::scheduler::Wake;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use gumshoe_protocol::bounds::ENVELOPE_BYTES;
use gumshoe_store::Store;
use listen::Peer;
use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Bytes of a request's body: an envelope in JSON, and the options around it.
const MAX_BODY_BYTES: usize = ENVELOPE_BYTES + (64 << 10);
/// How long a client may take to finish when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// What handlers work with. Clones are the same.
#[derive(Clone)]
pub struct App {
    /// Where everything is kept.
    pub store: Store,
    /// Who may ask what.
    pub policy: CurrentPolicy,
    /// Where decisions and accesses are written down.
    pub audit: Audit,
    /// Where requests are counted.
    pub metrics: Metrics,
    /// Whether the broker can be reached is part of being ready.
    pub relay: Arc<Publisher>,
    /// Tells the scheduler of this process that there is something to do.
    pub wake: Wake,
    /// What clients call this server.
    pub origin: Arc<str>,
    /// Investigators whose logins are of the role `admin`.
    pub admins: Arc<[String]>,
    /// How long a login is valid.
    pub session: Duration,
    /// How many requests one caller may make.
    pub limiter: Arc<Limiter>,
    /// How many requests with tokens may come from one address.
    pub shared_limiter: Arc<Limiter>,
    /// Live progress of actions.
    pub live: Live,
    /// Ends streams when the server stops.
    pub stop: CancellationToken,
}

/// All routes, with their descriptions.
fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .routes(routes!(openapi::get_document))
        .routes(routes!(login::challenge))
        .routes(routes!(login::login))
        .routes(routes!(login::logout))
        .routes(routes!(login::whoami))
        .routes(routes!(actions::list, submit::submit))
        .routes(routes!(preview::preview))
        .routes(routes!(actions::get))
        .routes(routes!(actions::envelope))
        .routes(routes!(actions::counters))
        .routes(routes!(actions::targets))
        .routes(routes!(results::results))
        .routes(routes!(events::events))
        .routes(routes!(submit::cancel))
        .routes(routes!(submit::stop))
        .routes(routes!(agents::list))
        .routes(routes!(agents::get, agents::delete))
        .routes(routes!(agents::approve))
        .routes(routes!(agents::reject))
        .routes(routes!(agents::set_labels))
        .routes(routes!(investigators::list))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(audit::list))
        .routes(routes!(audit::verify))
}

/// The whole interface as a service.
pub fn router(app: App) -> Router {
    let (router, _) = routes().split_for_parts();
    router
        .fallback(authorise::no_such_route)
        .method_not_allowed_fallback(authorise::no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .route_layer(middleware::from_fn_with_state(app.clone(), authorise::authorise))
        .layer(middleware::from_fn(unread::read_out))
        .with_state(app)
}

/// Answers requests until `stop`; then lets those that run come to their end for a while.
///
/// # Errors
///
/// When the listener fails.
pub async fn serve(app: App, door: Door) -> std::io::Result<()> {
    let stop = app.stop.clone();
    let service = router(app).into_make_service_with_connect_info::<Peer>();
    let stopped = stop.clone();
    let serving = axum::serve(door, service).with_graceful_shutdown(async move { stopped.cancelled().await });
    let deadline = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        ended = serving.into_future() => ended,
        () = deadline => Ok(()),
    }
}

/// The listener that the configuration asks for.
///
/// # Errors
///
/// When certificates cannot be read or the address cannot be bound.
pub async fn open_door(config: &ApiConfig) -> anyhow::Result<Door> {
    let tls = config.identity.as_ref().map(crate::tls::server).transpose()?;
    Ok(Door::open(config.listen, tls).await?)
}
