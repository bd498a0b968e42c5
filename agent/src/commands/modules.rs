//! `modules list | describe | enable | disable | pin`.

use crate::cli::module_command;
use crate::config::{Config, ModuleConfig, edit};
use crate::exit::Exit;
use crate::plugins::{choose, names, plugin_path};
use crate::supervise::Session;
use crate::terminal::{chain, line, printable};
use anyhow::Context as _;
use gumshoe_plugin_api::host::Candidate;
use gumshoe_plugin_api::manifest::{Manifest, is_module_name};
use serde::Serialize;
use serde_json::json;

/// One line of the list.
#[derive(Serialize)]
struct Row {
    name: String,
    state: &'static str,
    version: Option<String>,
    summary: Option<String>,
    path: String,
    sha256: Option<String>,
    pinned: bool,
    problem: Option<String>,
    code: Option<&'static str>,
}

/// Lists all modules; refused ones with the reason. No plugin is executed.
pub fn list(config: &Config, as_json: bool) -> anyhow::Result<Exit> {
    let names =
        names(config).with_context(|| format!("failed to list `{}`", config.modules_dir.display()))?;
    let rows: Vec<Row> = names.iter().map(|name| row(config, name)).collect();
    if as_json {
        line(&serde_json::to_string_pretty(&rows)?)?;
        return Ok(Exit::Found);
    }
    if rows.is_empty() {
        eprintln!(
            "no modules: nothing in `{}` and no file in modules.d",
            config.modules_dir.display()
        );
    }
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max(4);
    if !rows.is_empty() {
        line(&format!(
            "{:width$}  {:8}  {:8}  SUMMARY",
            "NAME", "STATE", "VERSION"
        ))?;
    }
    for row in &rows {
        let version = row.version.as_deref().unwrap_or("-");
        let text = match (&row.problem, &row.summary) {
            (Some(problem), _) => format!("[{}] {problem}", row.code.unwrap_or("refused")),
            (None, summary) => summary.clone().unwrap_or_default(),
        };
        line(&printable(&format!(
            "{:width$}  {:8}  {version:8}  {text}",
            row.name, row.state
        )))?;
    }
    Ok(Exit::Found)
}

fn row(config: &Config, name: &str) -> Row {
    let fallback = ModuleConfig::default();
    let (settled, broken) = match config.modules.get(name) {
        Some(Ok(settled)) => (settled, None),
        Some(Err(error)) => (&fallback, Some(("module-config", chain(error)))),
        None => (&fallback, None),
    };
    let path = plugin_path(config, name, settled);
    let candidate = Candidate::open(&path, settled.sha256.as_deref());
    let problem = broken.or_else(|| match &candidate {
        Ok(candidate) if candidate.manifest.name != name => Some((
            "plugin-name",
            format!("its manifest says `{}`", candidate.manifest.name),
        )),
        Ok(_) => None,
        Err(error) => Some((error.code(), chain(error))),
    });
    let candidate = candidate.ok();
    Row {
        name: name.to_owned(),
        state: match (&problem, settled.enabled) {
            (Some(_), _) => "refused",
            (None, true) => "enabled",
            (None, false) => "disabled",
        },
        version: candidate.as_ref().map(|c| c.manifest.version.clone()),
        summary: candidate.as_ref().map(|c| c.manifest.summary.clone()),
        path: path.display().to_string(),
        sha256: candidate.map(|c| c.sha256().to_owned()),
        pinned: settled.sha256.is_some(),
        code: problem.as_ref().map(|(code, _)| *code),
        problem: problem.map(|(_, text)| text),
    }
}

