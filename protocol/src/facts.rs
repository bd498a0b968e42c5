//! What a host says about itself: what targets are expressions over.

use crate::ids::AgentId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Facts about one host. Every field is a name in targets.
///
/// Limits: at most [`Facts::MAX_IPS`] addresses, [`Facts::MAX_ENTRIES`] entries per map, texts of at most [`Facts::MAX_TEXT`] bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// `linux` or `macos`.
    pub os: String,
    /// Processor, as Rust names it: `x86_64`, `aarch64`.
    pub arch: String,
    /// The host's name, as it calls itself.
    pub hostname: String,
    /// The agent's identifier; empty before it has one.
    pub id: String,
    /// `/etc/os-release` in lowercase keys: `id`, `version_id`, `id_like`, …; the same keys on macOS.
    pub os_release: BTreeMap<String, String>,
    /// Version of the kernel.
    pub kernel: String,
    /// Processors that are online.
    pub cpus: u64,
    /// Memory of the host, in bytes.
    pub memory_bytes: u64,
    /// Addresses of all interfaces but loopback, as text, sorted.
    pub ips: Vec<String>,
    /// What the host's owner wrote into `tags.d`.
    pub tags: BTreeMap<String, String>,
    /// Names of the enabled modules, sorted.
    pub modules: Vec<String>,
    /// From the cloud's metadata: `provider`, `instance_id`, `region`, `zone`, `instance_type`, `account`; empty elsewhere.
    pub cloud: BTreeMap<String, String>,
    /// The agent's version.
    pub agent_version: String,
    /// The newest version of the protocol that the agent speaks.
    pub protocol: u32,
}

impl Facts {
    /// How many addresses are told.
    pub const MAX_IPS: usize = 256;
    /// How many entries a map has.
    pub const MAX_ENTRIES: usize = 256;
    /// How long a text is.
    pub const MAX_TEXT: usize = 1024;

    /// The agent's identifier, where it has one.
    #[must_use]
    pub fn agent(&self) -> Option<AgentId> {
        self.id.parse().ok()
    }

    /// As variables of an expression: one per field.
    #[must_use]
    pub fn to_variables(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }

    /// Whether everything is within its limits; for facts that arrive from outside.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        let maps = [&self.os_release, &self.tags, &self.cloud];
        let texts = [
            &self.os,
            &self.arch,
            &self.hostname,
            &self.id,
            &self.kernel,
            &self.agent_version,
        ];
        let short = |text: &str| text.len() <= Self::MAX_TEXT;
        maps.iter()
            .all(|map| map.len() <= Self::MAX_ENTRIES && map.iter().all(|(k, v)| short(k) && short(v)))
            && texts.iter().all(|text| short(text))
            && self.ips.len() <= Self::MAX_IPS
            && self.modules.len() <= Self::MAX_ENTRIES
            && self.ips.iter().chain(&self.modules).all(|text| short(text))
    }
}
