//! Many simulated agents, and the servers that they need, for load measurements; see `tests/bench/fleet.py`.
//! And what measures one real agent: `tests/bench/daemon.py`.
//!
//! The agents are real on the wire: each has its key, its durable queue and its signatures, waits for the broker's
//! confirmation of every report, and acknowledges an action only then. One that loses its connection makes another and sends
//! again what was not confirmed. What they do not do is to run modules.

mod agent;
mod confirms;
mod connection;
mod link;
mod services;
mod tally;
mod trace;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncReadExt as _;

#[derive(Parser)]
#[command(name = "gumshoe-fleet")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts RabbitMQ and PostgreSQL, makes an investigator's key; obeys the lines of standard input.
    Services(services::ServicesArguments),
    /// Simulates agents until standard input ends; prints a JSON object per line.
    Agents(AgentsArguments),
    /// Asks one real agent an envelope per line of standard input, and tells when what had happened.
    Trace(trace::TraceArguments),
}

/// What is simulated.
#[derive(Args, Clone)]
struct AgentsArguments {
    /// How many agents.
    #[arg(long, default_value_t = 100)]
    count: u32,
    /// How many of them share one connection, each with a channel of its own; real agents share none.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    per_connection: u32,
    /// The broker on this machine: its port.
    #[arg(long)]
    port: u16,
    /// Its user and, after a colon, the password.
    #[arg(long, default_value = "guest:guest")]
    user: String,
    /// The enrolment token.
    #[arg(long)]
    token: Option<String>,
    /// Findings per operation.
    #[arg(long, default_value_t = 3)]
    findings: u32,
    /// Seconds from one heartbeat to the next.
    #[arg(long, default_value_t = 300)]
    interval_s: u64,
    /// Milliseconds over which the answers are spread, as if the agents' work took different times.
    #[arg(long, default_value_t = 0)]
    spread_ms: u64,
    /// Connections that are being made at the same time.
    #[arg(long, default_value_t = 32)]
    dialling: usize,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Services(arguments) => services::run(&arguments),
        Command::Agents(arguments) => {
            raise_open_files()?;
            on_one_thread(simulate(arguments))
        }
        Command::Trace(arguments) => on_one_thread(trace::run(arguments)),
    }
}

fn on_one_thread(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?
        .block_on(work)
}

/// Runs until standard input ends, so that whoever started this needs no signal to end it.
async fn simulate(arguments: AgentsArguments) -> anyhow::Result<()> {
    let mut ignored = Vec::new();
    let mut input = tokio::io::stdin();
    tokio::select! {
        result = connection::run_all(arguments) => result,
        _ = input.read_to_end(&mut ignored) => Ok(()),
    }
}

/// One descriptor per connection: as many as this process may have.
fn raise_open_files() -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).context("failed to raise the limit of open files")
}
