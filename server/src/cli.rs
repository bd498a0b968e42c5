//! The command line.

use crate::api::TokenRole;
use crate::logging::LogFormat;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Sends signed actions to a fleet of agents and keeps what they answer.
#[derive(Debug, Parser)]
#[command(name = "gumshoe-server", version, propagate_version = true)]
pub struct Cli {
    /// The configuration file.
    #[arg(long, global = true, env = "GUMSHOE_SERVER_CONFIG", default_value = crate::config::DEFAULT_PATH)]
    pub config: PathBuf,
    /// What counts more than the configuration file.
    #[command(flatten)]
    pub overrides: Overrides,
    /// How the log is written, on standard error.
    #[arg(
        long,
        global = true,
        env = "GUMSHOE_LOG_FORMAT",
        value_enum,
        default_value = "text"
    )]
    pub log_format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug`, or one of these per part (`gumshoe_server=debug,info`).
    ///
    /// What the AMQP library says (`lapin`) is left out, because the server says it as well.
    #[arg(long, global = true, env = "GUMSHOE_LOG", default_value = "info,lapin=off")]
    pub log: String,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What counts more than the configuration file.
#[derive(Debug, Clone, Default, Args)]
pub struct Overrides {
    /// The database: `sqlite:PATH` or `postgres://…`.
    #[arg(long, global = true, env = "GUMSHOE_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// The policy: who may ask what.
    #[arg(long, global = true, env = "GUMSHOE_POLICY")]
    pub policy: Option<PathBuf>,
    /// The broker; several in the order in which they are tried.
    #[arg(
        long,
        global = true,
        env = "GUMSHOE_RELAY",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub relay: Vec<String>,
    /// Where the API listens.
    #[arg(long, global = true, env = "GUMSHOE_LISTEN")]
    pub listen: Option<SocketAddr>,
}

/// Which parts run in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Everything.
    All,
    /// Sends actions, takes heartbeats and reports. Several may run.
    Scheduler,
    /// The HTTP interface. Several may run.
    Api,
    /// Webhook, export, verification of agents. Several may run.
    Worker,
}

impl Role {
    /// Whether a process of this role does what `part` does.
    #[must_use]
    pub fn includes(self, part: Self) -> bool {
        self == Self::All || self == part
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server until it is told to stop (SIGTERM, SIGINT).
    Serve {
        /// Which parts run in this process.
        #[arg(long, env = "GUMSHOE_ROLE", value_enum, default_value = "all")]
        role: Role,
        /// Does not bring the database's tables up to date first.
        #[arg(long)]
        no_migrate: bool,
        /// Prints the address of the API to standard output once it listens.
        #[arg(long)]
        print_address: bool,
    },
    /// The configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Brings the database's tables up to date.
    Migrate,
    /// Bearer tokens for the API.
    #[command(subcommand)]
    Token(TokenCommand),
    /// The audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The broker.
    #[command(subcommand)]
    Relay(RelayCommand),
    /// Prints the OpenAPI document of the API.
    Openapi,
    /// Prints a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Writes the man pages into a folder.
    Man {
        /// The folder.
        folder: PathBuf,
    },
}

/// The configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Checks the configuration, the policy and the certificates that it names; connects to nothing.
    Check,
}

/// Bearer tokens for the API.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Makes a token and prints it, once.
    Create {
        /// What it is for.
        name: String,
        /// What it may do.
        #[arg(long, value_enum, default_value = "read")]
        role: TokenRole,
        /// How long it is valid: `90d`, `12h`.
        #[arg(long, default_value = "90d")]
        valid: String,
    },
    /// Lists tokens; never their text, which is not stored.
    List,
    /// Ends a token.
    Revoke {
        /// Its identifier, as `list` prints it.
        id: String,
    },
}

/// The audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Checks the whole chain; names the first entry that does not fit.
    Verify,
    /// Prints entries, oldest first, one JSON object per line.
    Show {
        /// Only entries of this actor.
        #[arg(long)]
        actor: Option<String>,
        /// At most this many, the newest.
        #[arg(long, default_value_t = 100)]
        last: u32,
    },
}

/// The broker.
#[derive(Debug, Subcommand)]
pub enum RelayCommand {
    /// Declares exchanges and queues.
    Setup,
    /// Prints RabbitMQ definitions (JSON, for `rabbitmqctl import_definitions`) with what a role may touch.
    Permissions {
        /// For the agent with this identifier; for the server when absent.
        #[arg(long)]
        agent: Option<String>,
        /// The broker's user; for an agent its identifier when absent.
        #[arg(long)]
        user: Option<String>,
        /// The broker's virtual host.
        #[arg(long, default_value = "/")]
        virtual_host: String,
        /// Prints `rabbitmqctl` commands instead: `… | sh` applies them.
        #[arg(long)]
        shell: bool,
    },
}
