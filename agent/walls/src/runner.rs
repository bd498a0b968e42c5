//! The walls of a runner, in the order in which they go up.

use crate::{Identity, Missing, Need, WallError, resources, system};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a runner keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerWalls {
    /// What its module's manifest asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// The user that it becomes, if it is started by one who may choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Private writable memory, in bytes; 0 for no limit.
    pub memory_bytes: u64,
}

impl RunnerWalls {
    /// Puts up every wall that does not hinder the loading of a plugin. The process must have one thread: most
    /// rights belong to threads.
    ///
    /// Returns what is missing: walls that this system does not have, rights that were not there to be kept.
    ///
    /// # Errors
    ///
    /// [`WallError`], one variant per step. Whoever gets one must end.
    pub fn before_loading(&self) -> Result<Vec<Missing>, WallError> {
        let mut missing = Vec::new();
        resources::limit(self.memory_bytes)?;
        resources::lower_priority();
        system::drop_rights(&self.needs, self.identity, &mut missing)?;
        system::hide_from_others()?;
        system::die_with_parent()?;
        system::restrict_files(&self.needs, &[PathBuf::from("/")], &mut missing)?;
        system::filter_runner(&self.needs, &mut missing)?;
        Ok(missing)
    }

    /// Gives up what the question at hand does not need, before any thread is started for it: `unneeded`, and what does not lie
    /// below `paths` (nothing, if there are none).
    ///
    /// Threads that the plugin started when it was loaded keep what they had.
    ///
    /// # Errors
    ///
    /// [`WallError`]. Whoever gets one must end.
    pub fn narrow(&self, unneeded: &[Need], paths: &[PathBuf]) -> Result<(), WallError> {
        let is_needed = |need: &Need| !unneeded.contains(need);
        let needs: Vec<Need> = self.needs.iter().copied().filter(is_needed).collect();
        let gives_up = needs.len() < self.needs.len();
        if gives_up {
            system::keep_only(&needs)?;
        }
        // What is missing was told when the first walls went up.
        match paths {
            [] if gives_up => system::restrict_files(&needs, &[PathBuf::from("/")], &mut Vec::new()),
            [] => Ok(()),
            paths => system::restrict_files(&needs, paths, &mut Vec::new()),
        }
    }
}

/// Puts up the last wall, once the plugin is loaded: no thread of this process can make memory executable any more, so that no
/// other code can be loaded.
///
/// # Errors
///
/// [`WallError::SystemCalls`].
pub fn after_loading() -> Result<(), WallError> {
    system::forbid_new_code()
}
