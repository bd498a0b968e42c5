//! `import-mig`: an action of another time.

use super::new::question;
use super::setting::{Setting, read_text};
use crate::action::Question;
use crate::cli::{ImportMig, QuestionOptions};
use crate::document::write;
use crate::exit::{Exit, usage};
use crate::mig::{Imported, read};
use crate::modules::ModuleError;
use crate::terminal::one_line;
use chrono::Utc;
use gumshoe_protocol::Operation;
use gumshoe_protocol::bounds::ENVELOPE_BYTES;

/// Makes an action of MIG's; says what has no counterpart.
pub fn import(setting: &Setting, options: ImportMig) -> anyhow::Result<Exit> {
    let text = read_text(&options.file, ENVELOPE_BYTES as u64)?;
    let imported = read(text.as_bytes())?;
    for note in &imported.notes {
        eprintln!("gumshoe: {}", one_line(note));
    }
    let target = target(&imported, &options.question)?;
    let given = QuestionOptions {
        target: Some(target),
        ..options.question
    };
    if !options.unchecked {
        check(setting, &imported.operations)?;
    }
    let question = question(setting, &given)?;
    let question = Question {
        title: question.title.or(imported.name),
        purpose: if question.purpose.is_empty() {
            imported.purpose
        } else {
            question.purpose
        },
        references: [imported.references, question.references].concat(),
        operations: imported.operations,
        ..question
    };
    let action = question.into_action(Utc::now())?;
    write(&options.save, &serde_json::to_string_pretty(&action)?)?;
    Ok(Exit::Found)
}

/// The target that the user gives, or MIG's in our language.
fn target(imported: &Imported, options: &QuestionOptions) -> anyhow::Result<String> {
    if let Some(target) = &options.target {
        return Ok(target.clone());
    }
    match &imported.target {
        Ok(target) => {
            eprintln!("gumshoe: the target is {}", one_line(target));
            Ok(target.clone())
        }
        Err(error) => Err(usage(format!(
            "the target cannot be translated: {error}; say which hosts with --target"
        ))),
    }
}

/// Has each module on this machine look at its parameters.
fn check(setting: &Setting, operations: &[Operation]) -> anyhow::Result<()> {
    let agent = setting.agent();
    for (index, operation) in operations.iter().enumerate() {
        let mut file = tempfile::NamedTempFile::new()?;
        serde_json::to_writer(&mut file, &operation.params)?;
        match agent.params_of_file(&operation.module, file.path()) {
            Ok(_) => {}
            Err(ModuleError::Parameters(message)) => {
                return Err(usage(format!(
                    "operation {index} ({}): {message}",
                    operation.module
                )));
            }
            Err(error) => {
                return Err(anyhow::Error::from(error).context(format!(
                    "operation {index} ({}) cannot be checked here; --unchecked leaves that to the hosts",
                    operation.module
                )));
            }
        }
    }
    Ok(())
}
