//! Evaluates policy and vulnerability documents on the host.
//!
//! [`params`] has the parameters and their help texts, [`check`] turns them into a [`plan`], `run` carries it out: it
//! hands the document to [`gumshoe_document`] and answers its questions about packages, files and the system.
//!
//! **Invariant:** only looks. Findings say which tests are true and name what they are about; the values that were
//! tested stay on the host.

pub mod check;
pub mod finding;
mod glob;
mod host;
mod lines;
mod locate;
pub mod params;
pub mod parse;
pub mod plan;
mod run;

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
pub struct Scribe;

impl Module for Scribe {
    type Params = params::Params;
    type Plan = plan::Plan;
    type Finding = finding::Finding;
    type Statistics = run::Statistics;

    fn run(plan: Self::Plan, context: &Context) -> Result<Self::Statistics, Failure> {
        run::run(&plan, context)
    }

    fn examples() -> Vec<Example> {
        vec![
            Example::new(
                "whether a vulnerable version of a package is installed",
                &[
                    "--doc",
                    "objects: [{object: openssl, package: {name: openssl}}]\n\
                     tests: [{test: fixed, object: openssl, evr: {operation: '<', value: 3.0.11-1~deb12u2}}]",
                    "--only-true",
                ],
            ),
            Example::new(
                "whether root may log in with a password, explained",
                &[
                    "--doc",
                    "objects:\n\
                     - object: sshd\n\
                    \x20 filecontent: {path: /etc/ssh, file: ^sshd_config$, expression: '^PermitRootLogin\\s+(\\S+)'}\n\
                     tests:\n\
                     - {test: root-login, object: sshd, exactmatch: {value: 'yes'}}",
                    "--human",
                ],
            ),
            Example::new(
                "accounts besides root that have its number",
                &[
                    "--doc",
                    "objects: [{object: users, user: {name: ., field: uid}}]\n\
                     tests: [{test: roots, object: users, exactmatch: {value: 0}, count: {operation: '>', value: 1}}]",
                ],
            ),
        ]
    }
}

gumshoe_plugin_api::export_module! {
    module: Scribe,
    name: "scribe",
    summary: "evaluates policy and vulnerability documents",
    os: ["linux", "macos"],
    privileges: ["read-files", "read-processes"],
}
