//! The file as it is written, and its way to a checked configuration.

use super::{
    ApiConfig, Config, ConfigError, EnrolmentConfig, RelayConfig, SchedulerConfig, WebhookConfig,
    WorkersConfig,
};
use crate::cli::Overrides;
use gumshoe_protocol::units;
use gumshoe_store::Retention;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const HOUR_S: u64 = 3600;
const DAY_S: u64 = 24 * HOUR_S;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    database: Option<String>,
    policy: Option<PathBuf>,
    relay: RelayTable,
    api: ApiTable,
    scheduler: SchedulerTable,
    enrolment: EnrolmentTable,
    retention: RetentionTable,
    workers: WorkersTable,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RelayTable {
    urls: Vec<String>,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    password_file: Option<PathBuf>,
    prefetch: Option<u16>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ApiTable {
    listen: Option<SocketAddr>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    origin: Option<String>,
    admins: Vec<String>,
    requests_per_minute: Option<u32>,
    session: Option<units::Duration>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SchedulerTable {
    broadcast_percent: Option<u8>,
    tick: Option<units::Duration>,
    publish_per_tick: Option<u32>,
    failure_percent: Option<u8>,
    failure_after: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EnrolmentTable {
    token_file: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RetentionTable {
    reports: Option<units::Duration>,
    actions: Option<units::Duration>,
    silent_agents: Option<units::Duration>,
    audit: Option<units::Duration>,
    tokens: Option<units::Duration>,
    events: Option<units::Duration>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WorkersTable {
    webhook: Option<WebhookTable>,
    export: Option<PathBuf>,
    silent_after_intervals: Option<u32>,
    oldest_agent: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookTable {
    url: String,
    secret_file: PathBuf,
    ca: Option<PathBuf>,
}

impl File {
    pub(super) fn check(self, overrides: &Overrides) -> Result<Config, ConfigError> {
        let default_database = || "sqlite:/var/lib/gumshoe-server/gumshoe.db".to_owned();
        let database = overrides.database.clone().or(self.database);
        let policy = overrides.policy.clone().or(self.policy);
        Ok(Config {
            database: checked_database(database.unwrap_or_else(default_database))?,
            policy: policy.unwrap_or_else(|| PathBuf::from("/etc/gumshoe/policy.toml")),
            relay: self.relay.check(overrides)?,
            api: self.api.check(overrides)?,
            scheduler: self.scheduler.check()?,
            enrolment: EnrolmentConfig {
                token_file: self.enrolment.token_file,
            },
            retention: self.retention.check(),
            workers: self.workers.check()?,
        })
    }
}

impl RelayTable {
    fn check(self, overrides: &Overrides) -> Result<RelayConfig, ConfigError> {
        let mut urls = if overrides.relay.is_empty() {
            self.urls
        } else {
            overrides.relay.clone()
        };
        if urls.is_empty() {
            urls.push("amqp://127.0.0.1:5672/%2f".to_owned());
        }
        Ok(RelayConfig {
            urls,
            ca: self.ca,
            identity: pair("relay.certificate", self.certificate, self.key)?,
            password_file: self.password_file,
            prefetch: within("relay.prefetch", self.prefetch.unwrap_or(500), 1, 5000)?,
        })
    }
}

impl ApiTable {
    fn check(self, overrides: &Overrides) -> Result<ApiConfig, ConfigError> {
        let listen = overrides.listen.or(self.listen);
        let listen = listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8420)));
        let identity = pair("api.certificate", self.certificate, self.key)?;
        if identity.is_none() && !listen.ip().is_loopback() {
            let message = format!(
                "is {listen}, which others can reach, and there is no TLS: set `certificate` and `key`, or listen on 127.0.0.1"
            );
            return Err(value("api.listen", message));
        }
        let scheme = if identity.is_some() { "https" } else { "http" };
        Ok(ApiConfig {
            listen,
            identity,
            origin: self.origin.unwrap_or_else(|| format!("{scheme}://{listen}")),
            admins: self.admins,
            requests_per_minute: within(
                "api.requests_per_minute",
                self.requests_per_minute.unwrap_or(600),
                1,
                1_000_000,
            )?,
            session: duration(self.session, 12 * HOUR_S),
        })
    }
}

impl SchedulerTable {
    fn check(self) -> Result<SchedulerConfig, ConfigError> {
        let percent = |key, value: Option<u8>| within(key, value.unwrap_or(50), 1, 100);
        let tick = self.tick.map_or(500, units::Duration::milliseconds);
        Ok(SchedulerConfig {
            broadcast_percent: percent("scheduler.broadcast_percent", self.broadcast_percent)?,
            tick: Duration::from_millis(within("scheduler.tick", tick, 50, 60_000)?),
            publish_per_tick: within(
                "scheduler.publish_per_tick",
                self.publish_per_tick.unwrap_or(2000),
                1,
                100_000,
            )?,
            failure_percent: percent("scheduler.failure_percent", self.failure_percent)?,
            failure_after: within(
                "scheduler.failure_after",
                self.failure_after.unwrap_or(10),
                1,
                100_000,
            )?,
        })
    }
}

impl RetentionTable {
    /// Nothing is kept for ever.
    fn check(self) -> Retention {
        let days = |written, default| Some(duration(written, default * DAY_S));
        Retention {
            reports: days(self.reports, 90),
            actions: days(self.actions, 365),
            silent_agents: days(self.silent_agents, 180),
            audit: days(self.audit, 730),
            tokens: days(self.tokens, 30),
            events: days(self.events, 7),
        }
    }
}

impl WorkersTable {
    fn check(self) -> Result<WorkersConfig, ConfigError> {
        Ok(WorkersConfig {
            webhook: self.webhook.map(WebhookTable::check).transpose()?,
            export: self.export,
            silent_after_intervals: within(
                "workers.silent_after_intervals",
                self.silent_after_intervals.unwrap_or(3),
                1,
                1000,
            )?,
            oldest_agent: self.oldest_agent,
        })
    }
}

impl WebhookTable {
    fn check(self) -> Result<WebhookConfig, ConfigError> {
        if !self.url.starts_with("https://") && !is_plain_loopback(&self.url) {
            let message = "is not https: events would travel in the open".to_owned();
            return Err(value("workers.webhook.url", message));
        }
        Ok(WebhookConfig {
            url: self.url,
            secret_file: self.secret_file,
            ca: self.ca,
        })
    }
}

/// Whether a plain URL stays on this host.
fn is_plain_loopback(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority
        .parse::<SocketAddr>()
        .is_ok_and(|address| address.ip().is_loopback())
}

fn checked_database(text: String) -> Result<String, ConfigError> {
    let known = ["sqlite:", "postgres://", "postgresql://"];
    if known.iter().any(|scheme| text.starts_with(scheme)) {
        return Ok(text);
    }
    Err(value(
        "database",
        "is neither `sqlite:PATH` nor `postgres://…`".to_owned(),
    ))
}

fn pair(
    key: &'static str,
    certificate: Option<PathBuf>,
    private: Option<PathBuf>,
) -> Result<Option<(PathBuf, PathBuf)>, ConfigError> {
    match (certificate, private) {
        (Some(certificate), Some(private)) => Ok(Some((certificate, private))),
        (None, None) => Ok(None),
        _ => Err(value(
            key,
            "and `key` belong together: set both or none".to_owned(),
        )),
    }
}

fn within<T: PartialOrd + std::fmt::Display>(
    key: &'static str,
    number: T,
    least: T,
    most: T,
) -> Result<T, ConfigError> {
    if number < least || number > most {
        return Err(value(key, format!("is {number}, {least} to {most} is accepted")));
    }
    Ok(number)
}

fn duration(written: Option<units::Duration>, default_s: u64) -> Duration {
    written.map_or(Duration::from_secs(default_s), |span| {
        Duration::from_millis(span.milliseconds())
    })
}

fn value(key: &'static str, message: String) -> ConfigError {
    ConfigError::Value { key, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Config, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        file.check(&Overrides::default())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_is_a_server_for_this_host() {
        let config = check("").unwrap();
        assert!(config.api.listen.ip().is_loopback());
        assert!(config.database.starts_with("sqlite:"));
        assert_eq!(config.relay.urls, ["amqp://127.0.0.1:5672/%2f"]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_key() {
        for (text, expected) in [
            ("databse = 'x'", "unknown field `databse`"),
            ("[api]\nlisten = '0.0.0.0:8420'", "`api.listen` is 0.0.0.0:8420"),
            (
                "[api]\ncertificate = 'a'",
                "`api.certificate` and `key` belong together",
            ),
            ("database = 'mysql://x'", "`database` is neither"),
            (
                "[relay]\nprefetch = 0",
                "`relay.prefetch` is 0, 1 to 5000 is accepted",
            ),
            (
                "[scheduler]\nfailure_percent = 101",
                "`scheduler.failure_percent` is 101",
            ),
            (
                "[workers.webhook]\nurl = 'http://127.0.0.1.evil.example/'\nsecret_file = 's'",
                "is not https",
            ),
            ("[retention]\nactions = 'soon'", "is not a duration"),
        ] {
            let told = check(text).unwrap_err();
            assert!(told.contains(expected), "{told}");
        }
    }
}
