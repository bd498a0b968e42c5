//! `token`: for the first administrator, and for machines.

use super::{Exit, open_store};
use crate::cli::{TokenCommand, TokenRole as Role};
use crate::config::Config;
use crate::secret;
use anyhow::Context as _;
use chrono::{TimeDelta, Utc};
use gumshoe_protocol::{ContentDigest, units};
use gumshoe_store::{NewAudit, NewToken, PageRequest, Store, TokenId, TokenRole};

pub(super) async fn run(command: &TokenCommand, config: &Config) -> anyhow::Result<Exit> {
    let store = open_store(config).await?;
    store.migrate().await?;
    match command {
        TokenCommand::Create { name, role, valid } => create(&store, name, *role, valid).await,
        TokenCommand::List => list(&store).await,
        TokenCommand::Revoke { id } => revoke(&store, id).await,
    }
}

async fn create(store: &Store, name: &str, role: Role, valid: &str) -> anyhow::Result<Exit> {
    let valid: units::Duration = valid.parse().map_err(|error: String| anyhow::anyhow!(error))?;
    let valid = i64::try_from(valid.milliseconds()).ok().and_then(TimeDelta::try_milliseconds);
    let expires = valid.and_then(|valid| Utc::now().checked_add_signed(valid));
    let token = secret::token()?;
    let new = NewToken {
        hash: ContentDigest::of(token.as_bytes()),
        name: name.to_owned(),
        role: match role {
            Role::Read => TokenRole::Read,
            Role::Submit => TokenRole::Submit,
            Role::Admin => TokenRole::Admin,
        },
        subject: "command line".to_owned(),
        created: Utc::now(),
        expires: expires.context("`--valid` is too long")?,
    };
    let details = serde_json::json!({"name": name, "role": new.role, "expires": new.expires});
    write(store, "token.created", details).await?;
    store.add_token(&new).await?;
    println!("{token}");
    Ok(Exit::Success)
}

async fn list(store: &Store) -> anyhow::Result<Exit> {
    let mut page = PageRequest::default();
    loop {
        let tokens = store.tokens(&page).await?;
        for token in tokens.items {
            let state = if token.revoked.is_some() {
                "revoked"
            } else if token.expires <= Utc::now() {
                "expired"
            } else {
                "valid"
            };
            let until = token.expires.format("%Y-%m-%d");
            println!("{}  {:6}  {state:7}  {until}  {}", token.id, token.role.as_str(), token.name);
        }
        if tokens.next.is_none() {
            return Ok(Exit::Success);
        }
        page.after = tokens.next;
    }
}

async fn revoke(store: &Store, id: &str) -> anyhow::Result<Exit> {
    let id: TokenId = id.parse().context("that is not the identifier of a token")?;
    write(store, "token.revoked", serde_json::json!({"token": id})).await?;
    if store.revoke_token(id, Utc::now()).await? {
        return Ok(Exit::Success);
    }
    eprintln!("gumshoe-server: there is no such token");
    Ok(Exit::No)
}

async fn write(store: &Store, what: &str, details: serde_json::Value) -> anyhow::Result<()> {
    let entry = NewAudit {
        time: Utc::now(),
        actor: "command line".to_owned(),
        what: what.to_owned(),
        details,
    };
    store.append_audit(&[entry]).await?;
    Ok(())
}
