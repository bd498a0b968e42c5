//! `token`: for the first administrator, and for machines.

use super::{Exit, open_store};
use crate::api::TokenRole;
use crate::cli::TokenCommand;
use crate::config::Config;
use crate::secret;
use anyhow::Context as _;
use chrono::{TimeDelta, Utc};
use gumshoe_protocol::{ContentDigest, units};
use gumshoe_store::{NewAuditEntry, NewToken, PageRequest, Store, TokenId};

pub(super) async fn run(command: &TokenCommand, config: &Config) -> anyhow::Result<Exit> {
    let store = open_store(config).await?;
    store.migrate().await?;
    match command {
        TokenCommand::Create { name, role, valid } => create(&store, name, *role, valid).await,
        TokenCommand::List => list(&store).await,
        TokenCommand::Revoke { id } => revoke(&store, id).await,
    }
}

async fn create(store: &Store, name: &str, role: TokenRole, valid: &str) -> anyhow::Result<Exit> {
    let valid: units::Duration = valid.parse().map_err(|error: String| anyhow::anyhow!(error))?;
    let valid = i64::try_from(valid.milliseconds())
        .ok()
        .and_then(TimeDelta::try_milliseconds);
    let expires = valid.and_then(|valid| Utc::now().checked_add_signed(valid));
    let token = secret::token()?;
    let new = NewToken {
        hash: ContentDigest::of(token.as_bytes()),
        name: name.to_owned(),
        role: role.as_str().to_owned(),
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
            println!(
                "{}  {:6}  {state:7}  {until}  {}",
                token.id, token.role, token.name
            );
        }
        if tokens.next.is_none() {
            return Ok(Exit::Success);
        }
        page.after = tokens.next;
    }
}

async fn revoke(store: &Store, id: &str) -> anyhow::Result<Exit> {
    let id = TokenId::new(id);
    write(store, "token.revoked", serde_json::json!({"token": id})).await?;
    if store.revoke_token(&id, Utc::now()).await? {
        return Ok(Exit::Success);
    }
    eprintln!("gumshoe-server: there is no such token");
    Ok(Exit::No)
}

async fn write(store: &Store, what: &str, details: serde_json::Value) -> anyhow::Result<()> {
    let entry = NewAuditEntry {
        time: Utc::now(),
        actor: "command line".to_owned(),
        what: what.to_owned(),
        details,
    };
    store.add_audit(&[entry]).await?;
    Ok(())
}
