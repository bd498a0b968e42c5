//! Options that several commands have.

use clap::{Args, ValueHint};
use gumshoe_protocol::RequestedLimits;
use gumshoe_protocol::units::{Bytes, Duration};
use std::path::PathBuf;
use std::str::FromStr;

/// Where server and configuration are. Options of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// The configuration file [default: config.toml in the platform's folder for it, such as ~/.config/gumshoe]
    #[arg(long, global = true, value_name = "FILE", env = "GUMSHOE_CONFIG", value_hint = ValueHint::FilePath, help_heading = "Connection")]
    pub config: Option<PathBuf>,
    /// The server, such as `https://gumshoe.example.org`
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "GUMSHOE_SERVER",
        help_heading = "Connection"
    )]
    pub server: Option<String>,
    /// PEM file of the authorities that the server's certificate may be by [default: the system's]
    #[arg(long, global = true, value_name = "FILE", env = "GUMSHOE_CA", value_hint = ValueHint::FilePath, help_heading = "Connection")]
    pub ca: Option<PathBuf>,
}

impl Global {
    /// These, completed by `other` where they say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            config: self.config.or(other.config),
            server: self.server.or(other.server),
            ca: self.ca.or(other.ca),
        }
    }
}

/// What an action says besides its operations.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "The action")]
pub struct QuestionOptions {
    /// Which hosts: a CEL expression over their facts, such as `os == "linux"`; `true` is all of them
    #[arg(long, value_name = "CEL")]
    pub target: Option<String>,
    /// What to call the action [default: the modules' names]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub purpose: Option<String>,
    /// A ticket, a link; part of what is signed; may be given several times
    #[arg(long = "reference", value_name = "TEXT")]
    pub references: Vec<String>,
    /// How long hosts may begin it; those that are away until then are never asked [default: from the configuration, else 1h]
    #[arg(long, value_name = "TIME")]
    pub expires: Option<Duration>,
    /// End each operation on a host after this time, such as 90s [default: the host's]
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Duration>,
    /// Give each operation at most this much memory, such as 512m [default: the host's]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<Bytes>,
    /// Return at most this many findings per host and operation [default: the host's]
    #[arg(long, value_name = "N")]
    pub findings: Option<u64>,
}

impl QuestionOptions {
    /// The limits that are asked for.
    #[must_use]
    pub fn limits(&self) -> RequestedLimits {
        RequestedLimits {
            timeout_ms: self.timeout.map(Duration::milliseconds),
            memory_bytes: self.memory.map(Bytes::count),
            findings: self.findings,
            ..RequestedLimits::default()
        }
    }
}

/// With which key.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Signing")]
pub struct SigningOptions {
    /// The key to sign with: a fingerprint, or whatever `gpg --local-user` takes [default: from the configuration, else gpg's]
    #[arg(long, value_name = "KEY", env = "GUMSHOE_KEY")]
    pub key: Option<String>,
    /// Sign with the secret key in this file instead of with the keyring
    #[arg(long, value_name = "FILE", conflicts_with = "key", value_hint = ValueHint::FilePath)]
    pub key_file: Option<PathBuf>,
}

/// How an action is sent.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Sending")]
pub struct SendingOptions {
    /// Ask so many hosts first (a number, or a share such as 5%); the rest when these have answered and few have failed
    #[arg(long, value_name = "N|N%")]
    pub canary: Option<Canary>,
    /// Send to at most so many hosts per second
    #[arg(long, value_name = "N")]
    pub rate: Option<u32>,
    /// Have at most so many hosts at work at the same time; the next begins when one has answered
    #[arg(long, value_name = "N")]
    pub at_once: Option<u32>,
    /// Stop sending when this share of the hosts has failed, in percent
    #[arg(long, value_name = "PERCENT")]
    pub stop_at_failures: Option<u8>,
    /// Do not ask before sending
    #[arg(long)]
    pub yes: bool,
    /// Do not wait for answers
    #[arg(long)]
    pub detach: bool,
}

/// How findings are printed: for people, unless one of these is given.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// One JSON document
    #[arg(long, conflicts_with_all = ["csv", "ndjson"])]
    pub json: bool,
    /// A table: a line for each finding
    #[arg(long, conflicts_with = "ndjson")]
    pub csv: bool,
    /// One JSON object per line
    #[arg(long)]
    pub ndjson: bool,
}

/// How many hosts are asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canary {
    /// So many.
    Hosts(u32),
    /// A share, in percent.
    Percent(u8),
}

impl FromStr for Canary {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is neither a number of hosts (such as 5) nor a share (such as 5%)");
        match text.strip_suffix('%') {
            Some(share) => match share.parse() {
                Ok(percent @ 1..=100) => Ok(Self::Percent(percent)),
                _ => Err(wrong()),
            },
            None => match text.parse() {
                Ok(hosts @ 1..) => Ok(Self::Hosts(hosts)),
                _ => Err(wrong()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canaries_are_a_number_or_a_share() {
        assert_eq!("5".parse(), Ok(Canary::Hosts(5)));
        assert_eq!("5%".parse(), Ok(Canary::Percent(5)));
        for wrong in ["", "%", "0", "0%", "101%", "-1", "5 %"] {
            assert!(wrong.parse::<Canary>().is_err(), "{wrong}");
        }
    }
}
