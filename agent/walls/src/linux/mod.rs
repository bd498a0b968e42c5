//! The walls that Linux has.

mod capabilities;
mod files;
mod program;
pub mod rules;
mod system_calls;

pub use capabilities::{drop_rights, keep_only};
pub use files::restrict_files;
use files::{Network, View, restrict_files_to};
pub use system_calls::{filter_courier, filter_runner, forbid_new_code};

use crate::WallError;
use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal};

/// No other process of this user can trace this one or read its memory; `/proc/PID` belongs to root.
pub fn hide_from_others() -> Result<(), WallError> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|errno| WallError::Dumpable(errno.into()))
}

/// Killed when the parent ends. Comes after every change of user, which would undo it (prctl(2)).
pub fn die_with_parent() -> Result<(), WallError> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|errno| WallError::ParentDeath(errno.into()))
}

/// Lets the courier read these paths and connect out.
pub fn restrict_courier(
    paths: &[std::path::PathBuf],
    missing: &mut Vec<crate::Missing>,
) -> Result<(), WallError> {
    let view = View {
        read: paths,
        list: &[],
    };
    restrict_files_to(view, Network::Out, missing)
}
