//! `modules`, `completions` and `man`: from the same declarations as the help texts.

use super::setting::Setting;
use crate::cli::whole_command;
use crate::exit::Exit;
use crate::modules::Module;
use crate::terminal::{line, one_line};
use anyhow::Context as _;
use std::path::Path;

/// Lists the modules on this machine.
pub fn modules(setting: &Setting) -> anyhow::Result<Exit> {
    let agent = setting.agent();
    for name in agent.enabled()? {
        let module = agent.describe(&name)?;
        line(&format!(
            "{:10} {}",
            one_line(&module.name),
            one_line(&module.summary)
        ))?;
    }
    Ok(Exit::Found)
}

/// Prints a completion script.
pub fn completions(setting: &Setting, shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut command = whole_command(&described(setting));
    clap_complete::generate(shell, &mut command, "gumshoe", &mut std::io::stdout());
    Ok(Exit::Found)
}

/// Writes one man page per command.
pub fn man(setting: &Setting, folder: &Path) -> anyhow::Result<Exit> {
    clap_mangen::generate_to(whole_command(&described(setting)), folder)
        .with_context(|| format!("failed to write man pages into `{}`", folder.display()))?;
    eprintln!("man pages written to {}", folder.display());
    Ok(Exit::Found)
}

/// Every enabled module; what cannot be asked is left out with a warning.
fn described(setting: &Setting) -> Vec<Module> {
    let agent = setting.agent();
    let names = agent.enabled().unwrap_or_else(|error| {
        eprintln!(
            "gumshoe: the modules are left out: {}",
            one_line(&error.to_string())
        );
        Vec::new()
    });
    let describe = |name: String| match agent.describe(&name) {
        Ok(module) => Some(module),
        Err(error) => {
            eprintln!("gumshoe: {name} is left out: {}", one_line(&error.to_string()));
            None
        }
    };
    names.into_iter().filter_map(describe).collect()
}
