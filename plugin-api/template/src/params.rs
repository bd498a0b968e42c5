//! Parameters, and the plan they become once they are checked.

use gumshoe_plugin_api::Problems;
use schemars::JsonSchema;
use serde::Deserialize;
use std::net::IpAddr;

/// Looks up names and addresses in the host's static table (`/etc/hosts`).
///
/// An entry is a finding when it has one of the names or one of the addresses.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Host name to look for, in any case.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "name", "value": "HOST"}))]
    pub names: Vec<String>,
    /// Address to look for, IPv4 or IPv6.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "address", "value": "IP"}))]
    pub addresses: Vec<String>,
}

/// Checked parameters.
#[derive(Debug)]
pub struct Plan {
    pub names: Vec<String>,
    pub addresses: Vec<IpAddr>,
}

impl TryFrom<Params> for Plan {
    type Error = Problems;

    fn try_from(params: Params) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        if params.names.is_empty() && params.addresses.is_empty() {
            problems.add("", "give at least one name or address");
        }
        let mut addresses = Vec::new();
        for (index, text) in params.addresses.iter().enumerate() {
            match text.parse() {
                Ok(address) => addresses.push(address),
                Err(_) => problems.add(
                    format!("/addresses/{index}"),
                    format!("{text:?} is not an IP address, such as 192.0.2.7 or 2001:db8::7"),
                ),
            }
        }
        problems.or(Plan {
            names: params.names,
            addresses,
        })
    }
}
