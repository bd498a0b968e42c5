//! `identity`: who this agent is.

use crate::exit::Exit;
use crate::state::identity::Identity;
use crate::terminal::line;
use anyhow::Context as _;
use serde_json::json;
use std::path::Path;

/// Prints the identity; makes none.
pub fn identity(folder: &Path, as_json: bool) -> anyhow::Result<Exit> {
    let identity = Identity::read(folder)?.with_context(|| {
        format!(
            "`{}` holds no identity: it is made when the agent first starts",
            folder.display()
        )
    })?;
    let key = identity.key.public().to_text();
    if as_json {
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
