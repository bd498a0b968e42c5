//! What the command line does.

mod audit;
mod check;
mod documents;
mod relay;
mod serve;
mod token;

use crate::cli::{AuditCommand, Cli, Command, ConfigCommand, RelayCommand};
use crate::config::Config;
use anyhow::Context as _;
use clap::Parser as _;
use gumshoe_store::{Store, StoreOptions};
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Well.
    Success = 0,
    /// It was done, and the answer is no: the audit log is broken, the configuration is not acceptable.
    No = 1,
    /// It could not be done.
    Failed = 3,
}

/// The program. Exit codes: 0 well, 1 the answer is no, 2 wrong usage, 3 failed.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let exit = run(cli).unwrap_or_else(|error| {
        eprintln!("gumshoe-server: {error:#}");
        Exit::Failed
    });
    ExitCode::from(exit as u8)
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    let load = || Config::load(&cli.config, &cli.overrides);
    match cli.command {
        Command::Openapi => documents::openapi(),
        Command::Completions { shell } => documents::completions(shell),
        Command::Man { ref folder } => documents::man(folder),
        Command::Config(ConfigCommand::Check) => check::check(&cli.config, &cli.overrides),
        Command::Relay(RelayCommand::Permissions {
            ref agent,
            ref user,
            ref virtual_host,
            shell,
        }) => relay::permissions(agent.as_deref(), user.as_deref(), virtual_host, shell),
        Command::Relay(RelayCommand::Setup) => block_on(relay::setup(&load()?)),
        Command::Migrate => block_on(migrate(&load()?)),
        Command::Token(ref command) => block_on(token::run(command, &load()?)),
        Command::Audit(AuditCommand::Verify) => block_on(audit::verify(&load()?)),
        Command::Audit(AuditCommand::Show { ref actor, last }) => {
            block_on(audit::show(actor.as_deref(), last, &load()?))
        }
        Command::Serve {
            role,
            no_migrate,
            print_address,
        } => {
            crate::logging::start(cli.log_format, &cli.log).context("the log's filter is not acceptable")?;
            let how = serve::How {
                role,
                migrate: !no_migrate,
                print_address,
            };
            block_on(serve::serve(load()?, how))
        }
    }
}

fn block_on(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start")?
        .block_on(command)
}

/// Opens the database.
async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let store = Store::open(&config.database, StoreOptions::default()).await;
    store.context("failed to open the database")
}

async fn migrate(config: &Config) -> anyhow::Result<Exit> {
    let store = open_store(config).await?;
    store.migrate().await.context("failed to migrate")?;
    store.close().await;
    Ok(Exit::Success)
}
