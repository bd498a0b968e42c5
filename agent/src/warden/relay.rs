//! What the courier is told: addresses, credentials, names. The courier reads no files of the host's owner.

use crate::config::daemon::Relay as Settings;
use crate::facts::Cloud;
use gumshoe_link::{
    Configuration, Login, MetadataService, Proxy, QueueLimits, Relay, RelayError, Secret, Timing, Topology,
    Trust,
};
use gumshoe_protocol::AgentId;
use gumshoe_protocol::relay::{ACTIONS, ALL, REPORTS, agent_key, agent_queue};
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// How long a certificate, key or password file may be.
const MAX_FILE_BYTES: u64 = 256 << 10;

/// Why the courier cannot be told where to go.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// `agent.toml` has no `[relay]`.
    #[error("`agent.toml` has no [relay]: without it the daemon has nobody to ask it anything")]
    None,
    /// An address is not understood.
    #[error("`relay.urls` is not acceptable")]
    Address(#[source] RelayError),
    /// `proxy` is not `host:port`.
    #[error("`relay.proxy` is {text:?}, expected is host:port")]
    Proxy {
        /// What it is.
        text: String,
    },
    /// A file cannot be read.
    #[error("failed to read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

/// Where instances of a cloud ask about themselves (RFC 3927 link-local; the same at Amazon, Google and Microsoft).
const METADATA_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), 80);

/// Everything that the courier has to know.
///
/// # Errors
///
/// [`SettingsError`].
pub fn configuration(
    settings: &Settings,
    agent: &AgentId,
    cloud: Option<Cloud>,
    once: bool,
) -> Result<Configuration, SettingsError> {
    let relays = settings.urls.iter().map(|url| url.parse::<Relay>());
    Ok(Configuration {
        relays: relays.collect::<Result<_, _>>().map_err(SettingsError::Address)?,
        login: login(settings)?,
        trust: Trust {
            authorities: settings.ca.as_deref().map(read).transpose()?,
            server_name: None,
        },
        proxy: settings.proxy.as_deref().map(proxy).transpose()?,
        topology: Topology {
            queue: agent_queue(agent),
            actions: ACTIONS.to_owned(),
            bindings: vec![ALL.to_owned(), agent_key(agent)],
            reports: REPORTS.to_owned(),
        },
        queue: QueueLimits::default(),
        timing: Timing::default(),
        prefetch: 8,
        metadata: cloud
            .filter(|cloud| cloud.has_metadata())
            .map(|cloud| MetadataService {
                provider: cloud.name().to_owned(),
                address: METADATA_ADDRESS,
            }),
        once,
    })
}

fn login(settings: &Settings) -> Result<Login, SettingsError> {
    if let (Some(certificate), Some(key)) = (&settings.certificate, &settings.key) {
        return Ok(Login::Certificate {
            chain: read(certificate)?,
            key: Secret::new(read(key)?),
        });
    }
    let password = settings
        .password_file
        .as_deref()
        .map(read)
        .transpose()?
        .unwrap_or_default();
    Ok(Login::Password {
        user: settings.user.clone().unwrap_or_default(),
        // The newline at its end is the editor's.
        password: Secret::new(password.trim_end_matches(['\r', '\n'])),
    })
}

fn proxy(text: &str) -> Result<Proxy, SettingsError> {
    let wrong = || SettingsError::Proxy {
        text: text.to_owned(),
    };
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    Ok(Proxy {
        host: host.to_owned(),
        port: port.parse().map_err(|_| wrong())?,
        user: None,
        password: None,
    })
}

fn read(path: &Path) -> Result<String, SettingsError> {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text));
    read.map(|_| text).map_err(|source| SettingsError::Read {
        path: path.to_owned(),
        source,
    })
}
