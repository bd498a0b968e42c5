//! One file per command.

mod apply;
mod check;
mod check_config;
mod daemon;
mod documents;
mod explain;
mod facts;
mod host_log;
mod identity;
mod modules;
mod params;
mod policy;
mod prepare;
mod relay_permissions;
mod render;
mod run;
mod status;
mod verify_report;

use crate::cli::{Action, Cli, Log, Modules, Policy};
use crate::config::Config;
use crate::exit::Exit;
use anyhow::Context as _;
use clap::{CommandFactory, Parser};
use std::path::Path;

/// Parses the command line and runs the command.
///
/// # Errors
///
/// What kept the command from doing its work; the chain of causes is for people.
pub fn dispatch() -> anyhow::Result<Exit> {
    let cli = Cli::parse();
    let Some(command) = cli.command else {
        eprint!("{}", Cli::command().render_help());
        return Ok(Exit::Usage);
    };
    match command {
        // How the agent is and what it did can be seen while its configuration is broken: then most of all.
        Action::CheckConfig => check_config::check_config(&cli.config_dir),
        Action::Daemon(arguments) => daemon::daemon(&cli.config_dir, &arguments),
        Action::Status(options) => status::status(&options.state.folder, options.json),
        Action::Log(Log::Show {
            json,
            since,
            action,
            state,
        }) => host_log::show(&state.folder, since.as_deref(), action, json),
        Action::Log(Log::Verify { json, state }) => host_log::verify(&state.folder, json),
        Action::VerifyReport(arguments) => verify_report::verify_report(&arguments),
        Action::RelayPermissions(options) => relay_permissions::relay_permissions(&options),
        other => with_configuration(other, &cli.config_dir),
    }
}

fn with_configuration(command: Action, config_dir: &Path) -> anyhow::Result<Exit> {
    let config = Config::load(config_dir).context("the configuration is refused")?;
    match command {
        Action::Run(arguments) => run::run(config, arguments),
        Action::Params(arguments) => params::params(config, arguments),
        Action::Render(arguments) => render::render(&config, &arguments),
        Action::Apply(arguments) => apply::apply(&config, &arguments),
        Action::Policy(Policy::Check { file, json }) => policy::check(&config, file.as_deref(), json),
        Action::Policy(Policy::Explain(arguments)) => explain::explain(&config, &arguments),
        Action::Identity(arguments) => identity::identity(&config, &arguments),
        Action::Modules(Modules::List { json }) => modules::list(&config, json),
        Action::Modules(Modules::Describe { module, json, schema }) => {
            modules::describe(&config, &module, json, schema)
        }
        Action::Modules(Modules::Check { file, json }) => check::check(&config, &file, json),
        Action::Modules(Modules::Enable { name }) => modules::enable(&config, &name),
        Action::Modules(Modules::Disable { name }) => modules::disable(&config, &name),
        Action::Modules(Modules::Pin { name, clear }) => modules::pin(&config, &name, clear),
        Action::Facts(options) => facts::facts(&config, &options),
        Action::Completions { shell } => documents::completions(&config, shell),
        Action::Man { folder } => documents::man(&config, &folder),
        Action::CheckConfig
        | Action::Daemon(_)
        | Action::Status(_)
        | Action::Log(_)
        | Action::VerifyReport(_)
        | Action::RelayPermissions(_) => Ok(Exit::Found), // dealt with above
    }
}
