//! Looks over the fleet: which agents are silent, outdated, or two with one identity. Tells each once, as an event.
//!
//! What was told is remembered by the store, with the event that tells it: a worker that is killed tells nothing twice.

use crate::config::WorkersConfig;
use crate::trouble::Trouble;
use chrono::{TimeDelta, Utc};
use gumshoe_store::{Agent, AgentFilter, AgentNotice, AgentState, PageRequest, Store, StoreError, Told};
use semver::Version;
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
    trouble: Trouble,
}

impl AgentWatch {
    /// By the configuration's limits. `holder` is this worker's name.
    ///
    /// # Errors
    ///
    /// When the oldest version is not a version.
    pub fn new(
        store: Store,
        holder: &str,
        config: &WorkersConfig,
        trouble: Trouble,
    ) -> Result<Self, semver::Error> {
        let oldest = config.oldest_agent.as_deref().map(Version::parse).transpose()?;
        Ok(Self {
            store,
            holder: holder.to_owned(),
            silent_after: config.silent_after_intervals,
            oldest,
            trouble,
        })
    }

    /// Looks until `stop`. Of several workers one does it.
    pub async fn run(self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.round().await {
                self.trouble.note(&error);
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

    async fn round(&self) -> Result<(), StoreError> {
        let now = Utc::now();
        if !self
            .store
            .take_lease(WORK, &self.holder, now, now + LEASE)
            .await?
        {
            // Another worker tells.
            return Ok(());
        }
        let filter = AgentFilter {
            states: vec![AgentState::Approved],
            ..AgentFilter::default()
        };
        let mut told = self.store.told_notices().await?;
        let mut page = PageRequest::first(PageRequest::MOST);
        loop {
            let agents = self.store.agents(&filter, &page).await?;
            let new: Vec<_> = agents
                .items
                .iter()
                .flat_map(|agent| self.news(agent, &mut told))
                .collect();
            if !new.is_empty() {
                self.store.tell_notices(&new, now).await?;
            }
            if agents.next.is_none() {
                break;
            }
            page.after = agents.next;
        }
        // What is left of it is over, or is about agents that take no part any more.
        self.store.forget_notices(told.keys()).await
    }

    /// What is to be told of an agent and was not; what was told and goes on is taken out of `told`.
    fn news(&self, agent: &Agent, told: &mut Told) -> Vec<AgentNotice> {
        let duplicate = agent.duplicate.as_ref();
        let duplicate =
            duplicate.map(|mark| format!("{}; noticed at {}", mark.note, mark.since.to_rfc3339()));
        let mut news = Vec::new();
        for (kind, note) in [
            ("agent-silent", self.silence(agent)),
            ("agent-outdated", self.age(agent)),
            ("agent-duplicate", duplicate),
        ] {
            let Some(note) = note else { continue };
            if told.remove(&(agent.id, kind.to_owned())).as_ref() != Some(&note) {
                news.push(AgentNotice {
                    agent: agent.id,
                    hostname: agent.hostname.clone(),
                    kind,
                    note,
                });
            }
        }
        news
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
