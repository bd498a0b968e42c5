//! `audit`: reading the log without the API.

use super::{Exit, open_store};
use crate::config::Config;
use gumshoe_store::{AuditFilter, AuditVerdict, PageRequest};

pub(super) async fn verify(config: &Config) -> anyhow::Result<Exit> {
    match open_store(config).await?.verify_audit(None).await? {
        AuditVerdict::Intact { entries, head, .. } => {
            println!(
                "{entries} entries, the chain is whole; the last is {} with {}",
                head.sequence, head.hash
            );
            Ok(Exit::Success)
        }
        AuditVerdict::Broken { sequence, why } => {
            eprintln!("gumshoe-server: the audit log is broken at entry {sequence}: {why}");
            Ok(Exit::No)
        }
    }
}

pub(super) async fn show(actor: Option<&str>, last: u32, config: &Config) -> anyhow::Result<Exit> {
    let store = open_store(config).await?;
    let filter = AuditFilter {
        actor: actor.map(str::to_owned),
        ..AuditFilter::default()
    };
    let mut entries = Vec::new();
    let mut page = PageRequest::first(last.min(PageRequest::MOST));
    while (entries.len() as u32) < last {
        let portion = store.audit(&filter, &page).await?;
        entries.extend(portion.items);
        page.after = portion.next;
        if page.after.is_none() {
            break;
        }
    }
    for entry in entries.iter().take(last as usize).rev() {
        println!("{}", serde_json::to_string(entry)?);
    }
    Ok(Exit::Success)
}
