//! Takes rights away from a process: capabilities, system calls, files, resources.
//!
//! Two processes of the agent put walls around themselves. A **runner** ([`RunnerWalls`]) keeps what its
//! module's manifest asks for and nothing else; the **courier** ([`CourierWalls`]) keeps the network and
//! nothing else. Both are one readable function of ordered steps, the least privilege last, with one
//! [`WallError`] per step. A wall that this kernel, or a start without root, cannot put up is no error: it
//! comes back as [`Missing`], and reports say so.
//!
//! What a process keeps is data, with a reason for every entry: [`CAPABILITIES`], and on Linux `rules`.
//! `docs/sandbox.md` is generated from it.
//!
//! **Invariant:** nothing here gives a right to a process.

mod cgroup;
mod courier;
mod error;
mod identity;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
mod needs;
mod resources;
mod runner;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;

pub use cgroup::{CGROUP_ROOT, Cgroup, CgroupError, CgroupLimits, Cgroups};
pub use courier::CourierWalls;
pub use error::{Missing, Wall, WallError};
pub use identity::Identity;
#[cfg(target_os = "linux")]
pub use linux::rules;
pub use needs::{CAPABILITIES, Kept, Need};
pub use resources::close_inherited_files;
pub use runner::{RunnerWalls, after_loading};
