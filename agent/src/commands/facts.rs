//! `facts`: what this host says about itself, as targets see it.

use crate::cli::Facts as Options;
use crate::config::Config;
use crate::exit::Exit;
use crate::facts::{Sources, gather};
use crate::terminal::{line, printable};
use serde_json::Value;

/// Prints the facts; problems go to standard error.
pub fn facts(config: &Config, options: &Options) -> anyhow::Result<Exit> {
    let root = options.root.clone().unwrap_or_else(|| "/".into());
    let mut gathered = gather(&Sources {
        root,
        tags_dir: config.dir.join("tags.d"),
    });
    let enabled = config
        .modules
        .iter()
        .filter(|(_, module)| module.as_ref().is_ok_and(|module| module.enabled));
    gathered.facts.modules = enabled.map(|(name, _)| name.clone()).collect();
    for problem in &gathered.problems {
        eprintln!("gumshoe-agent: {}", printable(problem));
    }
    let facts = gathered.facts.to_variables();
    if options.json {
        line(&serde_json::to_string_pretty(&facts)?)?;
        return Ok(Exit::Found);
    }
    for (name, value) in &facts {
        for text in lines(name, value) {
            line(&printable(&text))?;
        }
    }
    Ok(Exit::Found)
}

/// A fact as a comparison that is true here: a line per entry of a map.
fn lines(name: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) if map.is_empty() => vec![format!("{name} is empty")],
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| format!("{} == {value}", select(name, key)))
            .collect(),
        value => vec![format!("{name} == {value}")],
    }
}

/// `map.key`, or `map["key"]` where the key is no identifier.
fn select(name: &str, key: &str) -> String {
    let starts = key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if starts
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return format!("{name}.{key}");
    }
    format!("{name}[{}]", Value::from(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn facts_are_printed_as_targets_that_are_true() {
        let tags = json!({"role": "web", "a-b": "x\"y"});
        assert_eq!(
            lines("tags", &tags),
            [r#"tags.role == "web""#, r#"tags["a-b"] == "x\"y""#]
        );
        assert_eq!(lines("cpus", &json!(8)), ["cpus == 8"]);
        assert_eq!(lines("ips", &json!(["::1"])), [r#"ips == ["::1"]"#]);
        assert_eq!(lines("cloud", &json!({})), ["cloud is empty"]);
    }
}
