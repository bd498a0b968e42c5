//! Finds files by name, metadata, content and digest, on disk, in archives and in containers.
//!
//! [`params`] has the parameters and their help texts, [`check`] turns them into a [`plan`], `run` carries it out:
//! one walk over all paths ([`gumshoe_walk`]), in which each name is tried against the searches that cover its
//! folder. What still matches after name and metadata is opened, and read once for all patterns and digests.
//!
//! **Invariant:** files are opened for reading only, never through a link that was not resolved before, and never
//! unless they are regular files. Findings carry metadata, never content.

mod archive;
pub mod check;
pub mod condition;
mod content;
mod digest;
mod engine;
pub mod finding;
mod links;
pub mod metadata;
pub mod params;
pub mod parse;
mod parts;
mod patterns;
pub mod plan;
mod raw;
mod run;
mod subject;
mod unix;
mod visit;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as os;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as os;

use gumshoe_plugin_api::{Context, Example, Failure, Module};

/// The module.
#[derive(Debug)]
pub struct File;

impl Module for File {
    type Params = params::Params;
    type Plan = plan::Plan;
    type Finding = finding::Finding;
    type Statistics = engine::Statistics;

    fn run(plan: Self::Plan, context: &Context) -> Result<Self::Statistics, Failure> {
        run::run(&plan, context)
    }

    fn examples() -> Vec<Example> {
        vec![
            Example::new(
                "programs below /usr that anybody may replace",
                &["--path", "/usr", "--mode", "^-.......w.", "--mode", "x"],
            ),
            Example::new(
                "set-user-id programs that changed in the last week",
                &[
                    "--path",
                    "/",
                    "--mode",
                    "^-..s",
                    "--ctime",
                    "<7d",
                    "--returnsha256",
                ],
            ),
            Example::new(
                "SSH keys of root that allow a certain address",
                &[
                    "--path",
                    "/root",
                    "--name",
                    "^authorized_keys",
                    "--content",
                    r"192\.0\.2\.7",
                ],
            ),
            Example::new(
                "a vulnerable class, also in jars inside wars, on the host and in containers",
                &[
                    "--path",
                    "/",
                    "--name",
                    r"^JndiLookup\.class$",
                    "--archives",
                    "--containers",
                ],
            ),
            Example::new(
                "two questions in one walk",
                &[
                    "--search",
                    "core",
                    "--path",
                    "/",
                    "--name",
                    r"^core\.\d+$",
                    "--size",
                    ">1m",
                    "--search",
                    "hidden",
                    "--path",
                    "/dev/shm",
                    "--path",
                    "/tmp",
                    "--name",
                    r"^\.",
                    "--type",
                    "f",
                ],
            ),
        ]
    }
}

gumshoe_plugin_api::export_module! {
    module: File,
    name: "file",
    summary: "finds files by name, metadata, content and digest",
    os: ["linux", "macos"],
    privileges: ["read-files", "read-processes"],
}
