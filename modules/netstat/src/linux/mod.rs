//! Linux: netlink, `/proc`, and threads that enter other network namespaces.

mod enter;
mod files;
mod holders;
mod namespaces;
mod netlink;
mod probe;
mod requests;
mod tables;
mod view;

pub use enter::in_each;
pub use holders::{Holders, holders};
pub use namespaces::places;
pub use view::{View, ViewError};

use gumshoe_process::{Host, Names};
use std::path::Path;

/// Names of the users of the host whose file system lies at `root`.
#[must_use]
pub fn users(root: &Path) -> Names {
    Host::new(root).users().clone()
}
