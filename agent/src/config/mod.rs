//! The host's configuration: `agent.toml` and `modules.d/NAME.toml`, parsed once, checked, immutable.
//!
//! Every file is optional. Unknown keys are refused. A broken file in `modules.d` disables its
//! module, with the reason, and nothing else.

pub mod daemon;
mod module;

pub use gumshoe_protocol::units::{Bytes, Duration};
pub use module::{ModuleConfig, edit};

use gumshoe_plugin_api::Limits;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Where the configuration lies unless the command line or `GUMSHOE_CONFIG_DIR` says otherwise.
pub const DEFAULT_DIR: &str = "/etc/gumshoe";
/// Where plugins lie unless `agent.toml` says otherwise.
pub const DEFAULT_MODULES_DIR: &str = if cfg!(target_os = "macos") {
    "/usr/local/lib/gumshoe/modules"
} else {
    "/usr/lib/gumshoe/modules"
};
/// How long a configuration file may be.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Why a configuration file is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It cannot be read.
    #[error("failed to read `{path}`")]
    Read {
        /// File or folder.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// It is longer than a configuration file can be.
    #[error("`{path}` has more than {MAX_FILE_BYTES} bytes")]
    Size {
        /// The file.
        path: PathBuf,
    },
    /// It is not TOML, or has an unknown key or a value of the wrong kind.
    #[error("`{path}` is not understood: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong.
        message: String,
    },
    /// A value makes no sense.
    #[error("`{path}`: `{key}` {message}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What is wrong with its value.
        message: String,
    },
    /// It cannot be written.
    #[error("failed to write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

/// All of the host's configuration.
#[derive(Debug)]
pub struct Config {
    /// The folder it was read from.
    pub dir: PathBuf,
    /// Where plugins lie.
    pub modules_dir: PathBuf,
    /// What holds for every module that does not say otherwise.
    pub limits: Limits,
    /// How much runs at the same time.
    pub actions: daemon::Actions,
    /// Where the relay is; the daemon needs it.
    pub relay: Option<daemon::Relay>,
    /// When the daemon tells how it is.
    pub heartbeat: daemon::Heartbeat,
    /// How the server comes to know this agent.
    pub enrolment: daemon::Enrolment,
    /// How much waits for the relay.
    pub spool: daemon::Spool,
    /// What `modules.d` says, by module name.
    pub modules: BTreeMap<String, Result<ModuleConfig, ConfigError>>,
}

/// `agent.toml` as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AgentFile {
    modules_dir: Option<PathBuf>,
    limits: LimitsTable,
    actions: daemon::Actions,
    relay: Option<daemon::Relay>,
    heartbeat: daemon::Heartbeat,
    enrolment: daemon::Enrolment,
    spool: daemon::Spool,
}

/// Limits as they are written in either file; what is absent is inherited.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsTable {
    /// Wall time, such as `5m`.
    pub timeout: Option<Duration>,
    /// Private writable memory of the runner, such as `512m`.
    pub memory: Option<Bytes>,
    /// Findings per operation.
    pub findings: Option<u64>,
    /// Bytes of all findings together, such as `8m`.
    pub report: Option<Bytes>,
    /// Worker threads; 0 leaves the choice to the module.
    pub threads: Option<u32>,
    /// Processor time, in percent of one processor; 0 for no limit.
    pub cpu_percent: Option<u32>,
}

impl LimitsTable {
    /// These limits, and those of `base` where nothing is said.
    #[must_use]
    pub fn over(&self, base: &Limits) -> Limits {
        Limits {
            timeout_ms: self.timeout.map_or(base.timeout_ms, Duration::milliseconds),
            memory_bytes: self.memory.map_or(base.memory_bytes, Bytes::count),
            findings: self.findings.unwrap_or(base.findings),
            report_bytes: self.report.map_or(base.report_bytes, Bytes::count),
            threads: self.threads.unwrap_or(base.threads),
            cpu_percent: self.cpu_percent.unwrap_or(base.cpu_percent),
        }
    }
}

impl Config {
    /// Reads the configuration below `dir`. What does not exist is as if it were empty.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for `agent.toml` and for `modules.d` itself; errors of single modules are kept
    /// with them.
    pub fn load(dir: &Path) -> Result<Self, ConfigError> {
        let path = dir.join("agent.toml");
        let file: AgentFile = parse(&path, &read(&path)?.unwrap_or_default())?;
        if let Some(relative) = file.modules_dir.as_ref().filter(|p| !p.is_absolute()) {
            let message = format!("must be an absolute path, not {}", relative.display());
            return Err(ConfigError::Value {
                path,
                key: "modules_dir",
                message,
            });
        }
        file.actions.check(&path)?;
        file.relay.as_ref().map_or(Ok(()), |relay| relay.check(&path))?;
        Ok(Self {
            actions: file.actions,
            relay: file.relay,
            heartbeat: file.heartbeat,
            enrolment: file.enrolment,
            spool: file.spool,
            modules: module::read_all(&dir.join("modules.d"))?,
            dir: dir.to_owned(),
            modules_dir: file.modules_dir.unwrap_or_else(|| DEFAULT_MODULES_DIR.into()),
            limits: file.limits.over(&Limits::default()),
        })
    }

    /// The file in `modules.d` that configures a module.
    #[must_use]
    pub fn module_file(&self, name: &str) -> PathBuf {
        self.dir.join("modules.d").join(format!("{name}.toml"))
    }
}

/// Reads a configuration file; `None` when it does not exist.
fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    let failed = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if metadata.len() > MAX_FILE_BYTES => {
            return Err(ConfigError::Size {
                path: path.to_owned(),
            });
        }
        Ok(metadata) if !metadata.is_file() => return Err(failed(io::Error::other("not a regular file"))),
        Ok(_) => {}
    }
    std::fs::read_to_string(path).map(Some).map_err(failed)
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, ConfigError> {
    toml::from_str(text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        message: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn an_empty_folder_is_a_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::load(dir.path()).unwrap();
        assert_eq!(config.limits, Limits::default());
        assert_eq!(config.modules_dir, Path::new(DEFAULT_MODULES_DIR));
        assert!(config.modules.is_empty());
    }

    #[test]
    fn limits_are_inherited_and_unknown_keys_refused_with_their_line() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join("agent.toml"),
            "modules_dir = '/m'\n[limits]\ntimeout = '90s'\n",
        )
        .unwrap();
        fs::create_dir(dir.path().join("modules.d")).unwrap();
        fs::write(
            dir.path().join("modules.d/file.toml"),
            "enabled = true\nmemory = '64m'\n",
        )
        .unwrap();
        fs::write(
            dir.path().join("modules.d/pkg.toml"),
            "enabled = true\nmemroy = '64m'\n",
        )
        .unwrap();
        let config = Config::load(dir.path()).unwrap();
        let limits = config.modules["file"]
            .as_ref()
            .unwrap()
            .limits
            .over(&config.limits);
        assert_eq!((limits.timeout_ms, limits.memory_bytes), (90_000, 64 << 20));
        let error = config.modules["pkg"].as_ref().unwrap_err().to_string();
        assert!(error.contains("memroy") && error.contains("line 2"), "{error}");
        fs::write(dir.path().join("agent.toml"), "modules_dir = 'm'\n").unwrap();
        assert!(
            Config::load(dir.path())
                .unwrap_err()
                .to_string()
                .contains("absolute")
        );
    }
}
