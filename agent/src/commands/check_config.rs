//! `check-config`: every problem of the configuration at once.

use crate::config::Config;
use crate::exit::Exit;
use crate::plugins::choose;
use crate::terminal::{chain, line, printable};
use std::path::Path;

/// Checks the configuration and the plugins of enabled modules.
pub fn check_config(dir: &Path) -> anyhow::Result<Exit> {
    let config = match Config::load(dir) {
        Ok(config) => config,
        Err(error) => {
            line(&printable(&format!("wrong  {}", chain(&error))))?;
            return Ok(Exit::Failed);
        }
    };
    line(&format!(
        "good   {} (plugins in {})",
        dir.join("agent.toml").display(),
        config.modules_dir.display()
    ))?;
    let mut exit = Exit::Found;
    for (name, settled) in &config.modules {
        let enabled = settled.as_ref().map(|settled| settled.enabled);
        let verdict = match enabled {
            Ok(false) => format!("good   {name}: disabled"),
            Ok(true) | Err(_) => match choose(&config, name) {
                Ok(chosen) => format!(
                    "good   {name}: enabled, version {}",
                    chosen.candidate.manifest.version
                ),
                Err(error) => {
                    exit = Exit::Failed;
                    format!("wrong  {name}: [{}] {}", error.code(), chain(&error))
                }
            },
        };
        line(&printable(&verdict))?;
    }
    Ok(exit)
}
