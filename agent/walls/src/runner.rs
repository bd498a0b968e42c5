//! The walls of a runner, in the order in which they go up.

use crate::{Identity, Missing, Need, WallError, resources, system};
use serde::{Deserialize, Serialize};

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
        system::restrict_files(&self.needs, &mut missing)?;
        system::filter_runner(&self.needs, &mut missing)?;
        Ok(missing)
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
