//! `relay`: exchanges, queues, permissions.

use super::Exit;
use crate::config::Config;
use crate::relay::{Relay, declare};
use anyhow::Context as _;
use gumshoe_protocol::AgentId;
use gumshoe_protocol::relay::{agent_permissions, server_permissions};

pub(super) async fn setup(config: &Config) -> anyhow::Result<Exit> {
    let connection = Relay::new(&config.relay)?.connect("gumshoe-server setup").await?;
    let channel = connection.create_channel().await?;
    declare(&channel)
        .await
        .context("the relay refuses the declarations")?;
    connection.close(200, "done".into()).await?;
    Ok(Exit::Success)
}

pub(super) fn permissions(
    agent: Option<&str>,
    user: Option<&str>,
    host: &str,
    shell: bool,
) -> anyhow::Result<Exit> {
    let (permissions, default_user) = match agent {
        None => (server_permissions(), "gumshoe-server"),
        Some(agent) => {
            let id: AgentId = agent.parse().context("`--agent` is not acceptable")?;
            (agent_permissions(&id), agent)
        }
    };
    let user = user.unwrap_or(default_user);
    if shell {
        print!("{}", permissions.rabbitmqctl(user, host));
    } else {
        println!(
            "{}",
            serde_json::to_string_pretty(&permissions.definitions(user, host))?
        );
    }
    Ok(Exit::Success)
}
