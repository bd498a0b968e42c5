//! Lists: actions, investigators.

use super::setting::Setting;
use crate::api::Action;
use crate::exit::Exit;
use crate::output::safe;
use crate::show::time;
use crate::terminal::{line, one_line};
use serde_json::Value;

/// Lists actions, the newest first.
pub fn actions(setting: &Setting, limit: u32, as_json: bool) -> anyhow::Result<Exit> {
    let server = setting.server()?;
    let actions = server.list::<Action>("actions", &[]).take(limit as usize);
    let actions = actions.collect::<Result<Vec<_>, _>>()?;
    if as_json {
        line(&safe(&serde_json::to_string_pretty(&actions)?))?;
        return Ok(Exit::Found);
    }
    for action in actions {
        let modules = action.modules.join(", ");
        line(&one_line(&format!(
            "{}  {:9}  {}  {}  ({modules})",
            action.id,
            action.state,
            time(action.created),
            action.name
        )))?;
    }
    Ok(Exit::Found)
}

/// Lists the investigators in the server's policy.
pub fn investigators(setting: &Setting, as_json: bool) -> anyhow::Result<Exit> {
    let server = setting.server()?;
    let answer: Value = server.get("investigators", &[])?;
    let entries = answer.get("items").unwrap_or(&answer);
    if as_json {
        line(&safe(&serde_json::to_string_pretty(entries)?))?;
        return Ok(Exit::Found);
    }
    for entry in entries.as_array().into_iter().flatten() {
        line(&one_line(&investigator(entry)))?;
    }
    Ok(Exit::Found)
}

/// Name, fingerprints and groups of an investigator, as far as the server tells them.
fn investigator(entry: &Value) -> String {
    let words = |name: &str| match entry.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let texts = items.iter().filter_map(Value::as_str);
            texts.collect::<Vec<_>>().join(", ")
        }
        _ => String::new(),
    };
    let parts = [
        words("name"),
        words("fingerprint"),
        words("fingerprints"),
        words("groups"),
    ];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("  ")
}
