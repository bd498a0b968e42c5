//! The policy that is in force: read at start, and again when the file changes.

use crate::config::{Config, ConfigError};
use gumshoe_protocol::policy::Policy;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;

/// How often the policy's file is looked at.
const INTERVAL: Duration = Duration::from_secs(5);

/// The policy that is in force. Clones see the same one.
#[derive(Clone)]
pub struct CurrentPolicy {
    current: Arc<RwLock<Arc<Policy>>>,
}

impl CurrentPolicy {
    /// Reads the policy.
    ///
    /// # Errors
    ///
    /// [`ConfigError`].
    pub fn load(config: &Config) -> Result<Self, ConfigError> {
        let policy = Arc::new(config.policy()?);
        Ok(Self {
            current: Arc::new(RwLock::new(policy)),
        })
    }

    /// The policy as it is now.
    #[must_use]
    pub fn get(&self) -> Arc<Policy> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the policy again whenever its file changes; one that is not acceptable leaves the old one in force.
    pub async fn follow(&self, config: &Config, stop: &CancellationToken) {
        let mut seen = modified(&config.policy);
        loop {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = stop.cancelled() => return,
            }
            let now = modified(&config.policy);
            if now == seen {
                continue;
            }
            seen = now;
            match config.policy() {
                Ok(policy) => {
                    tracing::info!("the policy has changed and is in force");
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
                }
                Err(error) => {
                    let error = crate::chain(&error);
                    tracing::error!(
                        error,
                        "the changed policy is not acceptable; the one before stays in force"
                    );
                }
            }
        }
    }
}

fn modified(path: &PathBuf) -> Option<SystemTime> {
    std::fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()
}