/// Shows what a module says about itself.
pub fn describe(config: &Config, module: &str, as_json: bool, schema_only: bool) -> anyhow::Result<Exit> {
    let chosen = choose(config, module)?;
    let manifest = &chosen.candidate.manifest;
    let mut session = Session::start(&chosen.candidate, &chosen.limits)?;
    let description = session.describe()?;
    let schema = session.schema()?;
    if schema_only {
        line(&serde_json::to_string_pretty(&schema)?)?;
    } else if as_json {
        let all = json!({
            "manifest": manifest, "sha256": chosen.candidate.sha256(), "path": chosen.candidate.path.display().to_string(),
            "description": description, "schema": schema,
        });
        line(&serde_json::to_string_pretty(&all)?)?;
    } else {
        line(&printable(&facts(manifest, &chosen.candidate)))?;
        let help = module_command(&manifest.name, &manifest.summary, &description).render_long_help();
        line(&printable(&help.to_string()))?;
    }
    Ok(Exit::Found)
}

fn facts(manifest: &Manifest, candidate: &Candidate) -> String {
    let words = |list: &[String]| {
        if list.is_empty() {
            "none".to_owned()
        } else {
            list.join(", ")
        }
    };
    let privileges: Vec<String> = manifest
        .privileges
        .iter()
        .filter_map(|p| Some(serde_json::to_value(p).ok()?.as_str()?.to_owned()))
        .collect();
    format!(
        "{} {} (plugin ABI {}.{})\nfile        {}\nsha256      {}\nsystems     {}\nprivileges  {}\n",
        manifest.name,
        manifest.version,
        manifest.abi.0,
        manifest.abi.1,
        candidate.path.display(),
        candidate.sha256(),
        words(&manifest.os),
        words(&privileges),
    )
}

/// Enables a module once its plugin was found good.
pub fn enable(config: &Config, name: &str) -> anyhow::Result<Exit> {
    let settled = existing(config, name)?;
    let candidate = judged(config, name, &settled)?;
    edit(&config.module_file(name), &[("enabled", Some(true.into()))])?;
    line(&format!(
        "{name} {} is enabled in {}",
        candidate.manifest.version,
        config.module_file(name).display()
    ))?;
    Ok(Exit::Found)
}

/// Disables a module, whatever state its plugin is in.
pub fn disable(config: &Config, name: &str) -> anyhow::Result<Exit> {
    named(name)?;
    edit(&config.module_file(name), &[("enabled", Some(false.into()))])?;
    line(&format!(
        "{name} is disabled in {}",
        config.module_file(name).display()
    ))?;
    Ok(Exit::Found)
}

/// Pins a module to the plugin file that is there now, or removes the pin.
pub fn pin(config: &Config, name: &str, clear: bool) -> anyhow::Result<Exit> {
    let settled = existing(config, name)?;
    let file = config.module_file(name);
    if clear {
        edit(&file, &[("sha256", None)])?;
        line(&format!("{name} is no longer pinned in {}", file.display()))?;
        return Ok(Exit::Found);
    }
    let candidate = judged(
        config,
        name,
        &ModuleConfig {
            sha256: None,
            ..settled
        },
    )?;
    edit(&file, &[("sha256", Some(candidate.sha256().into()))])?;
    line(&format!(
        "{name} is pinned to {} in {}",
        candidate.sha256(),
        file.display()
    ))?;
    Ok(Exit::Found)
}

fn named(name: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        is_module_name(name),
        "{name:?} is no module name: lower-case letters, digits and dashes"
    );
    Ok(())
}

fn existing(config: &Config, name: &str) -> anyhow::Result<ModuleConfig> {
    named(name)?;
    match config.modules.get(name) {
        None => Ok(ModuleConfig::default()),
        Some(Ok(settled)) => Ok(settled.clone()),
        Some(Err(error)) => anyhow::bail!("{}", chain(error)),
    }
}

/// The plugin of a module, which must be acceptable and bear the module's name.
fn judged(config: &Config, name: &str, settled: &ModuleConfig) -> anyhow::Result<Candidate> {
    let path = plugin_path(config, name, settled);
    let candidate = Candidate::open(&path, settled.sha256.as_deref())
        .map_err(|error| anyhow::anyhow!("the plugin is refused [{}]: {}", error.code(), chain(&error)))?;
    let found = &candidate.manifest.name;
    anyhow::ensure!(
        found == name,
        "`{}` is the module `{found}`, not `{name}` [plugin-name]",
        path.display()
    );
    Ok(candidate)
}
