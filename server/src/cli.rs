//! The command line.

use crate::api::TokenRole;
use crate::logging::LogFormat;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What options of every command stand under in `--help`.
const GLOBAL: &str = "Options of every command";
/// Told at the end of `--help`.
const EXIT_CODES: &str = "Exit status: 0 well; 1 the answer is no (the configuration is not acceptable, the audit log is broken, there \
is no such token); 2 wrong usage; 3 failed";

/// Sends signed actions to a fleet of agents and keeps what they answer.
#[derive(Debug, Parser)]
#[command(name = "gumshoe-server", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// The configuration file; environment variables override it, and flags override both.
    #[arg(long, global = true, value_name = "FILE", env = "GUMSHOE_SERVER_CONFIG", default_value = crate::config::DEFAULT_PATH, help_heading = GLOBAL)]
    pub config: PathBuf,
    /// Settings that override the configuration file.
    #[command(flatten)]
    pub overrides: Overrides,
    /// How the log is written, on standard error.
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        env = "GUMSHOE_LOG_FORMAT",
        value_enum,
        default_value = "text",
        help_heading = GLOBAL
    )]
    pub log_format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug`, or one of these per part (`gumshoe_server=debug,info`).
    ///
    /// What the AMQP library says (`lapin`) is left out, because the server says it as well.
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        env = "GUMSHOE_LOG",
        default_value = "info,lapin=off",
        help_heading = GLOBAL
    )]
    pub log: String,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Settings that override the configuration file.
#[derive(Debug, Clone, Default, Args)]
pub struct Overrides {
    /// The database: `sqlite:PATH` or `postgres://…`.
    #[arg(long, global = true, value_name = "ADDRESS", env = "GUMSHOE_DATABASE", hide_env_values = true, help_heading = GLOBAL)]
    pub database: Option<String>,
    /// The policy: who may ask what.
    #[arg(long, global = true, value_name = "FILE", env = "GUMSHOE_POLICY", help_heading = GLOBAL)]
    pub policy: Option<PathBuf>,
    /// The broker, as an AMQP URL; several, with commas between them, are tried in their order.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "GUMSHOE_RELAY",
        hide_env_values = true,
        value_delimiter = ',',
        help_heading = GLOBAL
    )]
    pub relay: Vec<String>,
    /// Where the API listens.
    #[arg(long, global = true, value_name = "ADDRESS:PORT", env = "GUMSHOE_LISTEN", help_heading = GLOBAL)]
    pub listen: Option<SocketAddr>,
}

/// Which parts run in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// All of them.
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
    /// Runs the server until it is told to end (SIGTERM, SIGINT).
    ///
    /// SIGHUP has the policy and the enrolment tokens read again, which happens by itself within seconds when their files change.
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
    /// Checks the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Brings the database's tables up to date; `serve` does so by itself.
    Migrate,
    /// Makes, lists and revokes bearer tokens for the API.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Verifies and prints the audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Sets up the broker (RabbitMQ), and prints who may do what there.
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
    /// Revokes a token: it is not accepted any more.
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
