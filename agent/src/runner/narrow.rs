//! Gives up what the question at hand does not need.

use gumshoe_plugin_api::host::Loaded;
use gumshoe_plugin_api::manifest::Privilege;
use gumshoe_plugin_api::{Operation, Reach};
use gumshoe_walls::{Need, RunnerWalls};
use std::io;
use std::path::{Path, PathBuf};

/// Narrows the walls to what the schema says that these parameters reach. Parameters that are no JSON, or a schema that cannot be
/// read, narrow nothing: the module refuses them.
pub fn to_question(
    plugin: Loaded,
    walls: &RunnerWalls,
    operation: &Operation,
    params: &[u8],
) -> io::Result<()> {
    let (Ok(schema), Ok(params)) = (plugin.schema(), serde_json::from_slice(params)) else {
        return Ok(());
    };
    let reach = Reach::of(&schema, &params);
    let unneeded: Vec<Need> = reach.unneeded.iter().copied().filter_map(need).collect();
    walls
        .narrow(&unneeded, &paths(reach.paths, &operation.root))
        .map_err(io::Error::other)
}

/// The paths below the folder that stands for `/`, with what every module may read; none for everything.
fn paths(named: Vec<PathBuf>, root: &Path) -> Vec<PathBuf> {
    if named.is_empty() {
        return named;
    }
    let always = Reach::ALWAYS_READ.iter().map(PathBuf::from);
    if root == Path::new("/") {
        return named.into_iter().chain(always).collect();
    }
    // Links below another root lead to other places than they do for this process.
    std::iter::once(root.to_owned()).chain(always).collect()
}

/// What a privilege of a manifest stands for; a privilege that this agent does not know keeps nothing.
pub fn need(privilege: Privilege) -> Option<Need> {
    match privilege {
        Privilege::ReadFiles => Some(Need::ReadFiles),
        Privilege::ReadProcesses => Some(Need::ReadProcesses),
        Privilege::EnterNamespaces => Some(Need::EnterNamespaces),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_root_is_read_as_a_whole() {
        let named = vec![PathBuf::from("/etc")];
        assert!(paths(Vec::new(), Path::new("/")).is_empty());
        assert_eq!(paths(named.clone(), Path::new("/"))[0], Path::new("/etc"));
        assert_eq!(paths(named, Path::new("/srv/image"))[0], Path::new("/srv/image"));
    }
}
