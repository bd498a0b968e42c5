//! Counters for Prometheus.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Instant;

/// A message from the relay, or to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MessageLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: String,
}

/// Everything that is counted. Clones count together.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    received: Family<MessageLabels, Counter>,
    published: Family<MessageLabels, Counter>,
    stored_in: Family<KindLabels, Histogram>,
    requests: Family<RequestLabels, Counter>,
    request_time: Histogram,
    agents: Family<StateLabels, Gauge>,
    actions: Family<StateLabels, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.001, 2.0, 15));
        let mut all = Self {
            registry: Arc::default(),
            received: Family::default(),
            published: Family::default(),
            stored_in: Family::new_with_constructor(seconds),
            requests: Family::default(),
            request_time: seconds(),
            agents: Family::default(),
            actions: Family::default(),
        };
        all.registry = Arc::new(all.registered());
        all
    }

    fn registered(&self) -> Registry {
        let mut registry = Registry::with_prefix("gumshoe");
        registry.register(
            "messages_received",
            "Messages taken from the relay, by kind and what became of them",
            self.received.clone(),
        );
        registry.register(
            "messages_published",
            "Messages given to the relay, by kind and what became of them",
            self.published.clone(),
        );
        registry.register(
            "batch_seconds",
            "Time from taking a batch of messages to having it stored",
            self.stored_in.clone(),
        );
        registry.register(
            "http_requests",
            "Requests, by route and status",
            self.requests.clone(),
        );
        registry.register(
            "http_request_seconds",
            "Time to the first byte of an answer",
            self.request_time.clone(),
        );
        registry.register("agents", "Agents, by state", self.agents.clone());
        registry.register("actions", "Actions, by state", self.actions.clone());
        registry
    }

    /// A message from the relay, and what became of it.
    pub fn received(&self, kind: &'static str, outcome: &'static str, count: usize) {
        let labels = MessageLabels { kind, outcome };
        self.received.get_or_create(&labels).inc_by(count as u64);
    }

    /// Messages to the relay, and what became of them.
    pub fn published(&self, kind: &'static str, outcome: &'static str, count: usize) {
        let labels = MessageLabels { kind, outcome };
        self.published.get_or_create(&labels).inc_by(count as u64);
    }

    /// A batch that was taken at `since` is stored.
    pub fn stored(&self, kind: &'static str, since: Instant) {
        let histogram = self.stored_in.get_or_create(&KindLabels { kind });
        histogram.observe(since.elapsed().as_secs_f64());
    }

    /// A request that came at `since` has been answered.
    pub fn answered(&self, method: &str, route: &str, status: u16, since: Instant) {
        let labels = RequestLabels {
            method: method.to_owned(),
            route: route.to_owned(),
            status,
        };
        self.requests.get_or_create(&labels).inc();
        self.request_time.observe(since.elapsed().as_secs_f64());
    }

    /// How many agents are in a state.
    pub fn set_agents(&self, state: &str, count: u64) {
        set(&self.agents, state, count);
    }

    /// How many actions are in a state.
    pub fn set_actions(&self, state: &str, count: u64) {
        set(&self.actions, state, count);
    }

    /// As Prometheus reads it (OpenMetrics text).
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        match text::encode(&mut text, &self.registry) {
            Ok(()) => text,
            // Writing to a `String` does not fail.
            Err(_) => String::new(),
        }
    }
}

fn set(family: &Family<StateLabels, Gauge>, state: &str, count: u64) {
    let labels = StateLabels {
        state: state.to_owned(),
    };
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    family.get_or_create(&labels).set(count);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_told_in_open_metrics() {
        let metrics = Metrics::new();
        metrics.received("report", "stored", 3);
        metrics.answered("GET", "/healthz", 200, Instant::now());
        metrics.set_agents("approved", 7);
        let text = metrics.to_text();
        for line in [
            "gumshoe_messages_received_total{kind=\"report\",outcome=\"stored\"} 3",
            "gumshoe_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1",
            "gumshoe_agents{state=\"approved\"} 7",
            "# EOF",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
