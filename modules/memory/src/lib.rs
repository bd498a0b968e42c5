//! Searches the memory of running processes for literals, bytes and regexes, and for signs of injected code.
//!
//! [`params`] has the parameters and their help texts, [`check`] turns them into a [`plan`], `run` carries it out:
//! processes one after the other on each thread (`inspect`), the cheap filters first. What must be read of a process is
//! put together by `feed`: pages of its own from the process, pages that are the same as in a mapped file from the file.
//! Files are searched once for all processes (`shared`).
//!
//! **Invariant:** no process is stopped, attached to, signalled or written to, and no page of it is populated. Findings
//! carry addresses, never content.

mod anomaly;
pub mod check;
mod code;
mod collect;
mod engine;
mod feed;
pub mod finding;
mod inspect;
mod layout;
mod mapped;
mod notes;
mod pace;
pub mod params;
pub mod parse;
pub mod plan;
mod reader;
pub mod region;
mod run;
mod shared;
mod survey;
mod trial;

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
pub struct Memory;

impl Module for Memory {
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
                "a command-and-control address in any process, as ASCII or UTF-16",
                &["--content", r"(?i)evil\.example\.net", "--wide"],
            ),
            Example::new(
                "bytes of an implant in web servers",
                &[
                    "--name",
                    "(nginx|apache2|httpd)$",
                    "--bytes",
                    "48 8b ?? e8 ?? ?? ?? ?? 4? 85 c0",
                ],
            ),
            Example::new(
                "processes that use a certain library",
                &["--lib", r"libcrypto\.so\.1\.0", "--matchany"],
            ),
            Example::new(
                "signs of injected code in processes of root",
                &[
                    "--user",
                    "root",
                    "--anomaly",
                    "memfd_exe",
                    "--anomaly",
                    "exe_mismatch",
                    "--anomaly",
                    "modified_code",
                ],
            ),
            Example::new(
                "two questions, one look at memory",
                &[
                    "--search",
                    "key",
                    "--content",
                    "BEGIN OPENSSH PRIVATE KEY",
                    "--region",
                    "heap",
                    "--region",
                    "anon",
                    "--search",
                    "gone",
                    "--anomaly",
                    "deleted_exe",
                ],
            ),
        ]
    }
}

gumshoe_plugin_api::export_module! {
    module: Memory,
    name: "memory",
    summary: "searches the memory of processes for patterns and signs of injected code",
    os: ["linux", "macos"],
    privileges: ["read-files", "read-processes"],
}
