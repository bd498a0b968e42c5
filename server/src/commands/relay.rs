//! `relay`: exchanges, queues, permissions.

use super::Exit;
use crate::config::Config;
use crate::relay::{Relay, agent_definitions, declare, server_definitions};
use anyhow::Context as _;
use gumshoe_protocol::AgentId;

pub(super) async fn setup(config: &Config) -> anyhow::Result<Exit> {
    let connection = Relay::new(&config.relay)?.connect("gumshoe-server setup").await?;
    let channel = connection.create_channel().await?;
    declare(&channel)
        .await
        .context("the relay refuses the declarations")?;
    connection.close(200, "done".into()).await?;
    Ok(Exit::Success)
}

pub(super) fn permissions(agent: Option<&str>, user: Option<&str>) -> anyhow::Result<Exit> {
    let definitions = match agent {
        None => server_definitions(user.unwrap_or("gumshoe-server")),
        Some(agent) => {
            let id: AgentId = agent.parse().context("`--agent` is not acceptable")?;
            agent_definitions(&id, user.unwrap_or(agent))
        }
    };
    println!("{}", serde_json::to_string_pretty(&definitions)?);
    Ok(Exit::Success)
}
