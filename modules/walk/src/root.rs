//! Where a walk begins and how far it goes.

use std::path::PathBuf;

/// Which devices a walk may enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Devices {
    /// Every device that is mounted below the root.
    #[default]
    All,
    /// Only the device on which the root lies, as `find -xdev` does.
    Same,
}

/// Whether remote file systems (NFS, SMB, sshfs …) are walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RemoteFs {
    /// They are skipped and reported, also when the root itself lies on one.
    #[default]
    Skip,
    /// They are walked as local ones are.
    Walk,
}

/// One path from which to walk, with its own bounds.
///
/// Several roots may overlap or be equal; each directory is still visited once and names the roots that cover it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Path of a directory or file below the [`Base`](crate::Base), absolute. Symbolic links in it are followed.
    pub path: PathBuf,
    /// How many directories below the root the deepest visited one lies; 0 visits the root alone.
    pub max_depth: u32,
    /// Which devices are entered.
    pub devices: Devices,
    /// Whether remote file systems are entered.
    pub remote: RemoteFs,
}

impl Root {
    /// A root without bounds on depth and devices, that stays off remote file systems.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            max_depth: u32::MAX,
            devices: Devices::All,
            remote: RemoteFs::Skip,
        }
    }
}
