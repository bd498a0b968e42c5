//! Lists: actions, investigators.

use super::setting::Setting;
use crate::api::Action;
use crate::exit::Exit;
use crate::output::{Columns, safe};
use crate::show::time;
use crate::terminal::line;
use serde_json::Value;

const ACTIONS: Columns<5> = Columns([
    ("ACTION", 32),
    ("STATE", 9),
    ("SENT", 23),
    ("MODULES", 12),
    ("NAME", 0),
]);
const INVESTIGATORS: Columns<3> = Columns([("NAME", 16), ("FINGERPRINT", 40), ("GROUPS", 0)]);

/// Lists actions, the newest first.
pub fn actions(setting: &Setting, limit: u32, as_json: bool) -> anyhow::Result<Exit> {
    let server = setting.server()?;
    let actions = server.list::<Action>("actions", &[]).take(limit as usize);
    let actions = actions.collect::<Result<Vec<_>, _>>()?;
    if as_json {
        line(&safe(&serde_json::to_string_pretty(&actions)?))?;
        return Ok(Exit::Found);
    }
    ACTIONS.heading()?;
    for action in actions {
        ACTIONS.row([
            &action.id.to_string(),
            &action.state,
            &time(action.created),
            &action.modules.join(","),
            &action.name,
        ])?;
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
    INVESTIGATORS.heading()?;
    for entry in entries.as_array().into_iter().flatten() {
        let [name, fingerprint, groups] = ["name", "fingerprint", "groups"].map(|field| words(entry, field));
        INVESTIGATORS.row([&name, &fingerprint, &groups])?;
    }
    Ok(Exit::Found)
}

/// A field of an investigator, as far as the server tells it.
fn words(entry: &Value, field: &str) -> String {
    match entry.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let texts = items.iter().filter_map(Value::as_str);
            texts.collect::<Vec<_>>().join(",")
        }
        _ => String::new(),
    }
}
