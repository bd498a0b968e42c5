//! What the host's owner wrote and what the host is; both can change while the daemon runs.

use super::{Options, Warden, bounds};
use crate::config::Config;
use crate::host::Host;
use crate::obey;
use crate::terminal::chain;
use crate::warden::pulse::Profile;
use crate::warden::relay::{SettingsError, configuration};
use anyhow::Context as _;
use gumshoe_link::ToCourier;
use gumshoe_protocol::Facts;
use gumshoe_protocol::policy::Policy;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often what a host says about itself is looked at anew for decisions.
const HOST_AGE: Duration = Duration::from_secs(60);
/// What may be learnt from a metadata service.
const CLOUD_FACTS: [&str; 5] = ["instance_id", "region", "zone", "instance_type", "account"];

/// What the host's owner wrote, and what the host is.
pub(super) struct Settings {
    pub(super) config: Arc<Config>,
    pub(super) policy: Policy,
    pub(super) host: Host,
    looked: Instant,
}

impl Settings {
    pub(super) fn load(options: &Options) -> anyhow::Result<Self> {
        let config = Config::load(&options.config_dir).context("the configuration is refused")?;
        anyhow::ensure!(config.relay.is_some(), SettingsError::None);
        let policy = obey::policy::load(&config.dir.join(obey::policy::FILE))?;
        Ok(Self {
            host: Host::look(&config),
            config: Arc::new(config),
            policy,
            looked: Instant::now(),
        })
    }
}

impl Warden {
    pub(super) fn reload(&mut self) {
        self.notify.reloading();
        match Settings::load(&self.options) {
            Ok(mut settings) => {
                settings.host = settings.host.named(self.ledger.identity().agent);
                settings.host.add_metadata(&self.metadata);
                let has_moved = settings.config.relay != self.settings.config.relay;
                self.settings = settings;
                self.configuration_problem = None;
                self.spool.limit(bounds(&self.settings.config));
                self.log.info("the configuration was read anew", &[]);
                if has_moved {
                    self.move_courier();
                }
                let profile = Profile::of(self.settings.host.clone(), &self.settings.config);
                self.pulse.consider(&profile);
            }
            Err(error) => {
                let why = chain(error.as_ref());
                self.log.error(
                    "the new configuration is refused; the old one stays in force",
                    &[("why", &why)],
                );
                self.configuration_problem = Some(format!("the configuration on disk is refused: {why}"));
            }
        }
        self.notify.ready();
    }

    /// The relay is another one, or is reached in another way.
    fn move_courier(&mut self) {
        let agent = self.ledger.identity().agent;
        let Some(relay) = self.settings.config.relay.clone() else {
            return;
        };
        match configuration(&relay, &agent, self.settings.host.cloud, self.options.once) {
            Ok(told) => self.tell(ToCourier::Configure(Box::new(told))),
            Err(error) => self.log.error(
                "the courier cannot be told where the relay is",
                &[("why", &chain(&error))],
            ),
        }
    }

    /// A host's addresses change, and what `tags.d` says.
    pub(super) fn look_again(&mut self) {
        if self.settings.looked.elapsed() < HOST_AGE {
            return;
        }
        self.look(Instant::now());
    }

    /// The host as it is now, with what its cloud said of it.
    pub(super) fn look(&mut self, now: Instant) {
        self.settings.host = Host::look(&self.settings.config).named(self.ledger.identity().agent);
        self.settings.host.add_metadata(&self.metadata);
        self.settings.looked = now;
    }

    /// What the cloud's metadata service said, by way of the courier: texts under the names of `cloud.*`, and only where
    /// the host itself does not say more.
    pub(super) fn learn(&mut self, json: &[u8]) {
        let Ok(told) = serde_json::from_slice::<BTreeMap<String, String>>(json) else {
            return self.log.error("the cloud's metadata is not understood", &[]);
        };
        let is_fact = |name: &str, text: &str| CLOUD_FACTS.contains(&name) && text.len() <= Facts::MAX_TEXT;
        self.metadata = told
            .into_iter()
            .filter(|(name, text)| is_fact(name, text))
            .collect();
        self.settings.host.add_metadata(&self.metadata);
    }
}
