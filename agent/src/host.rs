//! What the agent has to know about its host before it can decide: the facts, and which machine this is.

use crate::config::Config;
use crate::facts::{Cloud, Sources, gather};
use crate::state::identity::Machine;
use gumshoe_protocol::{AgentId, Facts};
use std::collections::BTreeMap;

/// The host, as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// What targets are expressions over; without the agent's identifier until [`Host::named`].
    pub facts: Facts,
    /// Which machine this is.
    pub machine: Machine,
    /// The cloud that it is an instance of, if its firmware says so.
    pub cloud: Option<Cloud>,
    /// What could not be learnt about it.
    pub problems: Vec<String>,
}

impl Host {
    /// Looks at the host. Nothing is asked of a network.
    #[must_use]
    pub fn look(config: &Config) -> Self {
        let gathered = gather(&Sources {
            root: "/".into(),
            tags_dir: config.dir.join("tags.d"),
        });
        let mut facts = gathered.facts;
        let enabled = config
            .modules
            .iter()
            .filter(|(_, module)| module.as_ref().is_ok_and(|module| module.enabled));
        facts.modules = enabled.map(|(name, _)| name.clone()).collect();
        Self {
            machine: Machine {
                id: gathered.machine,
                instance: facts.cloud.get("instance_id").cloned(),
            },
            facts,
            cloud: gathered.cloud,
            problems: gathered.problems,
        }
    }

    /// What the cloud's metadata service said, where the host's own files did not say it.
    pub fn add_metadata(&mut self, told: &BTreeMap<String, String>) {
        for (name, text) in told {
            self.facts
                .cloud
                .entry(name.clone())
                .or_insert_with(|| text.clone());
        }
    }

    /// The same host with its agent's identifier.
    #[must_use]
    pub fn named(mut self, agent: AgentId) -> Self {
        self.facts.id = agent.to_string();
        self
    }
}
