//! `config check`: everything that can be known without connecting to anything.

use super::Exit;
use crate::cli::Overrides;
use crate::config::Config;
use crate::ingest::Enrolment;
use crate::relay::Relay;
use crate::reload::Files;
use crate::workers::Webhook;
use std::path::Path;
use tokio_util::sync::CancellationToken;

pub(super) fn check(path: &Path, overrides: &Overrides) -> anyhow::Result<Exit> {
    let problems = problems(path, overrides);
    for problem in &problems {
        eprintln!("gumshoe-server: {problem}");
    }
    if problems.is_empty() {
        println!("{}: ok", path.display());
        return Ok(Exit::Success);
    }
    Ok(Exit::No)
}

/// Everything that is wrong.
fn problems(path: &Path, overrides: &Overrides) -> Vec<String> {
    let config = match Config::load(path, overrides) {
        Ok(config) => config,
        Err(error) => return vec![crate::chain(&error)],
    };
    let told = |error: &dyn std::error::Error| Some(crate::chain(error));
    let identity = config.api.identity.as_ref();
    let webhook = config.workers.webhook.as_ref();
    let oldest = config.workers.oldest_agent.as_deref();
    [
        config
            .policy(&Files::default())
            .err()
            .and_then(|error| told(&error)),
        Relay::new(&config.relay).err().and_then(|error| told(&error)),
        identity
            .and_then(|identity| crate::tls::server(identity).err())
            .and_then(|error| told(&error)),
        Enrolment::load(&config.enrolment, &Files::default())
            .err()
            .and_then(|error| told(&error)),
        webhook
            .and_then(|webhook| Webhook::new(webhook, CancellationToken::new()).err())
            .and_then(|error| told(&error)),
        oldest
            .and_then(|oldest| semver::Version::parse(oldest).err())
            .map(|error| format!("`workers.oldest_agent` is not a version: {error}")),
    ]
    .into_iter()
    .flatten()
    .collect()
}
