//! The trees of files that a plan asks for.

use std::path::{Path, PathBuf};

use gumshoe_packages::Tree;
use gumshoe_plugin_api::{Context, Failure, Skipped};

use crate::{finding::Container, os, plan::Plan};

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
    let mut places = Vec::new();
    if plan.roots.is_empty() {
        places.push(Place {
            tree: Tree::host(context.root())?,
            root: None,
            container: None,
        });
    }
    places.extend(plan.roots.iter().filter_map(|root| below(context, root)));
    if plan.containers {
        places.extend(os::containers(context));
    }
    Ok(places)
}

fn below(context: &Context, root: &Path) -> Option<Place> {
    let path = context.root().join(root.strip_prefix("/").unwrap_or(root));
    let tree = Tree::host(&path)
        .inspect_err(|error| {
            let why = Failure::from(std::io::Error::other(error.to_string()));
            context.error(why.message());
            context.skipped(Skipped::one("root", "cannot be opened").example(root.display().to_string()));
        })
        .ok()?;
    Some(Place {
        tree,
        root: Some(root.to_owned()),
        container: None,
    })
}
