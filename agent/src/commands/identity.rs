//! `identity`: who this agent is.

use crate::cli::ShowIdentity;
use crate::config::Config;
use crate::exit::Exit;
use crate::host::Host;
use crate::obey::Ledger;
use crate::state::identity::Identity;
use crate::terminal::line;
use anyhow::Context as _;
use chrono::Utc;
use serde_json::json;

/// Prints the identity; makes one only where that is asked for.
pub fn identity(config: &Config, arguments: &ShowIdentity) -> anyhow::Result<Exit> {
    let folder = &arguments.options.state.folder;
    if arguments.create && !Identity::exists(folder) {
        let host = Host::look(config);
        Ledger::open(folder, &host.machine, host.facts.hostname, Utc::now())?;
    }
    let identity = Identity::read(folder)?.with_context(|| {
        format!(
            "`{}` holds no identity: it is made when the agent first starts, or by --create",
            folder.display()
        )
    })?;
    let key = identity.key.public().to_text();
    if arguments.options.json {
        let value = json!({
            "agent": identity.agent,
            "public_key": key,
            "since": identity.since,
            "previous": identity.previous,
        });
        line(&serde_json::to_string_pretty(&value)?)?;
        return Ok(Exit::Found);
    }
    line(&format!("agent       {}", identity.agent))?;
    line(&format!("public key  {key}"))?;
    line(&format!("since       {}", identity.since))?;
    if let Some(previous) = identity.previous {
        line(&format!("before      {previous} (this host is a copy)"))?;
    }
    Ok(Exit::Found)
}
