//! The trees of files that a plan asks for.

use std::path::{Path, PathBuf};

use gumshoe_packages::Tree;
use gumshoe_plugin_api::{Context, Failure, Skipped};
use gumshoe_process::Host;
use gumshoe_walk::{Base, MountTable};

use crate::{finding::Container, plan::Plan};

/// A tree, and what findings in it say of where it is.
pub(crate) struct Place {
    pub tree: Tree,
    pub root: Option<PathBuf>,
    pub container: Option<Container>,
}

/// The trees that a plan asks for: the host's or the given roots, then those of containers.
///
/// # Errors
///
/// When the host's root cannot be opened; a root that was given and cannot be opened is left out, with a coverage entry.
pub(crate) fn places(plan: &Plan, context: &Context) -> Result<Vec<Place>, Failure> {
    let host = Tree::host(context.root())?;
    let mut places: Vec<Place> = plan
        .roots
        .iter()
        .filter_map(|root| below(&host, context, root))
        .collect();
    if plan.roots.is_empty() {
        places.push(Place {
            tree: host,
            root: None,
            container: None,
        });
    }
    if plan.containers {
        places.extend(containers(context));
    }
    Ok(places)
}

/// The roots of running containers.
fn containers(context: &Context) -> impl Iterator<Item = Place> {
    let roots = Host::new(context.root()).roots(context.own_processes());
    for unseen in roots.unseen {
        context.skipped(Skipped::one("root of a process", unseen.why).example(unseen.example));
    }
    roots.found.into_iter().map(|root| Place {
        // Without its mounts, remote file systems are not known.
        tree: Tree::new(Base::new(root.dir, MountTable::parse(&root.mountinfo))),
        root: None,
        container: Some(root.container),
    })
}

fn below(host: &Tree, context: &Context, root: &Path) -> Option<Place> {
    match host.below(root) {
        Ok(tree) => Some(Place {
            tree,
            root: Some(root.to_owned()),
            container: None,
        }),
        Err(reason) => {
            context.skipped(Skipped::one("root", reason.to_string()).example(root.display().to_string()));
            None
        }
    }
}
