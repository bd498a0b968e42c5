//! Live progress of an action, as server-sent events.

#![allow(unused_qualifications, reason = "utoipa's macro writes paths of its own")]

use super::App;
use super::actions::stored;
use super::extract::{Asked, At};
use super::live::{INTERVAL, Progress};
use super::problem::Problem;
use super::results::ResultView;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::{Stream, stream};
use gumshoe_protocol::ActionId;
use gumshoe_store::{ActionState, PageRequest, ReportFilter, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::{IntoParams, ToSchema};

/// A comment is sent when nothing else was for so long: proxies close what is silent.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Results that are read at once.
const RESULTS: u32 = 100;

/// What is sent.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// Sends whole results, with what was found.
    #[serde(default)]
    bodies: bool,
    /// Only results behind this ordinal; `Last-Event-ID` counts more.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// One event, as the stream carries it.
#[derive(Serialize, ToSchema)]
pub struct EventView {
    /// `progress`, `result` or `end`.
    event: String,
    /// The ordinal, of a result.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// JSON: state and counters, or a result.
    data: String,
}

/// Tells how an action goes on, until it is over.
///
/// Events: `progress` (state and counters, when they changed), `result` (a host's message; its `id` is the ordinal, from which a
/// reader that was interrupted goes on by `Last-Event-ID`), `end` (nothing more comes).
#[utoipa::path(get, path = "/api/v1/actions/{id}/events", tag = "actions", params(("id" = String, Path, pattern = "^[0-9a-f]{32}$"), EventsQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The last ordinal that was read")),
    responses((status = 200, description = "Events", body = EventView, content_type = "text/event-stream"),
        (status = 404, description = "There is no such action", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many streams", body = Problem, content_type = "application/problem+json")))]
pub async fn events(
    State(app): State<App>,
    At(id): At<ActionId>,
    Asked(query): Asked<EventsQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    stored(&app, id).await?;
    let Some(place) = app.live.enter() else {
        let detail = "too many streams are open; try again";
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too-many-streams",
            detail,
        ));
    };
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let after = last.and_then(|text| text.parse().ok()).or(query.after);
    let watch = Watch {
        app,
        id,
        after: after.unwrap_or(0).max(0),
        bodies: query.bodies,
        told: None,
        waiting: VecDeque::new(),
        over: false,
        _place: place,
    };
    let events = stream::unfold(watch, async |mut watch| {
        watch.next().await.map(|event| (Ok(event), watch))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// One reader.
struct Watch {
    app: App,
    id: ActionId,
    after: i64,
    bodies: bool,
    told: Option<Progress>,
    waiting: VecDeque<Event>,
    over: bool,
    _place: OwnedSemaphorePermit,
}

impl Watch {
    /// The next event; `None` when there are no more.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            if let Err(error) = self.look().await {
                // The reader connects again, and goes on from where it was.
                tracing::warn!(error = crate::chain(&error), "a stream of events is interrupted");
                return None;
            }
            if self.waiting.is_empty() {
                tokio::select! {
                    () = tokio::time::sleep(INTERVAL) => {}
                    () = self.app.stop.cancelled() => return None,
                }
            }
        }
    }

    /// Asks the store what is new.
    async fn look(&mut self) -> Result<(), StoreError> {
        // Progress first: results that come meanwhile are then behind it, and not lost before `end`.
        let progress = self.app.live.progress(&self.app.store, self.id).await?;
        let more = self.read_results().await?;
        if self.told.as_ref() != Some(&progress) {
            self.waiting.push_back(progress_event(&progress));
            self.told = Some(progress.clone());
        }
        if !more && is_over(&progress) {
            self.over = true;
            self.waiting.push_back(Event::default().event("end").data("{}"));
        }
        Ok(())
    }

    /// Reads results behind the last one that was told; says whether there are more.
    async fn read_results(&mut self) -> Result<bool, StoreError> {
        let filter = ReportFilter {
            after: Some(self.after),
            ..ReportFilter::default()
        };
        let page = PageRequest::first(RESULTS);
        let page = self.app.store.reports(self.id, &filter, &page).await?;
        for report in page.items {
            let view = if self.bodies {
                ResultView::new(report, false)
            } else {
                ResultView::summary(report)
            };
            self.after = view.ordinal();
            let event = Event::default().event("result").id(self.after.to_string());
            self.waiting
                .push_back(event.data(serde_json::to_string(&view).unwrap_or_default()));
        }
        Ok(page.next.is_some())
    }
}

/// Whether nothing more is to be waited for.
fn is_over(progress: &Progress) -> bool {
    progress.state.is_none_or(ActionState::has_ended) && progress.busy == 0
}

fn progress_event(progress: &Progress) -> Event {
    let data = serde_json::json!({
        "state": progress.state, "counters": progress.counters,
    });
    Event::default().event("progress").data(data.to_string())
}
