//! `completions` and `man`: from the same declarations as the help texts.

use crate::cli::whole_command;
use crate::config::Config;
use crate::exit::Exit;
use crate::plugins::{choose, names};
use crate::supervise::Session;
use crate::terminal::chain;
use anyhow::Context as _;
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
    clap_mangen::generate_to(whole_command(&enabled(config)), folder)
        .with_context(|| format!("failed to write man pages into `{}`", folder.display()))?;
    eprintln!("man pages written to {}", folder.display());
    Ok(Exit::Found)
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
