//! One file per command.

mod action;
mod agents;
mod ask;
mod documents;
mod import_mig;
mod list;
mod login;
mod new;
mod send;
mod setting;
mod sign;
mod tokens;

use crate::cli::{ActionTask, AgentsTask, Cli, InvestigatorsTask, Task, TokenTask};
use crate::exit::Exit;
use clap::{CommandFactory as _, Parser as _};
use setting::Setting;

/// Parses the command line and runs the command.
///
/// # Errors
///
/// What kept the command from doing its work; the chain of causes is for people.
pub fn dispatch() -> anyhow::Result<Exit> {
    let cli = Cli::parse();
    let Some(task) = cli.command else {
        eprint!("{}", Cli::command().render_help());
        return Ok(Exit::Usage);
    };
    let global = cli.global;
    match task {
        // Its words may name another configuration.
        Task::Ask(words) => ask::ask(global, words),
        task => run(task, &Setting::load(global)?),
    }
}

fn run(task: Task, setting: &Setting) -> anyhow::Result<Exit> {
    match task {
        Task::Action(task) => run_action(task, setting),
        Task::Agents(task) => run_agents(task, setting),
        Task::Investigators(InvestigatorsTask::List { json }) => list::investigators(setting, json),
        Task::ImportMig(options) => import_mig::import(setting, options),
        Task::Modules => documents::modules(setting),
        Task::Login(signing) => login::login(setting, &signing),
        Task::Logout => login::logout(setting),
        Task::Token(TokenTask::Show) => tokens::show(setting),
        Task::Token(TokenTask::List) => tokens::list(setting),
        Task::Token(TokenTask::Create { name, role, expires }) => {
            tokens::create(setting, &name, &role, expires)
        }
        Task::Token(TokenTask::Revoke { id }) => tokens::revoke(setting, &id),
        Task::Completions { shell } => documents::completions(setting, shell),
        Task::Man { folder } => documents::man(setting, &folder),
        Task::Ask(words) => ask::ask(setting.global.clone(), words),
    }
}

fn run_action(task: ActionTask, setting: &Setting) -> anyhow::Result<Exit> {
    match task {
        ActionTask::New(options) => new::new(setting, options),
        ActionTask::Sign(options) => sign::sign(setting, &options),
        ActionTask::Verify { file } => sign::verify(setting, &file),
        ActionTask::Show { file, json } => action::show(&file, json),
        ActionTask::Send(options) => send::send_file(setting, &options),
        ActionTask::Cancel(options) => action::cancel(setting, &options),
        ActionTask::Stop { id } => action::stop(setting, id),
        ActionTask::Status { id, json } => action::status(setting, id, json),
        ActionTask::Follow { id, output } => send::follow(setting, id, output),
        ActionTask::Results { id, output } => action::results(setting, id, output),
        ActionTask::List { limit, json } => list::actions(setting, limit, json),
    }
}

fn run_agents(task: AgentsTask, setting: &Setting) -> anyhow::Result<Exit> {
    match task {
        AgentsTask::List { state, text, ndjson } => {
            agents::list(setting, state.as_deref(), text.as_deref(), ndjson)
        }
        AgentsTask::Show { id, json } => agents::show(setting, id, json),
        AgentsTask::Approve { ids } => agents::decide(setting, &ids, "approve"),
        AgentsTask::Reject { ids } => agents::decide(setting, &ids, "reject"),
        AgentsTask::Tag { id, labels } => agents::tag(setting, id, &labels),
    }
}
