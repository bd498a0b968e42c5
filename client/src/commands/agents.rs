//! `agents`: who takes part.

use super::setting::Setting;
use crate::api::Agent;
use crate::exit::{Exit, usage};
use crate::output::{Columns, safe};
use crate::show::time;
use crate::terminal::{line, one_line};
use gumshoe_protocol::AgentId;
use serde_json::{Value, json};

const AGENTS: Columns<5> = Columns([
    ("AGENT", 32),
    ("STATE", 8),
    ("VERSION", 8),
    ("HOST", 24),
    ("SEEN", 0),
]);

/// Lists agents.
pub fn list(
    setting: &Setting,
    state: Option<&str>,
    text: Option<&str>,
    ndjson: bool,
) -> anyhow::Result<Exit> {
    let server = setting.server()?;
    let wanted = [("state", state), ("text", text), ("limit", Some("500"))];
    let query: Vec<_> = wanted
        .iter()
        .filter_map(|(name, value)| Some((*name, (*value)?)))
        .collect();
    if !ndjson {
        AGENTS.heading()?;
    }
    for agent in server.list::<Agent>("agents", &query) {
        let agent = agent?;
        if ndjson {
            line(&safe(&serde_json::to_string(&agent)?))?;
        } else {
            AGENTS.row(row(&agent).each_ref().map(String::as_str))?;
        }
    }
    Ok(Exit::Found)
}

fn row(agent: &Agent) -> [String; 5] {
    let presence = if agent.online {
        "online".to_owned()
    } else {
        format!("away since {}", time(agent.last_seen))
    };
    let twin = match agent.duplicate {
        Some(_) => "; two hosts seem to share this identity",
        None => "",
    };
    [
        agent.id.to_string(),
        agent.state.clone(),
        agent.agent_version.clone(),
        agent.hostname.clone(),
        presence + twin,
    ]
}

/// Shows one agent.
pub fn show(setting: &Setting, id: AgentId, as_json: bool) -> anyhow::Result<Exit> {
    let agent: Agent = setting.server()?.get(&format!("agents/{id}"), &[])?;
    if as_json {
        line(&safe(&serde_json::to_string_pretty(&agent)?))?;
        return Ok(Exit::Found);
    }
    AGENTS.row(row(&agent).each_ref().map(String::as_str))?;
    for (name, value) in &agent.labels {
        line(&one_line(&format!("  label    {name}={value}")))?;
    }
    for blind_spot in &agent.blind_spots {
        line(&one_line(&format!("  cannot look at: {blind_spot}")))?;
    }
    if let Value::Object(facts) = &agent.facts {
        for (name, value) in facts {
            line(&format!("  {:16} {}", one_line(name), safe(&value.to_string())))?;
        }
    }
    Ok(Exit::Found)
}

/// Approves or rejects agents; ends at the first that the server refuses.
pub fn decide(setting: &Setting, ids: &[AgentId], what: &str) -> anyhow::Result<Exit> {
    let server = setting.server()?;
    for id in ids {
        let agent: Agent = server.post(&format!("agents/{id}/{what}"), &json!({}))?;
        eprintln!("{id}  {}  {}", one_line(&agent.hostname), one_line(&agent.state));
    }
    Ok(Exit::Found)
}

/// Sets labels of an agent, and takes labels away; the others stay.
pub fn tag(setting: &Setting, id: AgentId, changes: &[String]) -> anyhow::Result<Exit> {
    let server = setting.server()?;
    let agent: Agent = server.get(&format!("agents/{id}"), &[])?;
    let mut labels = agent.labels;
    for change in changes {
        match change.split_once('=') {
            None | Some(("", _)) => return Err(usage(format!("{change:?} is not NAME=VALUE"))),
            Some((name, "")) => drop(labels.remove(name)),
            Some((name, value)) => drop(labels.insert(name.to_owned(), value.to_owned())),
        }
    }
    let agent: Agent = server.put(&format!("agents/{id}/labels"), &labels)?;
    for (name, value) in &agent.labels {
        line(&one_line(&format!("{name}={value}")))?;
    }
    Ok(Exit::Found)
}
