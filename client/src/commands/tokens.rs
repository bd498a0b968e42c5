//! `token`: bearer tokens on the server.

use super::setting::Setting;
use crate::api::{Token, TokenMade, WhoAmI};
use crate::exit::{Exit, usage};
use crate::output::Columns;
use crate::show::time;
use crate::terminal::{line, one_line};
use gumshoe_protocol::units::Duration;
use serde_json::json;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
const TOKENS: Columns<4> = Columns([("TOKEN", 16), ("ROLE", 6), ("NAME", 24), ("VALID", 0)]);

/// Says whose token is used.
pub fn show(setting: &Setting) -> anyhow::Result<Exit> {
    let who: WhoAmI = setting.server()?.get("whoami", &[])?;
    let expires = time(who.expires);
    line(&one_line(&format!(
        "{}  {}  {}  until {expires}",
        who.name, who.subject, who.role
    )))?;
    Ok(Exit::Found)
}

/// Lists the server's tokens.
pub fn list(setting: &Setting) -> anyhow::Result<Exit> {
    let server = setting.server()?;
    TOKENS.heading()?;
    for token in server.list::<Token>("tokens", &[]) {
        let token = token?;
        let state = match token.revoked {
            Some(revoked) => format!("revoked {}", time(revoked)),
            None => format!("until {}", time(token.expires)),
        };
        TOKENS.row([&token.id, &token.role, &token.name, &state])?;
    }
    Ok(Exit::Found)
}

/// Makes a token, and prints it: this once.
pub fn create(setting: &Setting, name: &str, role: &str, expires: Duration) -> anyhow::Result<Exit> {
    let milliseconds = expires.milliseconds();
    if !milliseconds.is_multiple_of(DAY_MS) {
        return Err(usage("tokens are valid for whole days, such as 90d"));
    }
    let request = json!({"name": name, "role": role, "days": milliseconds / DAY_MS});
    let made: TokenMade = setting.server()?.post("tokens", &request)?;
    line(&one_line(&made.token))?;
    eprintln!("valid until {}; it is not shown again", time(made.expires));
    Ok(Exit::Found)
}

/// Makes a token worthless.
pub fn revoke(setting: &Setting, id: &str) -> anyhow::Result<Exit> {
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
        return Err(usage(format!(
            "{id:?} is no token's identifier: see `gumshoe token list`"
        )));
    }
    setting.server()?.delete(&format!("tokens/{id}"))?;
    Ok(Exit::Found)
}
