//! `params`: what a module's flags stand for, checked by the module.

use super::prepare::{Asked, prepare, wrong_parameters};
use crate::cli::Run;
use crate::config::Config;
use crate::exit::Exit;
use crate::plugins::choose;
use crate::supervise::AskError;
use crate::terminal::line;
use anyhow::Context as _;
use gumshoe_plugin_api::json;

/// Prints the parameters; runs nothing.
pub fn params(config: Config, arguments: Run) -> anyhow::Result<Exit> {
    let asked = Asked::read(config, arguments)?;
    let chosen = choose(&asked.config, &asked.module)?;
    let name = &chosen.candidate.manifest.name;
    let mut prepared = match prepare(&chosen, asked)? {
        Ok(prepared) => prepared,
        Err(exit) => return Ok(exit),
    };
    match prepared.session.validate(&prepared.params) {
        Ok(()) => {}
        Err(AskError::Rejected(rejection)) => return Ok(wrong_parameters(name, &rejection.message)),
        Err(error) => return Err(error.into()),
    }
    let params = json::parse(&prepared.params).context("the parameters are not strict JSON")?;
    line(&params.to_string())?;
    Ok(Exit::Found)
}
