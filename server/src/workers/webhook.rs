//! Events to a receiver over HTTP, signed with a shared key.
//!
//! `Gumshoe-Signature: t=SECONDS,v1=HEX`, where HEX is HMAC-SHA-256 (RFC 2104) over `SECONDS.BODY`: the receiver checks it, and that
//! the time is not long past.

use crate::config::{ConfigError, WebhookConfig, read_secret};
use crate::relay::{Handler, Message, Outcome};
use crate::tls::{TlsError, certificates};
use chrono::Utc;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The longest pause before an event is tried again.
const LONGEST_PAUSE_S: u64 = 300;
/// Characters of a key; a shorter one could be guessed from a signature.
const MIN_SECRET_CHARS: usize = 20;

/// Why there is no webhook.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The key cannot be read.
    #[error(transparent)]
    Secret(#[from] ConfigError),
    /// The key could be guessed.
    #[error("the webhook's key has less than {MIN_SECRET_CHARS} characters")]
    Short,
    /// Authorities cannot be read.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Posts events, one after the other, each until it is taken.
pub struct Webhook {
    agent: ureq::Agent,
    url: Arc<str>,
    secret: Arc<str>,
    failures: AtomicU32,
    stop: CancellationToken,
}

impl Webhook {
    /// To the receiver that the configuration names.
    ///
    /// # Errors
    ///
    /// [`WebhookError`].
    pub fn new(config: &WebhookConfig, stop: CancellationToken) -> Result<Self, WebhookError> {
        let secret = read_secret(&config.secret_file)?;
        if secret.chars().count() < MIN_SECRET_CHARS {
            return Err(WebhookError::Short);
        }
        Ok(Self {
            agent: agent(config.ca.as_deref())?,
            url: config.url.as_str().into(),
            secret: secret.into(),
            failures: AtomicU32::new(0),
            stop,
        })
    }

    async fn post(&self, body: Vec<u8>) -> Result<(), String> {
        let (agent, url) = (self.agent.clone(), Arc::clone(&self.url));
        let signature = sign(&self.secret, Utc::now().timestamp(), &body);
        let posting = spawn_blocking(move || {
            let request = agent
                .post(&*url)
                .header("Content-Type", "application/json")
                .header("Gumshoe-Signature", signature);
            request
                .send(&body[..])
                .map(drop)
                .map_err(|error| error.to_string())
        });
        posting.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    async fn pause(&self) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).min(16);
        let seconds = (1_u64 << failures).min(LONGEST_PAUSE_S);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
            () = self.stop.cancelled() => {}
        }
    }
}

impl Handler for Webhook {
    async fn handle(&self, batch: Vec<Message>) -> Outcome {
        for message in batch {
            if let Err(error) = self.post(message.body).await {
                tracing::warn!(error, "event not taken by the webhook; trying again");
                self.pause().await;
                return Outcome::Again;
            }
            self.failures.store(0, Ordering::Relaxed);
        }
        Outcome::Done
    }
}

/// The header's value.
fn sign(secret: &str, seconds: i64, body: &[u8]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    let hex: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("t={seconds},v1={hex}")
}

/// A client that follows no redirects and trusts what it is told to.
fn agent(ca: Option<&Path>) -> Result<ureq::Agent, WebhookError> {
    let trusted = match ca {
        Some(path) => certificates(path)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let trusted = trusted.iter().map(|one| Certificate::from_der(one).to_owned());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&trusted.collect::<Vec<_>>()))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .build();
    Ok(config.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: computed with `printf '1700000000.{}' | openssl dgst -sha256 -hmac 0123456789abcdef0123`.
    #[test]
    fn a_signature_covers_time_and_body() {
        let signature = sign("0123456789abcdef0123", 1_700_000_000, b"{}");
        assert_eq!(
            signature,
            "t=1700000000,v1=19ecdc0e607efbadb3c4a4ac61543ed0f9b88019950c2e31536f94e89ad1b7df"
        );
        assert_ne!(sign("0123456789abcdef0123", 1_700_000_001, b"{}"), signature);
        assert_ne!(sign("0123456789abcdef0124", 1_700_000_000, b"{}"), signature);
    }
}
