//! `policy check`: everything that is wrong with a policy, or who may ask what.

use crate::config::Config;
use crate::exit::Exit;
use crate::obey::policy::{FILE, PolicyFileError, load};
use crate::terminal::{chain, count, line, printable};
use gumshoe_protocol::policy::{Permission, Policy};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The policy that a command is about.
pub(super) fn path(config: &Config, given: Option<&Path>) -> PathBuf {
    given.map_or_else(|| config.dir.join(FILE), Path::to_owned)
}

/// Checks a policy and prints the verdict.
pub fn check(config: &Config, file: Option<&Path>, as_json: bool) -> anyhow::Result<Exit> {
    let path = path(config, file);
    match load(&path) {
        Ok(policy) if as_json => line(&serde_json::to_string_pretty(&described(&policy))?)?,
        Ok(policy) => print(&path, &policy)?,
        Err(error) => {
            let problems = problems(&error);
            if as_json {
                line(&serde_json::to_string_pretty(
                    &json!({ "good": false, "problems": problems }),
                )?)?;
            } else {
                for (place, message) in &problems {
                    let place = if place.is_empty() {
                        String::new()
                    } else {
                        format!("{place}: ")
                    };
                    line(&printable(&format!("wrong  {place}{message}")))?;
                }
            }
            return Ok(Exit::Failed);
        }
    }
    Ok(Exit::Found)
}

/// Place and message of everything that is wrong.
fn problems(error: &PolicyFileError) -> Vec<(String, String)> {
    match error {
        PolicyFileError::Content { source, .. } => {
            let each = source.problems.iter();
            each.map(|problem| (problem.place.clone(), problem.message.clone()))
                .collect()
        }
        other => vec![(String::new(), chain(other))],
    }
}

fn described(policy: &Policy) -> Value {
    let investigators = policy.investigators().iter().map(|one| {
        json!({
            "name": one.name,
            "fingerprint": one.certificate.fingerprint().to_string(),
            "weight": one.weight,
            "groups": one.groups,
        })
    });
    let permissions = policy.permissions().iter().map(|one| {
        json!({
            "name": one.name,
            "group": one.group,
            "modules": one.modules,
            "threshold": one.threshold,
            "condition": one.condition.as_ref().map(|it| it.text()),
            "members": members(policy, one),
        })
    });
    json!({
        "good": true,
        "investigators": investigators.collect::<Vec<_>>(),
        "permissions": permissions.collect::<Vec<_>>(),
        "caps": policy.caps,
        "longest_window_s": policy.longest_window.num_seconds(),
        "tolerance_s": policy.tolerance.num_seconds(),
    })
}

/// Members of a permission's group with their weights.
fn members(policy: &Policy, permission: &Permission) -> Vec<String> {
    let members = policy
        .investigators()
        .iter()
        .filter(|one| one.groups.contains(&permission.group));
    members
        .map(|one| match one.weight {
            1 => one.name.clone(),
            weight => format!("{} (weight {weight})", one.name),
        })
        .collect()
}

fn print(path: &Path, policy: &Policy) -> anyhow::Result<()> {
    let (people, permissions) = (policy.investigators(), policy.permissions());
    line(&printable(&format!(
        "good   {} ({}, {})",
        path.display(),
        count(people.len() as u64, "investigator"),
        count(permissions.len() as u64, "permission")
    )))?;
    let mut rows = vec![["MODULES", "GROUP", "NEEDS", "MEMBERS", "IF"].map(str::to_owned)];
    for one in permissions {
        let condition = one.condition.as_ref().map_or("-", |it| it.text());
        rows.push([
            one.modules.join(","),
            one.group.clone(),
            one.threshold.to_string(),
            members(policy, one).join(", "),
            condition.split_whitespace().collect::<Vec<_>>().join(" "),
        ]);
    }
    for row in table(&rows) {
        line(&printable(&row))?;
    }
    Ok(())
}

/// Rows as text whose columns stand below each other.
fn table<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let render = |row: &[String; N]| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(render).collect()
}
