//! Looks over the fleet: which agents are silent, outdated, or two with one identity. Tells each once, as an event.

use crate::config::WorkersConfig;
use chrono::{TimeDelta, Utc};
use gumshoe_protocol::AgentId;
use gumshoe_store::{Agent, AgentFilter, AgentState, NewEvent, PageRequest, Store, StoreError};
use semver::Version;
use std::collections::HashSet;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the fleet is looked over.
const INTERVAL: Duration = Duration::from_secs(30);
/// How long the work belongs to a worker that says nothing more.
const LEASE: TimeDelta = TimeDelta::seconds(120);
/// The work's name among leases.
const WORK: &str = "worker:agents";

/// Looks over the fleet.
pub struct AgentWatch {
    store: Store,
    holder: String,
    silent_after: u32,
    oldest: Option<Version>,
    told: HashSet<(AgentId, &'static str)>,
}

impl AgentWatch {
    /// By the configuration's limits. `holder` is this worker's name.
    ///
    /// # Errors
    ///
    /// When the oldest version is not a version.
    pub fn new(store: Store, holder: &str, config: &WorkersConfig) -> Result<Self, semver::Error> {
        let oldest = config.oldest_agent.as_deref().map(Version::parse).transpose()?;
        Ok(Self {
            store,
            holder: holder.to_owned(),
            silent_after: config.silent_after_intervals,
            oldest,
            told: HashSet::new(),
        })
    }

    /// Looks until `stop`. Of several workers one does it.
    pub async fn run(mut self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.round().await {
                tracing::warn!(
                    error = crate::chain(&error),
                    "the fleet could not be looked over; trying again"
                );
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = stop.cancelled() => {}
            }
        }
        // Another worker, or the next one, begins at once.
        let _ = self.store.release_lease(WORK, &self.holder).await;
    }

    async fn round(&mut self) -> Result<(), StoreError> {
        let now = Utc::now();
        if !self
            .store
            .take_lease(WORK, &self.holder, now, now + LEASE)
            .await?
        {
            // Another worker tells; should it end, this one begins anew.
            self.told.clear();
            return Ok(());
        }
        let filter = AgentFilter {
            states: vec![AgentState::Approved],
            ..AgentFilter::default()
        };
        let mut page = PageRequest::first(PageRequest::MOST);
        loop {
            let agents = self.store.agents(&filter, &page).await?;
            for agent in &agents.items {
                self.judge(agent).await?;
            }
            if agents.next.is_none() {
                return Ok(());
            }
            page.after = agents.next;
        }
    }

    async fn judge(&mut self, agent: &Agent) -> Result<(), StoreError> {
        let duplicate = agent.duplicate.as_ref().map(|mark| mark.note.clone());
        for (kind, note) in [
            ("agent-silent", self.silence(agent)),
            ("agent-outdated", self.age(agent)),
            ("agent-duplicate", duplicate),
        ] {
            let key = (agent.id, kind);
            match note {
                None => drop(self.told.remove(&key)),
                Some(note) if !self.told.contains(&key) => {
                    self.tell(agent, kind, note).await?;
                    self.told.insert(key);
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    async fn tell(&self, agent: &Agent, kind: &str, note: String) -> Result<(), StoreError> {
        let event = NewEvent {
            time: Utc::now(),
            kind: kind.to_owned(),
            body: serde_json::json!({"agent": agent.id, "hostname": agent.hostname, "note": note}),
        };
        self.store.add_event(&event).await
    }

    fn silence(&self, agent: &Agent) -> Option<String> {
        let silent = Utc::now().signed_duration_since(agent.last_seen).num_seconds();
        let allowed = agent.interval_s.saturating_mul(self.silent_after.into());
        let is_silent = u64::try_from(silent).is_ok_and(|silent| silent > allowed);
        is_silent.then(|| format!("last heard of at {}", agent.last_seen.to_rfc3339()))
    }

    fn age(&self, agent: &Agent) -> Option<String> {
        let oldest = self.oldest.as_ref()?;
        let version = &agent.facts.agent_version;
        let outdated = Version::parse(version).is_ok_and(|version| version < *oldest);
        outdated.then(|| format!("version {version} is below {oldest}"))
    }
}
