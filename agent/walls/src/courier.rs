//! The walls of the courier, in the order in which they go up.

use crate::{Identity, Missing, WallError, resources, system};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What the courier keeps: connections out, and reading a few files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CourierWalls {
    /// The user that it becomes, if it is started by one who may choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// What it may read besides [`CourierWalls::RESOLVING`]: certificates, its own key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readable: Vec<PathBuf>,
    /// Private writable memory, in bytes; 0 for no limit.
    pub memory_bytes: u64,
}

impl CourierWalls {
    /// What turning a relay's name into addresses reads, on hosts of all kinds; what is not there is left out.
    pub const RESOLVING: [&'static str; 9] = [
        "/etc/resolv.conf",
        "/etc/hosts",
        "/etc/host.conf",
        "/etc/gai.conf",
        "/etc/nsswitch.conf",
        "/etc/services",
        // where `/etc/resolv.conf` leads to
        "/run/systemd/resolve",
        "/run/resolvconf",
        "/run/NetworkManager",
    ];

    /// Puts up every wall. The process must have one thread: most rights belong to threads. After this it cannot load code, so
    /// whatever getaddrinfo(3) loads must be loaded before: resolve `localhost` once. Its standard streams must be no
    /// files: files do not grow any more.
    ///
    /// Returns the walls that this system does not have.
    ///
    /// # Errors
    ///
    /// [`WallError`], one variant per step. Whoever gets one must end.
    pub fn raise(&self) -> Result<Vec<Missing>, WallError> {
        let mut missing = Vec::new();
        resources::limit(self.memory_bytes)?;
        system::drop_rights(&[], self.identity, &mut missing)?;
        system::hide_from_others()?;
        system::die_with_parent()?;
        system::restrict_courier(&self.paths(), &mut missing)?;
        system::filter_courier(&mut missing)?;
        Ok(missing)
    }

    fn paths(&self) -> Vec<PathBuf> {
        let fixed = Self::RESOLVING.iter().map(PathBuf::from);
        fixed.chain(self.readable.iter().cloned()).collect()
    }
}
