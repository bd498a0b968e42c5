//! From a module's name to a plugin that may be loaded, or to the reason why not.

use crate::config::{Config, ModuleConfig};
use crate::terminal::chain;
use gumshoe_plugin_api::host::{Candidate, RefusedPlugin, module_of_file_name, plugin_file_name};
use gumshoe_plugin_api::manifest::is_module_name;
use gumshoe_plugin_api::{Limits, nearest};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A plugin that may be loaded, with what the host's owner says about it.
#[derive(Debug)]
pub struct Chosen {
    /// The judged file.
    pub candidate: Candidate,
    /// The limits of its operations.
    pub limits: Limits,
    /// Its settings.
    pub settings: serde_json::Value,
}

/// Why a module is not run on this host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Nothing here bears that name.
    #[error("there is no module `{name}` on this host{hint}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// A suggestion, or where was looked.
        hint: String,
    },
    /// The host's owner did not enable it.
    #[error(
        "the module `{name}` is not enabled on this host; `gumshoe-agent modules enable {name}` enables it"
    )]
    Disabled {
        /// The module.
        name: String,
    },
    /// Its file in `modules.d` is broken.
    #[error("the configuration of the module `{name}` is broken: {message}")]
    Config {
        /// The module.
        name: String,
        /// What is wrong, and in which file.
        message: String,
    },
    /// Its plugin file is refused.
    #[error("the plugin of the module `{name}` is refused")]
    Plugin {
        /// The module.
        name: String,
        /// The check that failed.
        source: RefusedPlugin,
    },
    /// The plugin says that it is another module.
    #[error("`{path}` is configured as the module `{name}`, but its manifest says `{found}`")]
    Name {
        /// The plugin file.
        path: PathBuf,
        /// The name in the configuration.
        name: String,
        /// The name in the manifest.
        found: String,
    },
}

impl Refused {
    /// A stable code to search for.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "module-unknown",
            Self::Disabled { .. } => "module-disabled",
            Self::Config { .. } => "module-config",
            Self::Plugin { source, .. } => source.code(),
            Self::Name { .. } => "plugin-name",
        }
    }
}

/// Chooses the plugin for a module name, or for the path of a plugin file.
///
/// A path (anything with a `/`) is taken as it is: whoever may start the agent by hand needs no
/// permission to enable a module. All checks of the file apply all the same.
///
/// # Errors
///
/// [`Refused`], with the check that failed.
pub fn choose(config: &Config, module: &str) -> Result<Chosen, Refused> {
    if module.contains('/') {
        return choose_file(config, Path::new(module), &ModuleConfig::default());
    }
    let Some(position) = config.modules.get(module) else {
        return Err(absent(config, module));
    };
    let settled = match position {
        Ok(settled) if settled.enabled => settled,
        Ok(_) => {
            return Err(Refused::Disabled {
                name: module.to_owned(),
            });
        }
        Err(error) => {
            return Err(Refused::Config {
                name: module.to_owned(),
                message: chain(error),
            });
        }
    };
    let path = plugin_path(config, module, settled);
    let chosen = choose_file(config, &path, settled)?;
    let found = &chosen.candidate.manifest.name;
    if found != module {
        return Err(Refused::Name {
            path,
            name: module.to_owned(),
            found: found.clone(),
        });
    }
    Ok(chosen)
}

/// Where a module's plugin lies, whether there is one or not.
#[must_use]
pub fn plugin_path(config: &Config, module: &str, settled: &ModuleConfig) -> PathBuf {
    settled
        .path
        .clone()
        .unwrap_or_else(|| config.modules_dir.join(plugin_file_name(module)))
}

/// The names of all modules that are configured or lie in the modules folder, in order.
///
/// # Errors
///
/// When the modules folder is there and cannot be read.
pub fn names(config: &Config) -> std::io::Result<BTreeSet<String>> {
    let mut names: BTreeSet<String> = config.modules.keys().cloned().collect();
    match std::fs::read_dir(&config.modules_dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(entries) => {
            for entry in entries {
                names.extend(entry?.file_name().to_str().and_then(module_of_file_name));
            }
        }
    }
    Ok(names)
}

fn choose_file(config: &Config, path: &Path, settled: &ModuleConfig) -> Result<Chosen, Refused> {
    let candidate = Candidate::open(path, settled.sha256.as_deref()).map_err(|source| Refused::Plugin {
        name: path.display().to_string(),
        source,
    })?;
    Ok(Chosen {
        candidate,
        limits: settled.limits.over(&config.limits),
        settings: if settled.settings.is_null() {
            serde_json::json!({})
        } else {
            settled.settings.clone()
        },
    })
}

/// A module without configuration: there but not enabled, or not there at all.
fn absent(config: &Config, module: &str) -> Refused {
    let name = module.to_owned();
    if is_module_name(module) && config.modules_dir.join(plugin_file_name(module)).exists() {
        return Refused::Disabled { name };
    }
    let known = names(config).unwrap_or_default();
    let hint = match nearest(module, known.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!(" (looked in `{}`)", config.modules_dir.display()),
    };
    Refused::Unknown { name, hint }
}
