//! `completions` and `man`: from the same declarations as the help texts.

use crate::cli::whole_command;
use crate::config::Config;
use crate::exit::Exit;
use crate::plugins::{choose, names};
use crate::supervise::Session;
use crate::terminal::chain;
use anyhow::Context as _;
use clap::Command;
use gumshoe_plugin_api::Description;
use std::path::Path;

/// Prints a completion script.
pub fn completions(config: &Config, shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut command = whole_command(&enabled(config));
    clap_complete::generate(shell, &mut command, "gumshoe-agent", &mut std::io::stdout());
    Ok(Exit::Found)
}

/// Writes one man page per command.
pub fn man(config: &Config, folder: &Path) -> anyhow::Result<Exit> {
    let mut command = whole_command(&enabled(config)).disable_help_subcommand(true);
    command.build();
    let written = write_pages(&command, folder, "gumshoe-agent")?;
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

/// Name, summary and description of every enabled module; one that does not answer is left out with a warning.
fn enabled(config: &Config) -> Vec<(String, String, Description)> {
    let names = names(config).unwrap_or_default();
    let chosen = names
        .iter()
        .filter_map(|name| Some((name, choose(config, name).ok()?)));
    chosen
        .filter_map(|(name, chosen)| {
            let description = Session::start(&chosen.candidate, &chosen.limits)
                .map_err(|error| chain(&error))
                .and_then(|mut session| session.describe().map_err(|error| chain(&error)));
            match description {
                Ok(description) => Some((name.clone(), chosen.candidate.manifest.summary, description)),
                Err(error) => {
                    eprintln!("gumshoe-agent: {name} is left out: {error}");
                    None
                }
            }
        })
        .collect()
}
