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
    if matches!(command, Action::CheckConfig) {
        return check_config::check_config(&cli.config_dir);
    }
    if let Action::Daemon(arguments) = &command {
        return daemon::daemon(&cli.config_dir, arguments);
    }
    let config = Config::load(&cli.config_dir).context("the configuration is refused")?;
    match command {
        Action::Run(arguments) => run::run(config, arguments),
        Action::Params(arguments) => params::params(config, arguments),
        Action::Render(arguments) => render::render(&config, &arguments),
        Action::Apply(arguments) => apply::apply(&config, &arguments),
        Action::VerifyReport(arguments) => verify_report::verify_report(&arguments),
        Action::Policy(Policy::Check { file, json }) => policy::check(&config, file.as_deref(), json),
        Action::Policy(Policy::Explain(arguments)) => explain::explain(&config, &arguments),
        Action::Log(Log::Show {
            json,
            since,
            action,
            state,
        }) => host_log::show(&state.folder, since.as_deref(), action, json),
        Action::Log(Log::Verify { json, state }) => host_log::verify(&state.folder, json),
        Action::Identity(arguments) => identity::identity(&config, &arguments),
        Action::RelayPermissions(options) => relay_permissions::relay_permissions(&options),
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
        Action::Status(options) => status::status(&options.state.folder, options.json),
        Action::CheckConfig | Action::Daemon(_) => Ok(Exit::Found), // dealt with above
    }
}
