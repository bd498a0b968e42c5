//! What the program says about itself.

use super::Exit;
use crate::cli::Cli;
use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::io::{self, Write as _};
use std::path::Path;

pub(super) fn openapi() -> anyhow::Result<Exit> {
    let document = serde_json::to_string_pretty(&crate::api::document())?;
    writeln!(io::stdout(), "{document}")?;
    Ok(Exit::Success)
}

pub(super) fn completions(shell: Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "gumshoe-server", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Exit::Success)
}

pub(super) fn man(folder: &Path) -> anyhow::Result<Exit> {
    let failed = || format!("failed to write man pages into `{}`", folder.display());
    clap_mangen::generate_to(Cli::command(), folder).with_context(failed)?;
    Ok(Exit::Success)
}
