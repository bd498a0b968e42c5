//! `action new`: an action that nobody has signed.

use super::setting::{Setting, read_text};
use crate::action::Question;
use crate::cli::{NewAction, QuestionOptions, parse_ask};
use crate::document::write;
use crate::exit::{Exit, usage};
use crate::modules::ModuleError;
use crate::terminal::chain;
use chrono::Utc;
use gumshoe_expression::Expression;
use gumshoe_plugin_api::json;
use gumshoe_protocol::bounds::ENVELOPE_BYTES;
use gumshoe_protocol::{Operation, RequestedLimits};
use std::ffi::OsString;
use std::path::Path;

/// Makes an action of operations on the command line and in files.
pub fn new(setting: &Setting, options: NewAction) -> anyhow::Result<Exit> {
    let mut operations = Vec::new();
    for words in options.words.split(|word| word == "--") {
        if !words.is_empty() {
            operations.push(from_words(setting, words)?);
        }
    }
    for text in &options.operations {
        operations.push(from_file(text)?);
    }
    if operations.is_empty() {
        return Err(usage(
            "an action asks something: `gumshoe action new --target … -- MODULE flags…`",
        ));
    }
    let question = Question {
        operations,
        ..question(setting, &options.question)?
    };
    let action = question.into_action(Utc::now())?;
    write(&options.save, &serde_json::to_string_pretty(&action)?)?;
    Ok(Exit::Found)
}

/// What the options say about an action, without its operations.
pub fn question(setting: &Setting, options: &QuestionOptions) -> anyhow::Result<Question> {
    let target = options.target.clone().ok_or_else(|| {
        usage("which hosts? Say it with --target, such as --target 'os == \"linux\"'; --target true asks all of them")
    })?;
    // The server and every agent judge it again; here, it costs the user less time.
    Expression::parse(&target).map_err(|error| {
        let told = chain(&error);
        usage(format!("the target is not acceptable: {told}"))
    })?;
    Ok(Question {
        title: options.title.clone(),
        purpose: options.purpose.clone().unwrap_or_default(),
        target,
        validity: options.expires.or(setting.expires()),
        operations: Vec::new(),
        limits: options.limits(),
        references: options.references.clone(),
    })
}

/// A module and its flags. Nothing but the module's own flags has a meaning here.
fn from_words(setting: &Setting, words: &[OsString]) -> anyhow::Result<Operation> {
    let (name, flags) = words
        .split_first()
        .ok_or_else(|| usage("a module's name is missing"))?;
    let name = name
        .to_str()
        .ok_or_else(|| usage("the module's name is not UTF-8"))?;
    let agent = setting.agent();
    let module = agent.describe(name)?;
    let asked = parse_ask(&module, flags).map_err(|message| usage(message.to_string().trim_end()))?;
    let params = match &asked.options.place.params {
        Some(file) => agent.params_of_file(&module.name, file),
        None => agent.params(&module.name, &asked.flags),
    };
    let params = params.map_err(|error| match error {
        ModuleError::Parameters(message) => usage(message),
        other => other.into(),
    })?;
    Ok(Operation {
        module: module.name,
        params,
        limits: asked.options.question.limits(),
    })
}

/// `MODULE=FILE`: parameters as they stand in the file.
fn from_file(text: &str) -> anyhow::Result<Operation> {
    let (module, file) = text
        .split_once('=')
        .ok_or_else(|| usage(format!("{text:?} is not MODULE=FILE")))?;
    let params = read_text(Path::new(file), ENVELOPE_BYTES as u64)?;
    let params = json::parse(params.as_bytes())
        .map_err(|error| usage(format!("`{file}` is not acceptable: {error}")))?;
    Ok(Operation {
        module: module.to_owned(),
        params,
        limits: RequestedLimits::default(),
    })
}
