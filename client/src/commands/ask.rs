//! `gumshoe MODULE flags…`: from flags to findings.

use super::new::question;
use super::send::{Send, agree, send};
use super::setting::Setting;
use crate::action::Question;
use crate::cli::{Asked, Global, own_commands, parse_ask};
use crate::document::{Content, write};
use crate::exit::{Exit, usage};
use crate::modules::{AgentProgram, Module, ModuleError, as_words};
use crate::signing;
use anyhow::Context as _;
use chrono::Utc;
use gumshoe_plugin_api::nearest;
use gumshoe_protocol::envelope::ACTION_TYPE;
use gumshoe_protocol::{Operation, RequestedLimits};
use serde_json::Value;
use std::ffi::OsString;
use std::path::Path;

/// Asks hosts one module's question.
pub fn ask(global: Global, mut words: Vec<OsString>) -> anyhow::Result<Exit> {
    anyhow::ensure!(!words.is_empty(), "a module's name is missing");
    let name = words.remove(0);
    let name = name
        .to_str()
        .ok_or_else(|| usage("the module's name is not UTF-8"))?;
    let setting = Setting::load(among(&words).or(global))?;
    let module = describe(&setting.agent(), name)?;
    let asked = match parse_ask(&module, &words) {
        Ok(asked) => asked,
        Err(message) => {
            message.print().context("failed to print the help text")?;
            return Ok(if message.use_stderr() {
                Exit::Usage
            } else {
                Exit::Found
            });
        }
    };
    if asked.options.place.local {
        return local(&setting.agent(), &module, &asked);
    }
    let setting = Setting::load(asked.options.global.clone().or(setting.global))?;
    ask_fleet(&setting, &module, &asked)
}

/// `--config FILE` among the words after the module's name: it may say where the agent's program is, which knows the rest.
fn among(words: &[OsString]) -> Global {
    let mut found = Global::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--config") => found.config = words.next().map(Into::into),
            Some(text) => {
                if let Some(path) = text.strip_prefix("--config=") {
                    found.config = Some(path.into());
                }
            }
            None => {}
        }
    }
    found
}

fn describe(agent: &AgentProgram, name: &str) -> anyhow::Result<Module> {
    agent.describe(name).map_err(|error| {
        let own = own_commands();
        match (&error, nearest(name, own.iter().map(String::as_str))) {
            (ModuleError::Refused(_), Some(near)) => {
                let error = anyhow::Error::from(error);
                error.context(format!(
                    "`{name}` is neither a command (did you mean `{near}`?) nor a usable module"
                ))
            }
            _ => error.into(),
        }
    })
}

/// Hands terminal and exit status to the agent's program.
fn local(agent: &AgentProgram, module: &Module, asked: &Asked) -> anyhow::Result<Exit> {
    use std::os::unix::process::CommandExt as _;
    let options = &asked.options;
    anyhow::ensure!(
        !options.output.csv && !options.output.ndjson,
        usage("with --local, findings are printed as lines or with --json")
    );
    let mut command = agent.run(&module.name);
    let question = &options.question;
    let limits = question.limits();
    command.args(options.output.json.then_some("--json"));
    command.args(limits.timeout_ms.map(|ms| format!("--timeout={ms}ms")));
    command.args(limits.memory_bytes.map(|bytes| format!("--memory={bytes}")));
    command.args(limits.findings.map(|findings| format!("--findings={findings}")));
    if let Some(root) = &options.place.root {
        command.arg("--root").arg(root);
    }
    if let Some(params) = &options.place.params {
        command.arg("--params").arg(params);
    }
    command.args(as_words(&asked.flags));
    Err(agent.not_started(command.exec()).into())
}

/// Makes, shows, signs and sends the action.
fn ask_fleet(setting: &Setting, module: &Module, asked: &Asked) -> anyhow::Result<Exit> {
    let options = &asked.options;
    let params = params(&setting.agent(), &module.name, asked)?;
    let operation = Operation {
        module: module.name.clone(),
        params,
        limits: RequestedLimits::default(),
    };
    let action = Question {
        operations: vec![operation],
        ..question(setting, &options.question)?
    }
    .into_action(Utc::now())?;
    if let Some(path) = &options.place.save {
        write(path, &serde_json::to_string_pretty(&action)?)?;
        return Ok(Exit::Found);
    }
    let server = setting.server()?;
    let payload = action.to_payload();
    let content = Content::Action(Box::new(action));
    if let Some(exit) = agree(&server, &content, "Sign and send this?", &options.sending)? {
        return Ok(exit);
    }
    let envelope = signing::seal(&setting.gpg(&options.signing)?, ACTION_TYPE, payload)?;
    send(
        server,
        &Send::new(setting, envelope, content, &options.sending, options.output),
    )
}

/// The parameters, checked by the module.
fn params(agent: &AgentProgram, module: &str, asked: &Asked) -> anyhow::Result<Value> {
    let file: Option<&Path> = asked.options.place.params.as_deref();
    let params = match file {
        Some(_) if !asked.flags.is_empty() => {
            return Err(usage("--params and the module's own flags exclude each other"));
        }
        Some(file) => agent.params_of_file(module, file),
        None => agent.params(module, &asked.flags),
    };
    params.map_err(|error| match error {
        ModuleError::Parameters(message) => usage(message),
        other => other.into(),
    })
}
