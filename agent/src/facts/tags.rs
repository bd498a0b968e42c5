//! The owner's tags: `tags.d/*.toml`, each a table of strings.

use super::read_short;
use gumshoe_protocol::Facts;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// How many files the folder may have.
const MAX_FILES: usize = 256;

/// Reads all files in the order of their names; a later one wins. A file that is broken is passed
/// over as a whole, and told: half of somebody's tags are worse than none.
pub fn read(folder: &Path, problems: &mut Vec<String>) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let files = match files(folder) {
        Ok(files) => files,
        Err(error) => {
            problems.push(format!(
                "tags: `{}` could not be listed: {error}",
                folder.display()
            ));
            return tags;
        }
    };
    if files.len() > MAX_FILES {
        problems.push(format!(
            "tags: `{}` has more than {MAX_FILES} files",
            folder.display()
        ));
    }
    for path in files.iter().take(MAX_FILES) {
        match read_file(path) {
            Ok(more) => tags.extend(more),
            Err(why) => problems.push(format!("tags: `{}` is passed over: {why}", path.display())),
        }
    }
    tags
}

/// The files whose names end in `.toml`, sorted; none where there is no folder.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut files = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort_unstable();
    Ok(files)
}

fn read_file(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let text = read_short(path).map_err(|error| error.to_string())?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| error.to_string())?;
    table.into_iter().map(|(key, value)| tag(key, value)).collect()
}

fn tag(key: String, value: toml::Value) -> Result<(String, String), String> {
    let toml::Value::String(value) = value else {
        return Err(format!(
            "`{key}` is not a string but of type {}",
            value.type_str()
        ));
    };
    if key.len() > Facts::MAX_TEXT || value.len() > Facts::MAX_TEXT {
        return Err(format!("a tag has more than {} bytes", Facts::MAX_TEXT));
    }
    Ok((key, value))
}
