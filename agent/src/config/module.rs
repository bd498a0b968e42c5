//! `modules.d/NAME.toml`: enables, disables, pins and limits one module, and holds its settings.

use super::{Bytes, ConfigError, Duration, LimitsTable, parse, read};
use gumshoe_plugin_api::manifest::is_module_name;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use toml_edit::{DocumentMut, Item, value};

/// One module's configuration, checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModuleConfig {
    /// Whether operations of this module are run.
    pub enabled: bool,
    /// The plugin file; by default the one in the modules folder that bears the module's name.
    pub path: Option<PathBuf>,
    /// The only SHA-256 that the plugin file may have, lower-case hexadecimal.
    pub sha256: Option<String>,
    /// Limits; what is absent is inherited from `agent.toml`.
    pub limits: LimitsTable,
    /// What the module itself reads.
    pub settings: serde_json::Value,
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    enabled: bool,
    path: Option<PathBuf>,
    sha256: Option<String>,
    timeout: Option<Duration>,
    memory: Option<Bytes>,
    findings: Option<u64>,
    report: Option<Bytes>,
    threads: Option<u32>,
    cpu_percent: Option<u32>,
    #[serde(default)]
    settings: toml::Table,
}

/// Reads every `NAME.toml` in `modules.d`; other files are left alone.
pub(super) fn read_all(
    dir: &Path,
) -> Result<BTreeMap<String, Result<ModuleConfig, ConfigError>>, ConfigError> {
    let failed = |source| ConfigError::Read {
        path: dir.to_owned(),
        source,
    };
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        other => other.map_err(failed)?,
    };
    let mut modules = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        if let Some(name) = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .filter(|_| is_toml)
        {
            modules.insert(name.to_owned(), read_one(name, &path));
        }
    }
    Ok(modules)
}

fn read_one(name: &str, path: &Path) -> Result<ModuleConfig, ConfigError> {
    let wrong = |key, message| ConfigError::Value {
        path: path.to_owned(),
        key,
        message,
    };
    if !is_module_name(name) {
        return Err(wrong(
            "file name",
            format!("{name:?} is no module name: lower-case letters, digits and dashes"),
        ));
    }
    let file: File = parse(path, &read(path)?.unwrap_or_default())?;
    if let Some(plugin) = file.path.as_ref().filter(|p| !p.is_absolute()) {
        return Err(wrong(
            "path",
            format!("must be absolute, not {}", plugin.display()),
        ));
    }
    let sha256 = file.sha256.map(|hash| hash.to_ascii_lowercase());
    if let Some(hash) = sha256
        .as_ref()
        .filter(|h| h.len() != 64 || !h.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        return Err(wrong(
            "sha256",
            format!("must be 64 hexadecimal digits, not {hash:?}"),
        ));
    }
    let settings =
        serde_json::to_value(file.settings).map_err(|error| wrong("settings", error.to_string()))?;
    Ok(ModuleConfig {
        enabled: file.enabled,
        path: file.path,
        sha256,
        limits: LimitsTable {
            timeout: file.timeout,
            memory: file.memory,
            findings: file.findings,
            report: file.report,
            threads: file.threads,
            cpu_percent: file.cpu_percent,
        },
        settings,
    })
}

/// Changes single keys of a module's file, keeping comments and order; creates the file if needed.
///
/// The change is all or nothing: a new file is written beside the old one and renamed over it.
///
/// # Errors
///
/// [`ConfigError`] when the file is not TOML or cannot be written.
pub fn edit(path: &Path, changes: &[(&str, Option<toml_edit::Value>)]) -> Result<(), ConfigError> {
    let text = read(path)?.unwrap_or_default();
    let mut document: DocumentMut = text
        .parse()
        .map_err(|e: toml_edit::TomlError| ConfigError::Syntax {
            path: path.to_owned(),
            message: e.to_string(),
        })?;
    if !document.contains_key("enabled") {
        document.insert("enabled", value(false));
    }
    for (key, new) in changes {
        match new {
            None => drop(document.remove(key)),
            Some(new) => match document.get_mut(key) {
                Some(Item::Value(old)) => {
                    let decor = old.decor().clone();
                    *old = new.clone();
                    *old.decor_mut() = decor;
                }
                _ => drop(document.insert(key, value(new.clone()))),
            },
        }
    }
    replace(path, &document.to_string()).map_err(|source| ConfigError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Writes a file so that there is the old one or the new one at any time, never half of one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    std::fs::create_dir_all(folder)?;
    let new = path.with_extension(format!("toml.new-{}", std::process::id()));
    let written = std::fs::File::create_new(&new).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| std::fs::rename(&new, path));
    if renamed.is_err() {
        let _ = std::fs::remove_file(&new); // what could not be finished is not left behind
    }
    renamed?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editing_keeps_what_people_wrote() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("modules.d/file.toml");
        edit(&path, &[("enabled", Some(true.into()))]).unwrap();
        assert!(read_one("file", &path).unwrap().enabled);
        std::fs::write(
            &path,
            "# why\nenabled = true # since May\ntimeout = '5m'\n[settings]\nx = 1\n",
        )
        .unwrap();
        edit(
            &path,
            &[
                ("enabled", Some(false.into())),
                ("sha256", Some("ab".repeat(32).into())),
            ],
        )
        .unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("# why\nenabled = false # since May"), "{text}");
        let config = read_one("file", &path).unwrap();
        assert_eq!((config.enabled, config.settings["x"].as_i64()), (false, Some(1)));
        assert_eq!(config.sha256.as_deref(), Some("ab".repeat(32).as_str()));
        edit(&path, &[("sha256", None)]).unwrap();
        assert_eq!(read_one("file", &path).unwrap().sha256, None);
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "nothing is left behind"
        );
    }

    #[test]
    fn bad_values_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.toml");
        for (text, expected) in [
            ("", "enabled"),
            ("enabled = 'yes'", "boolean"),
            ("enabled = true\nsha256 = 'abc'", "64 hexadecimal"),
            ("enabled = true\npath = 'x.so'", "absolute"),
            ("enabled = true\ntimeout = 'soon'", "such as 90s"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read_one("x", &path).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert!(
            read_one("Bad_Name", &path)
                .unwrap_err()
                .to_string()
                .contains("no module name")
        );
    }
}
