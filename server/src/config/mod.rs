//! The configuration: `server.toml`, read once into checked, immutable types.
//!
//! What stands in the file can be overruled by the environment and by flags, see [`crate::cli::Overrides`].

mod file;

use crate::cli::Overrides;
use crate::reload::Files;
use gumshoe_protocol::policy::{Policy, PolicyError};
use gumshoe_store::Retention;
use std::fs;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the configuration lies unless something else is said.
pub const DEFAULT_PATH: &str = "/etc/gumshoe/server.toml";
/// Bytes of a configuration, certificate, key or password file.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file that is named cannot be read.
    #[error("failed to read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// A file is far too large to be what it should be.
    #[error("`{path}` has more than {MAX_FILE_BYTES} bytes")]
    Size {
        /// The file.
        path: PathBuf,
    },
    /// Not TOML, an unknown key, or a value of another type.
    #[error("`{path}` is not acceptable")]
    Form {
        /// The file.
        path: PathBuf,
        /// Cause, with line and column.
        source: Box<toml::de::Error>,
    },
    /// A value that makes no sense.
    #[error("`{key}` {message}")]
    Value {
        /// The key, with its table.
        key: &'static str,
        /// What is wrong, and what to write.
        message: String,
    },
    /// The policy is not acceptable.
    #[error("the policy `{path}` is not acceptable")]
    Policy {
        /// The policy's file.
        path: PathBuf,
        /// Cause.
        source: Box<PolicyError>,
    },
}

/// The whole configuration.
#[derive(Debug)]
pub struct Config {
    /// `sqlite:PATH` or `postgres://…`.
    pub database: String,
    /// Who may ask what: the same document that agents have.
    pub policy: PathBuf,
    /// The broker.
    pub relay: RelayConfig,
    /// The HTTP interface.
    pub api: ApiConfig,
    /// How actions are sent.
    pub scheduler: SchedulerConfig,
    /// Who becomes part of the fleet without being asked about.
    pub enrolment: EnrolmentConfig,
    /// How long things are kept.
    pub retention: Retention,
    /// Consumers of the fleet's events.
    pub workers: WorkersConfig,
}

/// How the broker is reached.
#[derive(Debug)]
pub struct RelayConfig {
    /// In order of preference; the next is tried when one does not answer.
    pub urls: Vec<String>,
    /// PEM of the authorities that may sign the broker's certificate; the system's when absent.
    pub ca: Option<PathBuf>,
    /// PEM of the client certificate and of its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// First line is the password of the user in the URLs.
    pub password_file: Option<PathBuf>,
    /// Messages that are taken from a queue before they are stored, and stored in one transaction.
    pub prefetch: u16,
}

/// The HTTP interface.
#[derive(Debug)]
pub struct ApiConfig {
    /// Where it listens. Without TLS only a loopback address is accepted.
    pub listen: SocketAddr,
    /// PEM of the certificate and of its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// What clients call this server; part of what is signed at login.
    pub origin: String,
    /// Names of the investigators whose logins may administrate; the others' may submit.
    pub admins: Vec<String>,
    /// Requests per minute of one token or, without a token, of one address.
    pub requests_per_minute: u32,
    /// How long a token from a login is valid.
    pub session: Duration,
}

/// How actions are sent and judged.
#[derive(Debug, Clone)]
pub struct SchedulerConfig {
    /// From this share of the approved agents on, one message goes to everybody.
    pub broadcast_percent: u8,
    /// How often the stored state is looked at.
    pub tick: Duration,
    /// Agents that are published to per tick and action, where one message per agent is sent.
    pub publish_per_tick: u32,
    /// Share of failing hosts at which an action is stopped, unless the action's options say something else.
    pub failure_percent: u8,
    /// Answers before that share is looked at.
    pub failure_after: u32,
}

/// Enrolment of agents.
#[derive(Debug)]
pub struct EnrolmentConfig {
    /// One token per line; who proves to know one is approved at once.
    pub token_file: Option<PathBuf>,
}

/// Consumers of the fleet's events.
#[derive(Debug)]
pub struct WorkersConfig {
    /// Where events are posted.
    pub webhook: Option<WebhookConfig>,
    /// Where events are appended, one JSON object per line.
    pub export: Option<PathBuf>,
    /// An agent that said nothing for this many of its intervals is silent.
    pub silent_after_intervals: u32,
    /// Agents below this version are outdated.
    pub oldest_agent: Option<String>,
}

/// A receiver of events.
#[derive(Debug)]
pub struct WebhookConfig {
    /// Its address.
    pub url: String,
    /// First line is the key of the HMAC.
    pub secret_file: PathBuf,
    /// Authorities that may sign its certificate; the system's when absent.
    pub ca: Option<PathBuf>,
}

impl Config {
    /// Reads a configuration; what `overrides` say counts more.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], naming the file and the key.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let text = match read_text(path) {
            Err(ConfigError::Read { source, .. }) if is_default_and_missing(path, &source) => String::new(),
            other => other?,
        };
        let file: file::File = toml::from_str(&text).map_err(|source| ConfigError::Form {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        file.check(overrides)
    }

    /// Reads the policy that the configuration names, and the keys that it names; notes them in `files`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Read`], [`ConfigError::Policy`].
    pub fn policy(&self, files: &Files) -> Result<Policy, ConfigError> {
        files.note(&self.policy);
        let text = read_text(&self.policy)?;
        let folder = self.policy.parent().unwrap_or(Path::new("/")).to_owned();
        let key = |name: &str| {
            let path = folder.join(name);
            files.note(&path);
            read_bytes(&path).map_err(|error| crate::chain(&error))
        };
        Policy::parse(&text, &key).map_err(|source| ConfigError::Policy {
            path: self.policy.clone(),
            source: Box::new(source),
        })
    }
}

/// A small file as text.
///
/// # Errors
///
/// [`ConfigError::Read`], [`ConfigError::Size`].
pub fn read_text(path: &Path) -> Result<String, ConfigError> {
    String::from_utf8(read_bytes(path)?).map_err(|error| ConfigError::Read {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, error),
    })
}

/// A small file.
///
/// # Errors
///
/// [`ConfigError::Read`], [`ConfigError::Size`].
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let failed = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ConfigError::Size {
            path: path.to_owned(),
        });
    }
    Ok(bytes)
}

/// The first line of a file: a secret.
///
/// # Errors
///
/// As [`read_text`].
pub fn read_secret(path: &Path) -> Result<String, ConfigError> {
    let text = read_text(path)?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// Flags alone can be enough; a file that somebody named has to be there.
fn is_default_and_missing(path: &Path, error: &io::Error) -> bool {
    path == Path::new(DEFAULT_PATH) && error.kind() == io::ErrorKind::NotFound
}
