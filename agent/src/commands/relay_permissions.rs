//! `relay-permissions`: what the agent's user at the relay may do.

use crate::cli::RelayPermissions;
use crate::exit::Exit;
use crate::state::identity::Identity;
use crate::terminal::line;
use anyhow::Context as _;
use gumshoe_protocol::relay::agent_permissions;

/// Prints commands for `rabbitmqctl`, or a definitions document; changes nothing.
pub fn relay_permissions(options: &RelayPermissions) -> anyhow::Result<Exit> {
    let folder = &options.state.folder;
    let agent = match options.id {
        Some(agent) => agent,
        None => {
            Identity::read(folder)?
                .with_context(|| {
                    format!(
                        "`{}` holds no identity yet: make one with `gumshoe-agent identity --create`, or name an agent \
                         with --id",
                        folder.display()
                    )
                })?
                .agent
        }
    };
    let user = options.user.clone().unwrap_or_else(|| format!("agent-{agent}"));
    let permissions = agent_permissions(&agent);
    let text = if options.json {
        serde_json::to_string_pretty(&permissions.definitions(&user, &options.vhost))?
    } else {
        permissions.rabbitmqctl(&user, &options.vhost)
    };
    line(text.trim_end())?;
    Ok(Exit::Found)
}
