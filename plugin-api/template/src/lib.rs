//! A Gumshoe module: what a host's `/etc/hosts` says about a name or an address.
#![forbid(unsafe_code)]

mod params;
mod parse;
mod run;

pub use params::{Params, Plan};
pub use run::{Finding, Statistics};

use gumshoe_plugin_api::{Context, Example, Failure, Module};

/// The module.
pub struct Hosts;

impl Module for Hosts {
    type Params = Params;
    type Plan = Plan;
    type Finding = Finding;
    type Statistics = Statistics;

    fn run(plan: Plan, context: &Context) -> Result<Statistics, Failure> {
        run::run(&plan, context)
    }

    fn examples() -> Vec<Example> {
        vec![
            Example::new("is an update server redirected?", &["--name", "deb.debian.org"]),
            Example::new("which names point to this address?", &["--address", "192.0.2.7"]),
        ]
    }
}

gumshoe_plugin_api::export_module! {
    module: Hosts,
    name: "hosts",
    summary: "what /etc/hosts says about a name or an address",
    os: ["linux", "macos"],
    privileges: [],
}
