//! Commands about signed actions.

use crate::state::DEFAULT_DIR as DEFAULT_STATE_DIR;
use crate::warden::log::Format;
use clap::{Args, Subcommand, ValueHint};
use gumshoe_protocol::{ActionId, AgentId};
use std::path::PathBuf;

/// Where the agent's own memory lies.
#[derive(Debug, Clone, Args)]
pub struct State {
    /// Folder with the agent's identity, journal and host log; yours alone (mode 0700)
    #[arg(long = "state", value_name = "DIR", env = "GUMSHOE_STATE_DIR", default_value = DEFAULT_STATE_DIR, value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
}

/// `apply`.
#[derive(Debug, Args)]
#[command(after_help = APPLY_HELP)]
pub struct Apply {
    /// File with the envelope (DSSE, as JSON), or `-` for standard input
    #[arg(default_value = "-", value_hint = ValueHint::FilePath)]
    pub envelope: PathBuf,
    /// Print every message as one line of JSON, as a relay would carry it, instead of lines for humans
    #[arg(long)]
    pub json: bool,
    /// Who may ask what [default: policy.toml in the configuration folder]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub policy: Option<PathBuf>,
    /// State
    #[command(flatten)]
    pub state: State,
    /// Also append every message, signed by this agent, to this file: one envelope per line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub sealed: Option<PathBuf>,
}

const APPLY_HELP: &str = "\
Decides about a signed action as the daemon does, with this host's policy, facts, clock and journal; runs its \
operations if it is to be obeyed; prints what they find. An action runs once: it is recorded before the first \
operation begins, and the same action applied again is only reported as repeated. One that was cut short by a \
crash is reported as interrupted and not run again.

Policy and keys must belong to root (or to you, if you are not root) and be writable by nobody else.

Findings go to standard output, one line each behind the number and module of their operation; everything else goes \
to standard error. With --json everything goes to standard output.

Exit status:
  0  ran; found, and everything in scope was looked at
  1  ran; nothing found, and everything in scope was looked at
  2  the command line is wrong; nothing was decided
  3  every operation failed or was refused, or the command could not do its work
  4  ran; found, but not everything in scope was looked at
  5  ran; nothing found, but not everything in scope was looked at
  6  the action is refused; the code says why
  7  this host is not the action's target
  8  the action was accepted before, or was interrupted; it is not run again";

/// `verify-report`.
#[derive(Debug, Args)]
pub struct VerifyReport {
    /// File with sealed reports, one envelope per line, or `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The agent's public report key in base64, as `gumshoe-agent identity` prints it [default: this host's]
    #[arg(long, value_name = "BASE64")]
    pub key: Option<String>,
    /// The identifier that the key must belong to
    #[arg(long, value_name = "ID")]
    pub agent: Option<AgentId>,
    /// Print the verified payloads as JSON, one per line
    #[arg(long)]
    pub json: bool,
    /// State
    #[command(flatten)]
    pub state: State,
}

/// `policy`.
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Check a policy; say everything that is wrong and where, or who may ask what
    Check {
        /// The policy [default: policy.toml in the configuration folder]
        #[arg(value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what this host's policy makes of an action, operation by operation; runs and records nothing
    Explain(Explain),
}

/// `policy explain`.
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_HELP)]
pub struct Explain {
    /// File with an envelope, or with an action that is not signed yet (JSON); `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Names of investigators, as if they had signed
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub signers: Option<Vec<String>>,
    /// The policy [default: policy.toml in the configuration folder]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub policy: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

const EXPLAIN_HELP: &str = "\
For every operation, every permission that covers its module is listed: the weight that the signers reach and \
the one that is needed, and what becomes of its condition. Then: whether this host is a target, and whether the \
window is open.

Exit status: 0 if the action would be permitted here, 6 if it would be refused, 7 if this host is not a target.";

/// `log`.
#[derive(Debug, Subcommand)]
pub enum Log {
    /// Show what was asked of this host, by whom, and what came of it; oldest first
    Show {
        /// Print the lines as they are: JSON
        #[arg(long)]
        json: bool,
        /// Only lines since then (RFC 3339), or since so long ago, such as 90m or 7d
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Only lines about this action
        #[arg(long, value_name = "ID")]
        action: Option<ActionId>,
        /// State
        #[command(flatten)]
        state: State,
    },
    /// Check that nothing in the host log was changed, taken out, put in or cut off
    ///
    /// Exit status: 0 if the chain holds, 3 if it is broken; the first broken line is named.
    Verify {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// State
        #[command(flatten)]
        state: State,
    },
}

/// `identity`.
#[derive(Debug, Args)]
pub struct IdentityOptions {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// State
    #[command(flatten)]
    pub state: State,
}

/// `daemon`.
#[derive(Debug, Args)]
#[command(after_help = DAEMON_HELP)]
pub struct Daemon {
    /// Take what waits at the relay, answer it, and end: for cron, and for laptops
    #[arg(long)]
    pub once: bool,
    /// How standard error is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: Format,
    /// State
    #[command(flatten)]
    pub state: State,
}

const DAEMON_HELP: &str = "\
Connects to the relay that `[relay]` in agent.toml names, through a process of its own that has no rights \
(gumshoe-courier); decides about every action that arrives, with this host's policy; records it; runs it; sends signed \
reports, which wait on disk while the relay is away. Listens on no port.

SIGHUP reads agent.toml, modules.d, policy.toml and tags.d anew; what is broken leaves the old configuration in \
force. SIGTERM ends running operations, sends what they found, and stops. Under systemd it tells that it is \
ready, and answers the watchdog.

Exit status: 0 after a signal, or when a check-in is complete; 3 when it cannot start, or a check-in failed.";

/// `identity`.
#[derive(Debug, Args)]
pub struct ShowIdentity {
    /// Make the identity if there is none yet, as the first start does; not in an image of a host
    #[arg(long)]
    pub create: bool,
    /// Options
    #[command(flatten)]
    pub options: IdentityOptions,
}

/// `relay-permissions`.
#[derive(Debug, Args)]
#[command(after_help = RELAY_HELP)]
pub struct RelayPermissions {
    /// Print a RabbitMQ definitions document (JSON) instead of commands
    #[arg(long)]
    pub json: bool,
    /// User at the relay [default: agent-ID]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Virtual host at the relay
    #[arg(long, value_name = "NAME", default_value = "/")]
    pub vhost: String,
    /// Another agent's identifier instead of this host's
    #[arg(long, value_name = "AGENT")]
    pub id: Option<AgentId>,
    /// State
    #[command(flatten)]
    pub state: State,
}

const RELAY_HELP: &str = "\
The permissions let the user use this agent's own queue, bind it to actions for this agent and for all, and publish this agent's \
reports and heartbeats; nothing else. The user itself is made with `rabbitmqctl add_user`, or stands in its client certificate.

Example, as root on the relay:
  ssh host gumshoe-agent relay-permissions | sh";
