//! `daemon`: the agent as a service.

use crate::cli::Daemon;
use crate::exit::Exit;
use crate::warden::{self, Options};
use std::path::Path;

/// Runs the daemon until it is told to stop.
pub fn daemon(config_dir: &Path, arguments: &Daemon) -> anyhow::Result<Exit> {
    warden::daemon(&Options {
        config_dir: config_dir.to_owned(),
        state: arguments.state.folder.clone(),
        once: arguments.once,
        format: arguments.log_format,
    })
}
