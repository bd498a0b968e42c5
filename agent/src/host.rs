//! What the agent knows about its host before it asks anybody: the facts that targets are about.

use crate::config::Config;
use crate::plugins::{choose, names};
use crate::state::identity::Machine;
use gumshoe_protocol::{AgentId, Facts, PROTOCOL};
use std::path::Path;

/// The facts of this host.
#[must_use]
pub fn facts(config: &Config, agent: Option<AgentId>) -> Facts {
    let system = rustix::system::uname();
    let names = names(config).unwrap_or_default();
    Facts {
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        hostname: hostname(),
        id: agent.map(|id| id.to_string()).unwrap_or_default(),
        kernel: system.release().to_string_lossy().into_owned(),
        modules: names.into_iter().filter(|name| choose(config, name).is_ok()).collect(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
        ..Facts::default()
    }
}

/// The host's name, as it calls itself.
#[must_use]
pub fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Which machine this is.
#[must_use]
pub fn machine() -> Machine {
    Machine {
        id: machine_id(Path::new("/etc/machine-id")),
        instance: None,
    }
}

/// Source: machine-id(5): 32 digits; `uninitialized` or nothing before the first boot.
fn machine_id(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let text = text.trim();
    (text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| text.to_owned())
}
