//! Finds sockets, addresses and neighbours in every network namespace of a host, and the processes behind them.
//!
//! [`params`] has the parameters and their help texts, [`check`] turns them into a [`plan`], `run` carries it out: it
//! looks into one namespace after the other, lists what the questions are about, and tests each entry. On Linux the
//! kernel is asked by netlink, and told what to leave out where it can ([`bytecode`]); text tables below `/proc/net`
//! are read where netlink is denied, and on fixtures.
//!
//! **Invariant:** only looks. Nothing is sent to a network, no kernel module is loaded for a protocol that the host
//! does not use, and nothing in a process is stopped or changed. Only a thread that ends afterwards enters another
//! namespace.

pub mod bytecode;
pub mod check;
pub mod finding;
pub mod namespace;
pub mod params;
pub mod parse;
pub mod plan;
mod run;
pub mod socket;

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
pub struct Netstat;

impl Module for Netstat {
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
                "who talks to a command-and-control network, in containers too, and which program it is",
                &[
                    "--connectedip",
                    "203.0.113.0/24",
                    "--connectedip",
                    "2001:db8:bad::/48",
                    "--namespaces",
                    "--owners",
                ],
            ),
            Example::new(
                "what listens on ports that databases use",
                &["--listeningport", "5432", "--listeningport", "27017-27019"],
            ),
            Example::new(
                "connections of programs whose file was deleted",
                &[
                    "--process",
                    r" \(deleted\)$",
                    "--state",
                    "established",
                    "--namespaces",
                ],
            ),
            Example::new(
                "programs that watch the network",
                &["--protocol", "packet", "--protocol", "raw", "--owners"],
            ),
            Example::new(
                "which hosts saw a device with a hardware address",
                &["--neighbormac", "^02:42:ac:"],
            ),
            Example::new("which host has an address", &["--localip", "192.0.2.17"]),
            Example::new(
                "sockets of a container runtime",
                &["--unixpath", r"/(docker|containerd)\.sock$", "--owners"],
            ),
        ]
    }
}

gumshoe_plugin_api::export_module! {
    module: Netstat,
    name: "netstat",
    summary: "finds sockets, addresses and neighbours, and the processes behind them",
    os: ["linux", "macos"],
    privileges: ["read-files", "read-processes", "enter-namespaces"],
}
