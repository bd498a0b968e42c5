//! Finds installed packages by name and version, whatever installed them, on the host, in images and in containers.
//!
//! [`params`] has the parameters and their help texts, [`check`] turns them into a [`plan`], `run` carries it out over
//! the trees of files that it asks for. The databases are read by [`gumshoe_packages`].
//!
//! **Invariant:** no package manager is run and no database is written to, locked or recovered.

pub mod check;
pub mod finding;
pub mod params;
pub mod plan;
mod run;
mod trees;

use gumshoe_plugin_api::{Context, Example, Failure, Module};

/// The module.
#[derive(Debug)]
pub struct Pkg;

impl Module for Pkg {
    type Params = params::Params;
    type Plan = plan::Plan;
    type Finding = finding::Finding;
    type Statistics = run::Statistics;

    fn run(plan: Self::Plan, context: &Context) -> Result<Self::Statistics, Failure> {
        run::run(&plan, context)
    }

    fn examples() -> Vec<Example> {
        vec![
            Example::new("which OpenSSL libraries are installed", &["--name", "^libssl"]),
            Example::new(
                "whether xz is one of the releases with a back door, also in containers",
                &[
                    "--name",
                    "^(xz-utils|liblzma5|xz|xz-libs)$",
                    "--version",
                    r"^5\.6\.[01]",
                    "--containers",
                ],
            ),
            Example::new(
                "programs that Cargo or npm installed, in any version but 1.2.3",
                &["--type", "cargo", "--type", "npm", "--version", r"!^1\.2\.3$"],
            ),
            Example::new(
                "all packages of an unpacked image",
                &["--inside", "/srv/images/web", "--status", "installed"],
            ),
        ]
    }
}

gumshoe_plugin_api::export_module! {
    module: Pkg,
    name: "pkg",
    summary: "finds installed packages by name and version, whatever installed them",
    os: ["linux", "macos"],
    privileges: ["read-files", "read-processes"],
}
