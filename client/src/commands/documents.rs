//! `modules`, `completions` and `man`: from the same declarations as the help texts.

use super::setting::Setting;
use crate::cli::whole_command;
use crate::exit::Exit;
use crate::modules::Module;
use crate::terminal::{line, one_line};
use anyhow::Context as _;
use clap::Command;
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
    let mut command = whole_command(&described(setting)).disable_help_subcommand(true);
    command.build();
    let written = write_pages(&command, folder, "gumshoe")?;
    eprintln!("{written} man pages written to {}", folder.display());
    Ok(Exit::Found)
}

fn write_pages(command: &Command, folder: &Path, name: &str) -> anyhow::Result<usize> {
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone().name(name.to_owned())).render(&mut page)?;
    std::fs::write(&path, page).with_context(|| format!("failed to write `{}`", path.display()))?;
    let mut written = 1;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        written += write_pages(sub, folder, &format!("{name}-{}", sub.get_name()))?;
    }
    Ok(written)
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
