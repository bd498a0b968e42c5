//! The parameters as they arrive: types and help texts. [`crate::check`] turns them into a plan.

use gumshoe_packages::{Kind, Status};
use schemars::JsonSchema;
use serde::Deserialize;

/// Finds installed packages by name and version, whatever installed them.
///
/// Reads the databases of package managers directly, without running any of them. All conditions must hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Which names match; without it, all do.
    #[serde(default)]
    pub pkgmatch: PkgMatch,
    /// A regular expression that the version must match; `!` in front: must not match.
    ///
    /// Versions are as their manager shows them: with epoch and revision, as in `1:2.3-4`.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "version", "value": "REGEX"}))]
    pub vermatch: Option<String>,
    /// What installed the package; by default anything that is known.
    ///
    /// The language managers (pip, npm, gem, cargo) are those of the system and of users' homes, not of projects.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "type", "value": "TYPE"}))]
    pub types: Vec<Kind>,
    /// A state that the package is in; by default any, so that a removed package that left its configuration is found.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "status", "value": "STATUS"}))]
    pub statuses: Vec<Status>,
    /// A folder that is looked at instead of `/`: an image, a chroot, a mounted disk.
    ///
    /// Links in it never lead out of it.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "inside", "value": "PATH"}))]
    pub roots: Vec<String>,
    /// Look at the root of each running container too. Linux.
    #[serde(default)]
    #[schemars(extend("x-flag" = "containers", "x-needs" = "read-processes"))]
    pub containers: bool,
}

/// Which names match.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct PkgMatch {
    /// A regular expression that the name must match; of several, one.
    ///
    /// The name is without architecture. An expression with a colon is tried on `NAME:ARCH` as well.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "name", "value": "REGEX"}))]
    pub matches: Vec<String>,
}
